import { describe, expect, test } from 'vitest';
import { readProxyHeader } from '../../../../adapters/smpp/proxy-protocol.ts';
import { wire } from '../../../support/smpp-wire.ts';

const text = (line: string): Buffer => Buffer.from(line, 'latin1');
const V2 = '0d0a0d0a 000d0a51 5549540a';

// Bytes as in the examples of HAProxy's proxy-protocol.txt, §2.1 and §2.2.
const GOOD: readonly [string, Buffer, string | undefined][] = [
  ['TCP4', text('PROXY TCP4 192.0.2.7 198.51.100.9 56324 2775\r\n'), '192.0.2.7'],
  ['TCP6', text('PROXY TCP6 2001:db8::7 2001:db8::9 56324 2775\r\n'), '2001:db8::7'],
  ['UNKNOWN', text('PROXY UNKNOWN\r\n'), undefined],
  ['UNKNOWN with words', text('PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n'), undefined],
  ['version 2, TCP over IPv4', wire(`${V2} 21 11 000c c0000207 c6336409 dc04 0ad7`), '192.0.2.7'],
  ['version 2 with a TLV', wire(`${V2} 21 11 000f c0000207 c6336409 dc04 0ad7 04 0000`), '192.0.2.7'],
  [
    'version 2, TCP over IPv6',
    wire(`${V2} 21 21 0024 20010db8000000000000000000000007 20010db8000000000000000000000009 dc04 0ad7`),
    '2001:db8::7',
  ],
  ['version 2, LOCAL', wire(`${V2} 20 00 0000`), undefined],
  ['version 2, a Unix socket', wire(`${V2} 21 31 0000`), undefined],
];

describe('a header', () => {
  test.each(GOOD)('%s', (_name, header, address) => {
    const whole = Buffer.concat([header, wire('00000010 00000015')]);
    expect(readProxyHeader(whole)).toEqual({ type: 'header', length: header.length, address });
    for (let i = 0; i < header.length; i++) expect(readProxyHeader(whole.subarray(0, i))).toEqual({ type: 'more' });
  });
});

describe('what is none', () => {
  test.each([
    ['SMPP', wire('00000010 00000015 00000000 00000001')],
    ['a line that does not end', text(`PROXY TCP4 ${'1'.repeat(120)}`)],
    ['no address', text('PROXY TCP4 192.0.2 198.51.100.9 1 2\r\n')],
    ['an address of the other family', text('PROXY TCP6 192.0.2.7 198.51.100.9 1 2\r\n')],
    ['too few fields', text('PROXY TCP4 192.0.2.7\r\n')],
    ['another version', wire(`${V2} 31 11 000c c0000207 c6336409 dc04 0ad7`)],
    ['an unknown command', wire(`${V2} 22 11 000c c0000207 c6336409 dc04 0ad7`)],
    ['too short for its family', wire(`${V2} 21 11 0004 c0000207`)],
    ['absurdly long', wire(`${V2} 21 11 ffff`)],
  ])('%s', (_name, octets) => {
    expect(readProxyHeader(octets)).toEqual({ type: 'invalid' });
  });
});
