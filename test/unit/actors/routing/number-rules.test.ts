import { expect, test } from 'vitest';
import { MessageDraft } from '../../../../actors/message/draft.ts';
import { numberRules, renumber, type NumberRules } from '../../../../actors/routing/number-rules.ts';

const rule = (from: string, to: string, ton: number | null = null, npi: number | null = null) => ({
  from,
  to,
  ton,
  npi,
});
const NONE: NumberRules = { dest: [], source: [], senders: [] };

/** Source and recipient afterwards, with TON and NPI; the text, to see that nothing else has moved. */
function after(from: string, to: string, rules: Partial<NumberRules>, payload = false) {
  const m = new MessageDraft();
  const text = 'Hello';
  const head = payload ? Buffer.from([0x14, 0, 0, 1, 7, 0x04, 0x24, 0, text.length]) : Buffer.alloc(0);
  m.buffer = Buffer.concat([Buffer.from(`--${from}${to}WAP`, 'latin1'), head, Buffer.from(text)]);
  m.sourceAt = 2;
  m.sourceLength = from.length;
  m.sourceTon = /^\+?\d+$/.test(from) ? 1 : 5;
  m.destAt = 2 + from.length;
  m.destLength = to.length;
  m.destTon = m.destNpi = 1;
  m.serviceTypeAt = m.destAt + to.length;
  m.serviceTypeLength = 3;
  m.textAt = m.buffer.length - text.length;
  m.textLength = text.length;
  m.tlvsAt = m.serviceTypeAt + 3;
  m.tlvsLength = payload ? head.length + text.length : 0;
  if (payload) {
    m.payloadTlvAt = m.tlvsAt + 5;
    m.payloadTlvLength = 4 + text.length;
  }
  renumber(m, { ...NONE, ...rules });
  const read = (at: number, length: number): string => m.buffer.toString('latin1', at, at + length);
  expect([read(m.textAt, m.textLength), read(m.serviceTypeAt, 3)]).toEqual([text, 'WAP']);
  if (payload) expect(m.buffer.readUInt16BE(m.payloadTlvAt)).toBe(0x0424);
  const sent = [read(m.sourceAt, m.sourceLength), m.sourceTon, m.sourceNpi];
  return [...sent, read(m.destAt, m.destLength), m.destTon, m.destNpi].join(' ');
}

test('the longest beginning that fits is replaced', () => {
  const dest = [rule('0', '44'), rule('00', ''), rule('+', ''), rule('', '44')];
  expect(after('ACME', '07700900123', { dest })).toBe('ACME 5 0 447700900123 1 1');
  expect(after('ACME', '00358401234', { dest })).toBe('ACME 5 0 358401234 1 1');
  expect(after('ACME', '+358401234', { dest }, true)).toBe('ACME 5 0 358401234 1 1');
  expect(after('ACME', '7700900123', { dest })).toBe('ACME 5 0 447700900123 1 1');
});

test('TON and NPI change with the number, and only then', () => {
  const dest = [rule('44', '0', 2, 8)];
  expect(after('ACME', '447700900123', { dest })).toBe('ACME 5 0 07700900123 2 8');
  expect(after('ACME', '358401234', { dest })).toBe('ACME 5 0 358401234 1 1');
});

test('names are no numbers; a rule that makes too long a number, or none, does nothing', () => {
  expect(after('ACME', '44', { source: [rule('', '9')] })).toBe('ACME 5 0 44 1 1');
  expect(after('ACME', '12345', { dest: [rule('1', '12345678901234567')] })).toBe('ACME 5 0 12345 1 1');
  expect(after('ACME', '44', { dest: [rule('44', '')] })).toBe('ACME 5 0 44 1 1');
  expect(after('07700900123', '44', { source: [rule('0', '44')] })).toBe('447700900123 1 0 44 1 1');
});

test('a sender is replaced by a fixed one, or by one that its recipient always sees', () => {
  expect(after('ACME', '44', { senders: [{ match: 'shop*', senders: ['SHOP'] }] })).toBe('ACME 5 0 44 1 1');
  expect(after('Shop 1', '44', { senders: [{ match: 'shop*', senders: ['+447700900999'] }] })).toBe(
    '447700900999 1 1 44 1 1',
  );
  expect(after('12345', '44', { senders: [{ match: '*', senders: ['ACME'] }] })).toBe('ACME 5 0 44 1 1');
  const senders = [{ match: '*', senders: ['A', 'B', 'C'] }];
  const seen = new Map<string, number>();
  for (let i = 0; i < 300; i++) {
    const to = `44770090${i}`;
    const [sender] = after('ACME', to, { senders }).split(' ');
    expect(after('other', to, { senders }).split(' ')[0]).toBe(sender);
    seen.set(sender!, (seen.get(sender!) ?? 0) + 1);
  }
  expect([...seen.keys()].toSorted()).toEqual(['A', 'B', 'C']);
  for (const count of seen.values()) expect(count).toBeGreaterThan(50);
});

test('no rules are none', () => {
  expect(numberRules(NONE)).toBeUndefined();
});
