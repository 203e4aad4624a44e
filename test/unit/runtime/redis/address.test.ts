import { describe, expect, test } from 'vitest';
import { describeAddress, isLoopback, parseRedisAddress } from '../../../../runtime/redis/address.ts';

describe('a Redis address', () => {
  test('of one server', () => {
    expect(parseRedisAddress('redis://user:p%40ss@db.example:6380/3')).toEqual({
      mode: 'standalone',
      tls: false,
      nodes: [{ host: 'db.example', port: 6380 }],
      master: '',
      username: 'user',
      password: 'p@ss',
      sentinelPassword: '',
      database: 3,
    });
    expect(parseRedisAddress('rediss://[::1]')).toMatchObject({ tls: true, nodes: [{ host: '::1', port: 6379 }] });
  });

  test('of Sentinels, of a cluster', () => {
    expect(
      parseRedisAddress('redis+sentinel://:pw@a/mymaster?node=b&node=c:26380&sentinel_password=own'),
    ).toMatchObject({
      mode: 'sentinel',
      master: 'mymaster',
      password: 'pw',
      sentinelPassword: 'own',
      nodes: [
        { host: 'a', port: 26379 },
        { host: 'b', port: 26379 },
        { host: 'c', port: 26380 },
      ],
    });
    const three = parseRedisAddress('redis+sentinel://u:p@a,b:1,c/mymaster?node=d');
    expect(three).toMatchObject({ username: 'u', password: 'p', master: 'mymaster' });
    expect(three.nodes.map(({ host, port }) => `${host}:${port}`)).toEqual(['a:26379', 'b:1', 'c:26379', 'd:26379']);
    expect(parseRedisAddress('redis+cluster://a:1,b:2').nodes).toHaveLength(2);
    expect(parseRedisAddress('rediss+cluster://a:7000?node=b:7001')).toMatchObject({
      mode: 'cluster',
      tls: true,
      nodes: [
        { host: 'a', port: 7000 },
        { host: 'b', port: 7001 },
      ],
    });
  });

  test.each([
    ['postgres://a', /expected an address that begins with redis:/],
    ['nonsense', /expected an address that begins with redis:/],
    ['redis+sentinel://a:1', /the master’s name/],
    ['redis+cluster://a/2', /no databases but 0/],
    ['redis://a/x', /expected a database number, got x/],
    ['redis://a,b', /expected one host/],
    ['redis+cluster://a,', /expected host:port, got/],
    ['redis://a?node=b', /no parameter node for redis:/],
    ['redis+cluster://a?sentinel_password=b', /no parameter sentinel_password/],
    ['redis+cluster://a?node=', /expected host:port, got/],
  ])('%s is refused, and why', (text, why) => {
    expect(() => parseRedisAddress(text)).toThrow(why);
  });

  test('is told without its passwords', () => {
    const told = describeAddress(parseRedisAddress('redis+sentinel://u:secret@a/m?sentinel_password=secret'));
    expect(told).toBe('the master m of the Sentinels at a:26379');
  });

  test('that leaves this machine, or not', () => {
    const hosts = ['127.0.0.1', '127.9.9.9', '::1', 'localhost', '10.0.0.1', 'redis.example', '127.evil.example'];
    expect(hosts.filter(host => isLoopback({ host, port: 1 }))).toEqual(hosts.slice(0, 4));
  });
});
