import { describe, expect, test } from 'vitest';
import { AddressRules } from '../../../../actors/push/address-rules.ts';
import { Circuit } from '../../../../actors/push/circuit.ts';
import {
  hasMethod,
  isAsked,
  isPushQueue,
  maskOf,
  originOfQueue,
  PushEvent,
  queueOfUrl,
} from '../../../../actors/push/push-request.ts';
import { urlProblem, type UrlRules } from '../../../../actors/push/push-url.ts';

describe('addresses', () => {
  const rules = new AddressRules([]);

  test.each([
    '127.0.0.1',
    '127.8.9.10',
    '0.0.0.0',
    '10.1.2.3',
    '172.16.0.1',
    '172.31.255.255',
    '192.168.1.1',
    '169.254.169.254',
    '100.64.0.1',
    '100.100.100.200',
    '192.0.0.192',
    '168.63.129.16',
    '198.18.0.1',
    '224.0.0.1',
    '255.255.255.255',
    '::',
    '::1',
    'fe80::1',
    'fc00::1',
    'fd00:ec2::254',
    'ff02::1',
    '2001:db8::1',
    // IPv4 in other clothes: mapped, compatible, NAT64, 6to4.
    '::ffff:127.0.0.1',
    '::ffff:7f00:1',
    '::ffff:10.0.0.1',
    '::127.0.0.1',
    '64:ff9b::7f00:1',
    '2002:7f00:1::',
    'app.example',
    '',
  ])('%j is refused', address => {
    expect(rules.allows(address)).toBe(false);
  });

  test.each(['8.8.8.8', '172.32.0.1', '172.15.255.255', '100.128.0.1', '::ffff:8.8.8.8', '2a00:1450:4001::1'])(
    '%s is allowed',
    address => {
      expect(rules.allows(address)).toBe(true);
    },
  );

  test('a network that may be connected to all the same', () => {
    const own = new AddressRules(['10.1.0.0/16', 'fd12::/16']);
    expect(['10.1.9.9', '::ffff:10.1.9.9', 'fd12::5', '10.2.0.1', 'fd13::5'].map(each => own.allows(each))).toEqual([
      true,
      true,
      true,
      false,
      false,
    ]);
  });
});

describe('URLs', () => {
  const strict: UrlRules = { allowHttp: false, hosts: [], addresses: new AddressRules([]) };

  test.each([
    'https://app.example/r?a=%d&b=%p#x',
    'https://app.example:8443/',
    'https://[2a00:1450:4001::1]/',
    'https://8.8.8.8/',
  ])('%s is one', url => {
    expect(urlProblem(url, strict)).toBe('');
  });

  test.each([
    ['', 'an https URL of'],
    ['/receipts', 'an https URL of'],
    ['https://app.example/a b', 'an https URL of'],
    ['https://app.example/"', 'an https URL of'],
    [`https://app.example/${'x'.repeat(1024)}`, 'an https URL of at most 1024'],
    ['http://app.example/', 'an https URL'],
    ['ftp://app.example/', 'an https URL'],
    ['file:///etc/passwd', 'an https URL'],
    ['https://me@app.example/', 'without user and password'],
    ['https://:secret@app.example/', 'without user and password'],
    [`https://${'a'.repeat(200)}.example/`, 'a host of at most 200'],
    ['https://0x7f.1/', 'not loopback'],
    ['https://017700000001/', 'not loopback'],
    ['https://[::ffff:169.254.169.254]/', 'not loopback'],
    // The escape codes of Kannel are not for the host.
    ['https://%d/', 'an https URL of'],
  ])('%s is none', (url, problem) => {
    expect(urlProblem(url, strict)).toContain(problem);
  });

  test('http where it is allowed', () => {
    const open = { ...strict, allowHttp: true };
    expect(urlProblem('http://app.example/', open)).toBe('');
    expect(urlProblem('ftp://app.example/', open)).toBe('an https or http URL');
  });

  test('the egress list names hosts, or all below one', () => {
    const listed = { ...strict, hosts: ['app.example', '*.Customers.example'] };
    const allowed = (host: string): boolean => urlProblem(`https://${host}/`, listed) === '';
    expect(['app.example', 'APP.example', 'a.customers.example', 'b.a.customers.example'].every(allowed)).toBe(true);
    const others = ['x.app.example', 'customers.example', 'evilcustomers.example', 'app.example.evil.example'];
    expect(others.some(allowed)).toBe(false);
  });
});

const told = (mask: number): number[] => [1, 2, 4, 8, 16].filter(event => isAsked(mask, event as PushEvent));

describe('events', () => {
  test('are the bits of dlr-mask', () => {
    // Kannel 1.4.5, gw/dlr.h.
    expect(PushEvent).toEqual({ delivered: 1, failed: 2, buffered: 4, accepted: 8, rejected: 16, intermediate: 32 });
    expect(maskOf(['delivered', 'accepted', 'intermediate'])).toBe(41);
  });

  test('a rejection is told where failures are, as Kannel does (bb_smscconn.c)', () => {
    expect(told(1)).toEqual([1]);
    expect(told(2)).toEqual([2, 16]);
    expect(told(16)).toEqual([16]);
    expect(told(8)).toEqual([8]);
    expect(told(4)).toEqual([4]);
    expect(told(32)).toEqual([4]);
    expect(told(63)).toEqual([1, 2, 4, 8, 16]);
  });

  test('methods by format', () => {
    const known = (['heliograph', 'kannel', 'jasmin'] as const).map(format =>
      (['GET', 'POST'] as const).filter(method => hasMethod(format, method)),
    );
    expect(known).toEqual([['POST'], ['GET'], ['GET', 'POST']]);
  });
});

test('the queue of a URL is that of its origin', () => {
  const queue = queueOfUrl('HTTPS://App.Example:443/a/b?c');
  expect(queue).toBe('http/https://app.example');
  expect(originOfQueue(queue)).toBe('https://app.example');
  expect(isPushQueue(queue)).toBe(true);
  expect(isPushQueue('http')).toBe(false);
});

describe('a receiver that fails', () => {
  test('is left alone after three failures in a row, longer each time, and tried with one', () => {
    const circuit = new Circuit();
    expect([circuit.failed(0), circuit.failed(0), circuit.most(8, 0)]).toEqual([0, 0, 8]);
    expect(circuit.failed(0)).toBe(1000);
    expect([circuit.most(8, 999), circuit.most(8, 1000)]).toEqual([0, 1]);
    // Those that were under way with the third.
    expect(circuit.failed(500)).toBe(0);
    const pauses = [];
    for (let now = 1000, i = 0; i < 8; i++) {
      const pause = circuit.failed(now);
      pauses.push(pause);
      now += pause;
    }
    expect(pauses).toEqual([2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000, 60_000]);
    expect(circuit.succeeded()).toBe(true);
    expect(circuit.most(8, 0)).toBe(8);
  });

  test('not after failures between which it took something', () => {
    const circuit = new Circuit();
    for (let i = 0; i < 10; i++) {
      circuit.failed(i);
      circuit.failed(i);
      expect(circuit.succeeded()).toBe(false);
    }
    expect(circuit.most(8, 10)).toBe(8);
  });
});
