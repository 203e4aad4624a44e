import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Fate } from '../../../../actors/message/ledger.ts';
import { ParsedReceipt, parseReceipt } from '../../../../adapters/smpp/receipt-parse.ts';
import { MessageState } from '../../../../adapters/smpp/receipt-states.ts';
import { RECEIPTS, type ReceiptVector } from '../../../vectors/receipts.ts';

const NAMES = new Map(Object.entries(MessageState).map(([name, value]) => [value, name]));

/** Reads a receipt that lies between other octets; undefined when it is none. */
function parse({ text, tlvs = '', esmClass = 0x04 }: Omit<ReceiptVector, 'source'>, out = new ParsedReceipt()) {
  const body = Buffer.from(text, 'latin1');
  const parameters = Buffer.from(tlvs.replaceAll(' ', ''), 'hex');
  const buffer = Buffer.concat([
    Buffer.from('9id:9 stat:'),
    body,
    Buffer.from(':stat:X err:'),
    parameters,
    Buffer.from([4, 0x27, 0, 1, 8]),
  ]);
  const found = parseReceipt(buffer, 11, body.length, 23 + body.length, parameters.length, esmClass, out);
  const slice = (at: number, length: number): string => buffer.latin1Slice(at, at + length);
  if (!found) return undefined;
  return {
    id: slice(out.idAt, out.idLength),
    otherId: slice(out.otherIdAt, out.otherIdLength),
    stat: NAMES.get(out.state),
    final: out.final,
    err: slice(out.errorAt, out.errorLength),
    networkError: out.networkError,
    submitted: out.submittedAt,
    done: out.doneAt,
    message: slice(out.textAt, out.textLength),
    fate: out.fate,
  };
}

describe('receipts of other systems', () => {
  test.each(RECEIPTS)('$source', vector => {
    const { expected } = vector;
    const parsed = parse(vector);
    if (expected === undefined) {
      expect(parsed).toBeUndefined();
      return;
    }
    const { submitted, done, ...rest } = expected;
    expect(parsed).toMatchObject({
      otherId: '',
      final: true,
      err: '',
      networkError: -1,
      message: '',
      ...rest,
      ...(submitted === undefined ? {} : { submitted: Date.parse(submitted) }),
      ...(done === undefined ? {} : { done: Date.parse(done) }),
    });
  });

  test('nothing of the receipt before is left in the output', () => {
    const out = new ParsedReceipt();
    parse(
      {
        text: 'id:1 submit date:2401020304 done date:2401020304 stat:DELIVRD err:1 text:a',
        tlvs: '001e0002 3200 04230003 030001',
      },
      out,
    );
    expect(parse({ text: 'id:3 stat:EXPIRED' }, out)).toEqual(parse({ text: 'id:3 stat:EXPIRED' }));
  });
});

describe('words', () => {
  test.each([
    ['DELIVRD', 'delivered', Fate.delivered, true],
    ['DELIVERED', 'delivered', Fate.delivered, true],
    ['delivrd', 'delivered', Fate.delivered, true],
    ['EXPIRED', 'expired', Fate.expired, true],
    ['DELETED', 'deleted', Fate.deleted, true],
    ['UNDELIV', 'undeliverable', Fate.undeliverable, true],
    ['UNDELIVERABLE', 'undeliverable', Fate.undeliverable, true],
    ['FAILED', 'undeliverable', Fate.undeliverable, true],
    ['ACCEPTD', 'accepted', Fate.accepted, false],
    ['UNKNOWN', 'unknown', Fate.unknown, true],
    ['REJECTD', 'rejected', Fate.rejected, true],
    ['ENROUTE', 'enroute', Fate.sent, false],
    ['BUFFERED', 'enroute', Fate.sent, false],
    ['SKIPPED', 'skipped', Fate.undeliverable, true],
    ['DELIVRDX', 'unknown', Fate.unknown, true],
  ])('%s is %s', (word, stat, fate, final) => {
    expect(parse({ text: `id:1 stat:${word}` })).toMatchObject({ stat, fate, final });
  });

  test('an intermediate notification is never final', () => {
    expect(parse({ text: 'id:1 stat:DELIVRD', esmClass: 0x20 })).toMatchObject({ stat: 'delivered', final: false });
  });
});

test('twelve digits are read as the one date they can be', () => {
  const done = (date: string): number | undefined => parse({ text: `id:1 done date:${date} stat:DELIVRD` })?.done;
  expect(done('191231235958')).toBe(Date.UTC(2019, 11, 31, 23, 59, 58));
  expect(done('201912312359')).toBe(Date.UTC(2019, 11, 31, 23, 59));
  expect(done('991332')).toBe(0);
  expect(done('2613010000')).toBe(0);
  expect(done('soon')).toBe(0);
});

test('the usual layout is read like any other', () => {
  const pieces = [
    ['id:', 'ID:', 'id: ', 'id\x1a'],
    ['0A1b-2', '', 'a:b', '1,2', ' 7'],
    [' sub:001', ' sub:', ' SUB:1', ''],
    [' dlvrd:001', ' dlvrd:000', '\0dlvrd:001'],
    [' submit date:2611211200', ' submit date:261121120059', ' submit_date:2611211200', ' submit date:'],
    [' done date:2611221201', ' done date:2612', ' Done Date:20261122120159', ' done date: 2611211200'],
    [' stat:DELIVRD', ' stat:undeliv', ' stat:WHO', ' stat:', ' status:EXPIRED', ''],
    [' err:000', ' err:', ' err:123456789', ' err:A;B', ''],
    [' text:', ' Text:Hello id:7 stat:EXPIRED', ' text:\0', ' text', ''],
  ];
  const text = fc.tuple(...pieces.map(piece => fc.constantFrom(...piece))).map(parts => parts.join(''));
  fc.assert(
    // A space before it makes it another layout with the same fields.
    fc.property(text, text => {
      expect(parse({ text })).toEqual(parse({ text: ` ${text}` }));
    }),
    {
      numRuns: 5000,
      examples: [
        [
          pieces
            .map(([usual]) => usual)
            .join('')
            .replace(':', ':7'),
        ],
      ],
    },
  );
});

test('any octets are read without going astray', () => {
  const word = fc.constantFrom(
    'id:',
    'stat:',
    'done date:',
    'submit date:',
    'text:',
    'err:',
    ' ',
    ':',
    'DELIVRD',
    '1',
    '\0',
    'é',
  );
  const text = fc.oneof(
    fc.array(word, { maxLength: 20 }).map(words => words.join('')),
    fc.string(),
  );
  const tlvs = fc.uint8Array({ maxLength: 40 }).map(octets => Buffer.from(octets).toString('hex'));
  fc.assert(
    fc.property(text, tlvs, fc.nat(255), (text, tlvs, esmClass) => {
      const parsed = parse({ text, tlvs, esmClass });
      if (parsed === undefined) return;
      expect(parsed.id.length).toBeGreaterThan(0);
      expect(parsed.err.length).toBeLessThanOrEqual(8);
      const octets = Buffer.from(text, 'latin1').toString('latin1') + Buffer.from(tlvs, 'hex').toString('latin1');
      for (const part of [parsed.id, parsed.otherId, parsed.err, parsed.message]) expect(octets).toContain(part);
    }),
    { numRuns: 2000 },
  );
});
