import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { freePort } from '../../../bench/harness/smppload.ts';
import { startNode } from '../../support/node-process.ts';
import { bindPdu } from '../../support/raw-peer.ts';
import { startRedis, startReplica, startSentinel } from '../../support/test-redis.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { openStripe } from '../store-redis/support.ts';

/** The real programs, with the files of `deploy/`. */

const folder = mkdtempSync(join(tmpdir(), 'heliograph-deploy-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const read = (name: string): string => readFileSync(new URL(`../../../deploy/${name}`, import.meta.url), 'utf8');

describe('HAProxy with deploy/haproxy', () => {
  test('passes sessions and requests to nodes that take messages, and says who the client is', async () => {
    const [smpp, api] = [await freePort(), await freePort()];
    await using node = await startNode({
      config: {
        listeners: { smpp: { proxy_from: ['127.0.0.1'] }, api: { auth: 'none' } },
        accounts: [{ system_id: 'shop', password: 'shop', allow_ips: ['127.0.0.9'] }],
      },
    });
    // One node in place of three, other ports than a machine may have taken, and as few descriptors as it may allow.
    const file = join(folder, 'haproxy.cfg');
    const text = read('haproxy/haproxy.cfg')
      .replace('maxconn 20000', 'maxconn 100')
      .replace('bind :2775', `bind 127.0.0.1:${smpp}`)
      .replace('bind :8080', `bind 127.0.0.1:${api}`)
      .replace('/run/haproxy/admin.sock', join(folder, 'admin.sock'))
      .replace(/server node[23] .*/g, '')
      .replace('node1:2775', `127.0.0.1:${node.ports['smpp']}`)
      .replace('node1:8080', `127.0.0.1:${node.ports['api']}`)
      .replace('check port 8080', `check port ${node.ports['api']}`);
    writeFileSync(file, text);
    expect(spawnSync('haproxy', ['-c', '-f', file], { encoding: 'utf8' })).toMatchObject({ status: 0, stderr: '' });
    const haproxy = spawn('haproxy', ['-db', '-f', file], { stdio: 'ignore' });
    const closed = once(haproxy, 'close');
    const reap = (): void => void haproxy.kill('SIGKILL');
    process.once('exit', reap);
    try {
      const status = (): Promise<number> =>
        fetch(`http://127.0.0.1:${api}/api/status`).then(
          answer => answer.status,
          () => 0,
        );
      await waitUntil('HAProxy passes requests', async () => (await status()) === 200);
      const socket = connect({ host: '127.0.0.1', port: smpp, localAddress: '127.0.0.9' });
      socket.write(bindPdu('shop', 'shop'));
      const [answer] = (await once(socket, 'data', { signal: AbortSignal.timeout(10_000) })) as [Buffer];
      expect(answer.readUInt32BE(8)).toBe(0);
      const { sessions } = await node.status();
      expect(sessions.map(({ name, peer }) => [name, peer.split(':')[0]])).toEqual([['shop', '127.0.0.9']]);
      // A node that ends unbinds its sessions itself; HAProxy then says that nobody is there.
      const ended = node.stop();
      const [unbind] = (await once(socket, 'data', { signal: AbortSignal.timeout(30_000) })) as [Buffer];
      expect(unbind.readUInt32BE(4)).toBe(6);
      socket.destroy();
      expect(await ended).toBe(0);
      await waitUntil('HAProxy has noticed', async () => (await status()) === 503);
    } finally {
      process.off('exit', reap);
      haproxy.kill('SIGKILL');
      await closed;
    }
  });
});

/** `name value` lines as arguments of redis-server. */
function options(text: string): string[] {
  const lines = text.split('\n').filter(line => /^[a-z]/.test(line));
  return lines.flatMap(line => {
    const [name, ...values] = line.split(' ');
    return [`--${name}`, ...values.map(value => value.replace('""', ''))];
  });
}

describe('Redis with deploy/redis', () => {
  test('a node finds nothing wrong with its settings; the Sentinels find the master', async () => {
    const settings = options(read('redis/redis.conf'));
    const master = await startRedis(settings);
    const replica = await startReplica(master, settings);
    const [, after] = /down-after-milliseconds heliograph (\d+)/.exec(read('redis/sentinel.conf'))!;
    const sentinel = await startSentinel(master, Number(after));
    try {
      await waitUntil('the replica counts', async () =>
        (await master.client.info('replication')).includes('min_slaves_good_slaves:1'),
      );
      const url = `redis+sentinel://127.0.0.1:${sentinel.port}/mymaster`;
      const { store, alarms } = await openStripe(url, { name: 'deploy', replicas: 1 });
      await store.close();
      expect(alarms).toEqual([]);
    } finally {
      for (const server of [sentinel, replica, master]) await server.remove();
    }
  });

  test('a master that comes back by start-redis is a replica at once', async () => {
    const settings = options(read('redis/redis.conf'));
    const master = await startRedis(settings);
    const replica = await startReplica(master, settings);
    const sentinel = await startSentinel(master, 500);
    const script = fileURLToPath(new URL('../../../deploy/redis/start-redis', import.meta.url));
    const own = ['redis-server', '--port', String(master.port), '--dir', master.folder];
    const where = ['mymaster', `127.0.0.1:1,127.0.0.1:${sentinel.port}`, '127.0.0.1', String(master.port)];
    let again: ChildProcess | undefined;
    try {
      const replicas = (): Promise<string> => replica.client.info('replication');
      await waitUntil('the replica is one', async () => (await replicas()).includes('master_link_status:up'));
      await waitUntil('the Sentinel knows it', async () =>
        String(await sentinel.client.call('SENTINEL', 'REPLICAS', 'mymaster')).includes(String(replica.port)),
      );
      await master.kill();
      const known = async (): Promise<string> =>
        String(await sentinel.client.call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', 'mymaster'));
      await waitUntil('the replica is master', async () => (await known()).includes(String(replica.port)), 20_000);
      const startMs = performance.now();
      again = spawn(script, [...where, ...own, ...settings], { stdio: 'ignore' });
      await waitUntil('it has a replica', async () => (await replicas()).includes('min_slaves_good_slaves:1'), 20_000);
      expect(performance.now() - startMs).toBeLessThan(5000);
    } finally {
      again?.kill('SIGKILL');
      for (const server of [sentinel, replica, master]) await server.remove();
    }
  });

  test('sentinel.conf is one that Sentinel reads', async () => {
    const file = join(folder, 'sentinel.conf');
    const port = await freePort();
    const text = read('redis/sentinel.conf').replace('redis1', '127.0.0.1').replace('port 26379', `port ${port}`);
    writeFileSync(file, text);
    const sentinel = spawn('redis-server', [file, '--sentinel'], { stdio: ['ignore', 'pipe', 'inherit'] });
    const closed = once(sentinel, 'close');
    let output = '';
    sentinel.stdout.setEncoding('utf8').on('data', (part: string) => (output += part));
    try {
      await waitUntil('it watches', () => output.includes('+monitor master heliograph') || sentinel.exitCode !== null);
      expect(output).toContain('+monitor master heliograph 127.0.0.1 6379 quorum 2');
    } finally {
      sentinel.kill('SIGKILL');
      await closed;
    }
  });
});
