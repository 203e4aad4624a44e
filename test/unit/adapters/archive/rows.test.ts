import { describe, expect, test } from 'vitest';
import { Keep, readBatch, subsetOf } from '../../../../actors/message/batch.ts';
import { PublicIds, messageId } from '../../../../actors/message/id.ts';
import { Fate, FATE_NAMES, What } from '../../../../actors/message/ledger.ts';
import { ArchiveMode, Kind } from '../../../../actors/message/record.ts';
import type { OutboxItem } from '../../../../actors/ports.ts';
import { decodeText } from '../../../../actors/text/decode.ts';
import { MESSAGE_COLUMNS } from '../../../../adapters/archive/message-row.ts';
import { ArchiveRows, bitText, type BatchPlan } from '../../../../adapters/archive/rows.ts';
import { batchOf, itemOf, ledgerOf, sentItem, type TestMessage } from '../../../support/archive-items.ts';
import { readCopy, readInstant } from '../../../support/copy-reader.ts';

const AT = Date.UTC(2026, 10, 21, 23, 59, 59, 250);
const NUMBER = 7_000_000_001;
const ids = new PublicIds(Buffer.from('0123456789abcdef'));

const makeRows = () => new ArchiveRows(ids, decodeText);

/** The COPY of `messages` as objects by column. */
function messagesOf(rows: ArchiveRows, plans: readonly BatchPlan[]): Record<string, Buffer | null>[] {
  const pieces = [...rows.messages(plans)].map(piece => Buffer.from(piece));
  return readCopy(Buffer.concat(pieces)).map(row => Object.fromEntries(MESSAGE_COLUMNS.map((c, i) => [c, row[i]!])));
}

function oneRow(message: TestMessage, entries: Parameters<typeof ledgerOf>[1] = []) {
  const rows = makeRows();
  const found = messagesOf(rows, [rows.plan(itemOf(NUMBER, AT, [message], entries))]);
  expect(found).toHaveLength(1);
  return found[0]!;
}

const text = (field: Buffer | null | undefined) => field?.toString('utf8') ?? null;

/** Fields of a row, as they should be on the wire. */
const instant = (ms: number): string => {
  const out = Buffer.alloc(12);
  out.writeInt32BE(8, 0);
  out.writeBigInt64BE(BigInt(ms - Date.UTC(2000, 0, 1)) * 1000n, 4);
  return out.toString('hex');
};
const small = (value: number): string => `00000002${value.toString(16).padStart(4, '0')}`;
const field = (value: string): string =>
  Buffer.from(value).length.toString(16).padStart(8, '0') + Buffer.from(value).toString('hex');

describe('a row of messages', () => {
  test('of one that went elsewhere after a receipt of failure tells the last word', () => {
    const settled = { index: 0, what: What.settled, fate: Fate.sent, attempts: 1 };
    const ledger = [
      { ...settled, at: AT + 1, carrierId: 'a1' },
      { index: 0, what: What.heldBack, fate: Fate.undeliverable, at: AT + 2, error: 27, carrierId: 'a1' },
      { index: 0, what: What.rerouted, at: AT + 3, carrierId: 'second' },
      { ...settled, at: AT + 4, carrierId: 'b1' },
    ];
    const rows = makeRows();
    const counted = (entries: Parameters<typeof itemOf>[3]): string => {
      const plan = rows.plan(itemOf(1, AT, [{ text: 'Hi' }], entries));
      const row = Buffer.concat([...rows.messages([plan])].map(piece => Buffer.from(piece)));
      expect([row.includes('b1'), row.includes('a1')]).toEqual([true, false]);
      return rows
        .counts()
        .map(({ status, count }) => `${status} ${count}`)
        .join(' ');
    };
    expect(counted(ledger)).toBe('sent 1');
    expect(counted([...ledger, { index: 0, what: What.receipt, fate: Fate.delivered, at: AT + 5 }])).toBe(
      'delivered 1',
    );
  });

  test('octet by octet', () => {
    const rows = makeRows();
    const tlvs = Buffer.from('02040002002a', 'hex');
    const message = { text: 'Hi', source: 'AB', dest: '12', tlvs, expiresAt: AT + 1000 };
    const entries = [
      { index: 0, what: What.settled, fate: Fate.sent, at: AT + 1, attempts: 2, carrierId: 'x9' },
      { index: 0, what: What.receipt, fate: Fate.undeliverable, at: AT + 2, error: 11 },
    ];
    const plan = rows.plan(itemOf(1, AT, [message], entries));
    const row = Buffer.concat([...rows.messages([plan])].map(piece => Buffer.from(piece)));
    const publicId = BigInt(ids.toPublic(messageId(1, 0)))
      .toString(16)
      .padStart(16, '0');
    const expected = [
      '5047434f50590aff0d0a00',
      '00000000',
      '00000000', // signature, flags, header extension
      '0021', // 33 columns
      '00000008',
      '0000000000000100', // address: batch 1, index 0
      '00000008',
      publicId,
      instant(AT),
      '00000004',
      '0000265d', // 2026-11-21 is 9,821 days after 2000-01-01
      '00000004',
      '00000003', // route
      '00000004',
      '00000009', // table version
      small(0),
      small(5),
      small(2),
      small(0),
      small(0),
      small(0),
      small(0),
      small(1), // kind … registered_delivery
      small(5),
      small(0),
      small(1),
      small(1), // TON and NPI
      small(0), // its receipts name its own id
      field('load'),
      field('sink'),
      field('AB'),
      field('12'),
      'ffffffff', // service_type
      instant(AT + 1),
      instant(AT + 2),
      instant(AT + 1000),
      '00000008',
      '000000000000000b', // error
      field('x9'),
      field('Hi'),
      'ffffffff',
      'ffffffff', // body, udh
      '00000006',
      '02040002002a', // TLVs
      'ffff',
    ];
    expect(row.toString('hex')).toBe(expected.join(''));
  });

  test('has every column of the table but those with a default', () => {
    expect(new Set(MESSAGE_COLUMNS).size).toBe(MESSAGE_COLUMNS.length);
    expect(MESSAGE_COLUMNS).toHaveLength(33);
  });

  test('addresses and carrier ids that are not ASCII become Latin-1, NUL becomes U+FFFD', () => {
    const row = oneRow({ source: Buffer.from([0x4d, 0xfc, 0x00, 0x7f]), serviceType: 'WAP' }, [
      { index: 0, what: What.settled, carrierId: 'é' },
    ]);
    expect(text(row['source_addr'])).toBe('Mü\ufffd\u007f');
    expect(text(row['service_type'])).toBe('WAP');
    expect(text(row['carrier_id'])).toBe('é');
  });

  test('text that every alphabet reads alike is not decoded; other text is, and what is no text stays octets', () => {
    expect(text(oneRow({ text: 'Plain 0-9, (yes)?\n' })['text'])).toBe('Plain 0-9, (yes)?\n');
    // "@" is 0x00 in GSM 03.38 and 0x40 in ASCII.
    expect(text(oneRow({ text: 'a\0b' })['text'])).toBe('a@b');
    expect(text(oneRow({ text: 'a@b', dataCoding: 3 })['text'])).toBe('a@b');
    const ucs2 = oneRow({ text: Buffer.from('Привет, 😀', 'utf16le').swap16(), dataCoding: 8 });
    expect([text(ucs2['text']), ucs2['body']]).toEqual(['Привет, 😀', null]);
    const binary = oneRow({ text: Buffer.from([1, 2, 3]), dataCoding: 4 });
    expect([binary['text'], binary['body']?.toString('hex')]).toEqual([null, '010203']);
  });

  test('text of which not all can be read comes with its octets; a stub has none', () => {
    const row = oneRow({ text: Buffer.from('d83d0041', 'hex'), dataCoding: 8 });
    expect([text(row['text']), row['body']?.toString('hex')]).toEqual(['\ufffdA', 'd83d0041']);
    const whole = itemOf(NUMBER, AT, [{ text: 'x'.repeat(100) }], []);
    const batch = subsetOf(readBatch(whole.batch, true), Uint8Array.of(Keep.stub));
    const rows = makeRows();
    expect(messagesOf(rows, [rows.plan({ ...whole, batch })])[0]?.['text']).toBeNull();
  });

  test('text with U+0000, which PostgreSQL cannot hold, stays octets', () => {
    const octets = Buffer.from('00410000', 'hex');
    const row = oneRow({ text: octets, dataCoding: 8 });
    expect([row['text'], row['body']?.toString('hex')]).toEqual([null, '00410000']);
  });

  test('the user data header is apart from the text, unless it claims more than there is', () => {
    const row = oneRow({ text: Buffer.from('050003aa0201486921', 'hex'), esmClass: 0x40 });
    expect([row['udh']?.toString('hex'), text(row['text'])]).toEqual(['050003aa0201', 'Hi!']);
    const only = oneRow({ text: Buffer.from('020000', 'hex'), esmClass: 0x40 });
    expect([only['udh']?.toString('hex'), only['text'], only['body']]).toEqual(['020000', null, null]);
    const wrong = oneRow({ text: Buffer.from('0900', 'hex'), esmClass: 0x40, dataCoding: 4 });
    expect([wrong['udh'], wrong['body']?.toString('hex')]).toEqual([null, '0900']);
  });

  test('no text, no TLVs, no expiry, no error are NULL', () => {
    const row = oneRow({ text: '' }, [{ index: 0, what: What.settled, at: AT }]);
    for (const column of [
      'text',
      'body',
      'udh',
      'tlvs',
      'expires_at',
      'error',
      'carrier_id',
      'done_at',
      'service_type',
    ])
      expect([column, row[column]]).toEqual([column, null]);
  });

  test('the longest text and TLVs fit, also where each character grows to three octets', () => {
    const long = Buffer.alloc(65_534, Buffer.from('20ac', 'hex'));
    const row = oneRow({ text: long, dataCoding: 8, tlvs: Buffer.alloc(60_000, 7) });
    expect(text(row['text'])).toBe('€'.repeat(32_767));
    expect(row['tlvs']).toEqual(Buffer.alloc(60_000, 7));
    expect(text(oneRow({ source: Buffer.alloc(64, 0), dest: Buffer.alloc(64, 255) })['source_addr'])).toBe(
      '\ufffd'.repeat(64),
    );
  });

  test('a message settled at birth, by the record alone', () => {
    const row = oneRow({ fateAtBirth: Fate.dropped, destination: '' });
    expect(row['fate']?.readInt16BE()).toBe(Fate.dropped);
    expect(readInstant(row['settled_at']!)).toBe(AT);
    expect(row['attempts']?.readInt16BE()).toBe(0);
    expect(text(row['destination'])).toBe('');
  });

  test('attempts count while parked and released; the newest settle wins', () => {
    const row = oneRow({}, [
      { index: 0, what: What.parked, attempts: 1, error: 0x58, at: AT + 60_000 },
      { index: 0, what: What.released, attempts: 2, at: AT },
      { index: 0, what: What.settled, fate: Fate.expired, attempts: 3, error: 0xffff_ffff, at: AT + 5 },
    ]);
    expect(row['attempts']?.readInt16BE()).toBe(3);
    expect(row['fate']?.readInt16BE()).toBe(Fate.expired);
    expect(row['error']?.readBigInt64BE()).toBe(0xffff_ffffn);
    expect(readInstant(row['settled_at']!)).toBe(AT + 5);
  });

  test('metadata: no text, UDH or TLVs; an MO is marked as one', () => {
    const row = oneRow({ mode: ArchiveMode.metadata, kind: Kind.mo, tlvs: Buffer.from('00') });
    for (const column of ['text', 'body', 'udh', 'tlvs']) expect(row[column]).toBeNull();
    expect(row['kind']?.readInt16BE()).toBe(Kind.mo);
    expect(text(row['dest_addr'])).toBe('447700900123');
  });
});

describe('which rows', () => {
  test('what is not due, was left out by the store, or is a receipt record has none', () => {
    const messages = [{}, {}, { kind: Kind.receipt }, { dest: '4' }];
    const whole = itemOf(NUMBER, AT, messages, []);
    const kept = subsetOf(readBatch(whole.batch, true), Uint8Array.of(1, 0, 1, 1));
    const item: OutboxItem = { ...whole, batch: kept, due: Uint8Array.of(0, 1, 1, 1) };
    const rows = makeRows();
    const plan = rows.plan(item);
    expect(bitText(plan.fresh)).toBe('0001');
    expect(messagesOf(rows, [plan]).map(row => text(row['dest_addr']))).toEqual(['4']);
    expect(rows.written).toEqual({ messages: 1, receipts: 0 });
  });

  test('counters: counted, no row', () => {
    const rows = makeRows();
    const plan = rows.plan(itemOf(NUMBER, AT, [{ mode: ArchiveMode.counters }, {}], []));
    expect(messagesOf(rows, [plan])).toHaveLength(1);
    expect(rows.counts().map(c => c.count)).toEqual([2]);
  });

  test('counts by minute, account, destination and last known fate', () => {
    const rows = makeRows();
    const messages = [{}, {}, { account: 'b' }, { destination: 'other' }];
    const entries = [0, 1, 2, 3].map(index => ({ index, what: What.settled, fate: Fate.sent }));
    const receipt = { index: 1, what: What.receipt, fate: Fate.delivered, at: AT };
    const plans = [
      rows.plan(itemOf(NUMBER, AT, messages, [...entries, receipt])),
      rows.plan(sentItem(NUMBER + 1, AT + 1000, 3)),
    ];
    messagesOf(rows, plans);
    const minute = Date.UTC(2026, 10, 21, 23, 59);
    expect(new Set(rows.counts())).toEqual(
      new Set([
        { minute, account: 'load', destination: 'sink', status: 'sent', count: 1 },
        { minute, account: 'load', destination: 'sink', status: 'delivered', count: 1 },
        { minute, account: 'b', destination: 'sink', status: 'sent', count: 1 },
        { minute, account: 'load', destination: 'other', status: 'sent', count: 1 },
        { minute: minute + 60_000, account: 'load', destination: 'sink', status: 'sent', count: 3 },
      ]),
    );
    expect(plans.map(p => p.day)).toEqual([9821, 9822]);
  });

  test('known messages: nothing new, or a late receipt once', () => {
    const rows = makeRows();
    const entries = [0, 1, 2].map(index => ({ index, what: What.settled, fate: Fate.sent }));
    const receipts = [1, 2].map(index => ({ index, what: What.receipt, fate: Fate.delivered, at: AT + 7, error: 1 }));
    const item = itemOf(NUMBER, AT, [{}, {}, {}, {}], [...entries, ...receipts]);
    const plan = rows.plan(item);
    const known = { fingerprint: plan.fingerprint, written: '1110', receipted: '0010' };
    expect(rows.narrow(plan, known)).toBe(true);
    expect([bitText(plan.fresh), bitText(plan.late)]).toEqual(['0001', '0100']);
    expect(messagesOf(rows, [plan])).toHaveLength(1);
    const late = readCopy(rows.receipts()!);
    expect(late).toHaveLength(1);
    const [address, day, fate, doneAt, error] = late[0]!;
    expect(Number(address!.readBigInt64BE())).toBe(messageId(NUMBER, 1));
    expect(day!.readInt32BE()).toBe(9821);
    expect(fate!.readInt16BE()).toBe(Fate.delivered);
    expect(readInstant(doneAt!)).toBe(AT + 7);
    expect(error!.readBigInt64BE()).toBe(1n);
    const counts = Object.fromEntries(rows.counts().map(c => [c.status, c.count]));
    expect(counts).toEqual({ sent: -1, delivered: 1, unknown: 1 });
    // The same again, once that is written: nothing.
    const again = rows.plan(item);
    expect(rows.narrow(again, { ...known, written: '1111', receipted: '0110' })).toBe(true);
    expect(messagesOf(rows, [again])).toHaveLength(0);
    expect([rows.receipts(), rows.counts()]).toEqual([undefined, []]);
  });

  test('the same number with another body is a conflict; a shrunk batch is not', () => {
    const rows = makeRows();
    const known = (item: OutboxItem) => ({ fingerprint: rows.plan(item).fingerprint, written: '11', receipted: '00' });
    const item = itemOf(NUMBER, AT, [{}, {}], []);
    const shrunk = { ...item, batch: subsetOf(readBatch(item.batch, true), Uint8Array.of(2, 1)) };
    expect(rows.narrow(rows.plan(shrunk), known(item))).toBe(true);
    const rerouted = itemOf(NUMBER, AT, [{ destination: 'other' }, {}], []);
    expect(rows.narrow(rows.plan(rerouted), known(item))).toBe(true);
    for (const other of [itemOf(NUMBER, AT + 1, [{}, {}], []), itemOf(NUMBER, AT, [{}, {}, {}], [])]) {
      const plan = rows.plan(other);
      expect(rows.narrow(plan, known(item))).toBe(false);
      expect(messagesOf(rows, [plan])).toHaveLength(0);
    }
  });
});

describe('items that cannot be read', () => {
  const item = sentItem(NUMBER, AT, 2);
  const refused = (changed: Partial<OutboxItem>) => () => makeRows().plan({ ...item, ...changed });

  test('are named', () => {
    const flipped = Buffer.from(item.batch);
    flipped[100]! ^= 1;
    expect(refused({ batch: flipped })).toThrow('checksum does not match');
    expect(refused({ number: NUMBER + 1 })).toThrow(`outbox item ${NUMBER + 1}: its batch says ${NUMBER}`);
    expect(refused({ ledger: item.ledger.subarray(0, 40) })).toThrow('cut short');
    expect(refused({ ledger: ledgerOf(NUMBER + 1, [{ index: 0, what: What.settled }]) })).toThrow(
      'about another batch',
    );
    expect(refused({ batch: batchOf(NUMBER, NaN, [{}]) })).toThrow('of NaN');
  });
});

test('pieces are handed over as they fill, and nothing of one chunk is left for the next', () => {
  const rows = makeRows();
  const plans = Array.from({ length: 40 }, (_, i) =>
    rows.plan(
      itemOf(
        NUMBER + i,
        AT,
        Array.from({ length: 256 }, () => ({ text: 'x'.repeat(100) })),
        [],
      ),
    ),
  );
  const sizes = [...rows.messages(plans)].map(piece => piece.length);
  expect(sizes.length).toBeGreaterThan(8);
  expect(Math.max(...sizes)).toBeLessThan(512 * 1024);
  expect(rows.written.messages).toBe(40 * 256);
  expect(messagesOf(rows, [])).toEqual([]);
  expect([rows.counts(), rows.written.messages]).toEqual([[], 0]);
});

test('every fate has a name', () => {
  for (const fate of Object.values(Fate)) expect(FATE_NAMES[fate]).toMatch(/^[a-z]+$/);
});
