import { describe, expect, test } from 'vitest';
import { AllowList, EXPECTED_NETWORK } from '../../../../actors/accounts/allow-ips.ts';

function list(...entries: string[]): AllowList {
  const outcome = AllowList.parse(entries);
  if (!outcome.ok) throw new Error(outcome.got);
  return outcome.list;
}

describe('AllowList', () => {
  test.each([
    ['192.0.2.7', '192.0.2.7', true],
    ['192.0.2.7', '192.0.2.8', false],
    ['192.0.2.0/24', '192.0.2.255', true],
    ['192.0.2.0/24', '192.0.3.0', false],
    ['192.0.2.77/24', '192.0.2.1', true],
    ['0.0.0.0/0', '203.0.113.9', true],
    ['0.0.0.0/0', '2001:db8::1', false],
    ['2001:db8::/32', '2001:db8:ffff::1', true],
    ['2001:db8::/32', '2001:db9::1', false],
    ['2001:db8::1', '2001:DB8:0:0:0:0:0:1', true],
    ['::/0', '2001:db8::1', true],
    ['fe80::/10', 'fe80::1%eth0', true],
    // A dual-stack listener tells IPv4 peers as IPv4-mapped (RFC 4291 §2.5.5.2).
    ['192.0.2.0/24', '::ffff:192.0.2.9', true],
    ['192.0.2.0/24', '::ffff:c000:209', true],
    ['192.0.2.0/24', '::FFFF:192.0.3.9', false],
    ['::ffff:192.0.2.0/120', '192.0.2.9', true],
    ['::ffff:192.0.2.0/120', '::ffff:192.0.2.9', true],
    ['::ffff:192.0.2.0/120', '192.0.3.9', false],
    ['192.0.2.0/24', 'localhost', false],
    ['192.0.2.0/24', '', false],
  ])('%s allows %s: %s', (entry, address, expected) => {
    expect(list(entry).allows(address)).toBe(expected);
  });

  test('an empty list allows any address', () => {
    expect(list().allows('192.0.2.1')).toBe(true);
  });
  test('any entry of several will do', () => {
    const l = list('192.0.2.1', '2001:db8::/32');
    expect(['192.0.2.1', '2001:db8::5', '192.0.2.2'].map(address => l.allows(address))).toEqual([true, true, false]);
  });
  test.each([
    '192.0.2',
    '192.0.2.0/33',
    '192.0.2.0/',
    '192.0.2.0/-1',
    '192.0.2.0/2/4',
    '2001:db8::/129',
    'host',
    '',
    'fe80::1%eth0',
    '1.2.3.4/0x8',
  ])('%j is no network', entry => {
    expect(AllowList.parse(['192.0.2.1', entry])).toEqual({
      ok: false,
      entry: 1,
      expected: EXPECTED_NETWORK,
      got: entry,
    });
  });
});
