import { describe, expect, test } from 'vitest';
import { MessageDraft } from '../../../../actors/message/draft.ts';
import { AS_IT_IS, fit, type Addressing } from '../../../../adapters/smpp/addressing.ts';
import { COMMAND_ID } from '../../../../adapters/smpp/codec/command-id.ts';
import { smSize, writeSm } from '../../../../adapters/smpp/codec/hot-write.ts';
import { wire } from '../../../support/smpp-wire.ts';

const NOW = Date.UTC(2026, 10, 22);
const DAY = 86_400_000;

function draft(source: string, fields: Partial<MessageDraft> = {}): MessageDraft {
  const m = new MessageDraft();
  m.buffer = Buffer.from(`${source}447700900123Hi\x14\x00\x00\x01\x07`, 'latin1');
  m.sourceLength = source.length;
  m.destAt = source.length;
  m.destLength = 12;
  m.destTon = m.destNpi = 1;
  m.textAt = m.destAt + 12;
  m.textLength = 2;
  m.tlvsAt = m.textAt + 2;
  m.tlvsLength = 5;
  return Object.assign(m, fields);
}

/** What of a submit_sm is behind the header. */
function sent(m: MessageDraft, addressing: Partial<Addressing>, expiresAt = NOW + DAY): Buffer {
  fit(m, { ...AS_IT_IS, ...addressing }, expiresAt, NOW);
  const out = Buffer.alloc(smSize(m));
  return out.subarray(16, writeSm(out, 0, COMMAND_ID.submit_sm, 1, m, true));
}

describe('source_autodetect', () => {
  const detect = { digits: 5, ton: 3, npi: 0 };
  test.each([
    ['ACME', '05 00 "ACME"'],
    ['12a', '05 00 "12a"'],
    ['+', '05 00 "+"'],
    ['+44x', '05 00 "+44x"'],
    ['12345', '03 00 "12345"'],
    ['00', '03 00 "00"'],
    ['123456', '01 01 "123456"'],
    ['+123', '01 01 "123"'],
    ['00447700900999', '01 01 "447700900999"'],
    ['+447700900999', '01 01 "447700900999"'],
    ['', '09 08'],
  ])('%j is %s', (source, expected) => {
    const octets = sent(draft(source, { sourceTon: 9, sourceNpi: 8 }), { detect });
    expect(octets).toEqual(
      wire(`00 ${expected} 00 01 01 "447700900123" 00 00 00 00 00 00 00 00 00 00 02 "Hi" 1400 0001 07`),
    );
  });
  test('a TON that is set comes before it', () => {
    const octets = sent(draft('ACME'), { detect, sourceTon: 6 });
    expect(octets.subarray(0, 3)).toEqual(wire('00 06 00'));
  });
});

describe('what a message does not say', () => {
  const defaults = {
    defaultSource: 'SHOP',
    priority: 2,
    protocolId: 0x41,
    replaceIfPresent: 1,
    defaultMessageId: 9,
    validityMs: DAY,
  };
  test('comes from the carrier’s settings', () => {
    expect(sent(draft(''), { ...defaults, validityMs: 3 * DAY })).toEqual(
      wire(
        '00 00 00 "SHOP" 00 01 01 "447700900123" 00 00 41 02 00 "000001000000000R" 00 00 01 00 09 02 "Hi" 1400 0001 07',
      ),
    );
  });
  test('what it says stays', () => {
    const said = { priority: 1, protocolId: 1, replaceIfPresent: 1, defaultMessageId: 1 };
    expect(sent(draft('ME', said), { ...defaults, validityMs: 0 })).toEqual(
      wire('00 00 00 "ME" 00 01 01 "447700900123" 00 00 01 01 00 00 00 01 00 01 02 "Hi" 1400 0001 07'),
    );
  });
  test.each([
    ['what is left of it', DAY, NOW + 3_661_000, '000000010101000R'],
    ['at most so much', 60_000, NOW + DAY, '000000000100000R'],
    ['nothing, where it is over', DAY, NOW - 5, '000000000000000R'],
    ['more than a relative time can say', 60 * DAY, NOW + 40 * DAY, '270101000000000+'],
  ])('the validity: %s', (_what, validityMs, expiresAt, expected) => {
    expect(sent(draft('ME'), { validityMs }, expiresAt).toString('latin1')).toContain(`\0${expected}\0`);
  });
  test('a long text is moved whole', () => {
    const m = draft('');
    const text = Buffer.alloc(5000, 'long ');
    m.buffer = Buffer.concat([m.buffer.subarray(0, m.textAt), text, m.buffer.subarray(m.tlvsAt)]);
    m.textLength = text.length;
    m.tlvsAt = m.textAt + text.length;
    const octets = sent(m, defaults);
    expect(octets.indexOf(text)).toBeGreaterThan(0);
    expect(octets.subarray(-text.length - 9)).toEqual(
      Buffer.concat([wire('1400 0001 07 0424'), Buffer.from([text.length >> 8, text.length & 255]), text]),
    );
  });
});
