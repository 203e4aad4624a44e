import type { Sql } from 'postgres';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { readBatch, subsetOf } from '../../../actors/message/batch.ts';
import { batchNumberOf, messageId, notBefore, PublicIds } from '../../../actors/message/id.ts';
import { Fate, FATE_NAMES, What } from '../../../actors/message/ledger.ts';
import { ArchiveMode, Kind } from '../../../actors/message/record.ts';
import type { OutboxItem } from '../../../actors/ports.ts';
import { decodeText } from '../../../actors/text/decode.ts';
import { ArchiveReader } from '../../../adapters/archive/archive-reader.ts';
import { ArchiveWriter } from '../../../adapters/archive/archive-writer.ts';
import { MESSAGE_COLUMNS } from '../../../adapters/archive/message-row.ts';
import { Partitions } from '../../../adapters/archive/partitions.ts';
import { openDatabase } from '../../../drizzle/db.ts';
import { migrate } from '../../../drizzle/migrate.ts';
import { Session } from '../../../drizzle/session.ts';
import { itemOf, ledgerOf, sentItem } from '../../support/archive-items.ts';
import { startTestPostgres, type TestPostgres } from '../../support/test-postgres.ts';

const AT = Date.UTC(2026, 10, 21, 12, 30, 15, 250);
const DAY_MS = 86_400_000;
const OPTIONS = { applicationName: 'test', statementTimeoutMs: 30_000 };
const NUMBER = 7_000_000_001;
const ids = new PublicIds(Buffer.from('0123456789abcdef'));

let postgres: TestPostgres;
let url: string;
let session: Session;
let sql: Sql;
let partitions: Partitions;
let writer: ArchiveWriter;

beforeAll(async () => {
  postgres = await startTestPostgres();
});
afterAll(() => postgres.stop());
beforeEach(async () => {
  url = await postgres.database();
  await migrate(url);
  session = new Session(url, OPTIONS);
  sql = session.sql;
  partitions = new Partitions(session);
  writer = new ArchiveWriter(session, partitions, ids, decodeText);
});
afterEach(() => session.end(5));

const counts = async (): Promise<Record<string, number>> => {
  const rows =
    await sql`SELECT status, sum(count)::int AS count FROM message_counts GROUP BY status HAVING sum(count) <> 0`;
  return Object.fromEntries(rows.map(row => [row['status'], row['count']]));
};
const fates = async (): Promise<Record<string, number>> => {
  const rows = await sql`SELECT status, count(*)::int AS count FROM message_fates GROUP BY status`;
  return Object.fromEntries(rows.map(row => [row['status'], row['count']]));
};
const rowsOf = async (table: string): Promise<number> =>
  (await sql.unsafe(`SELECT count(*)::int AS count FROM ${table}`))[0]!['count'] as number;

const receipt = (index: number, fate: Fate = Fate.delivered, error = 0) => ({
  index,
  what: What.receipt,
  fate,
  at: AT + 5000,
  error,
});
const settled = (index: number, fate: Fate = Fate.sent) => ({ index, what: What.settled, fate, at: AT + 10 });

describe('rows', () => {
  test('COPY gives every column that the table has no default for', async () => {
    const columns = await sql`SELECT column_name AS name FROM information_schema.columns WHERE table_name = 'messages'`;
    expect(new Set(columns.map(c => c['name']))).toEqual(new Set(MESSAGE_COLUMNS));
  });

  test('what was written is read back by its public id', async () => {
    const message = {
      text: Buffer.from('Grüße, 😀', 'utf16le').swap16(),
      dataCoding: 8,
      tlvs: Buffer.from('02040002002a', 'hex'),
      expiresAt: AT + DAY_MS,
      serviceType: 'WAP',
    };
    const entries = [{ ...settled(1), carrierId: '0A1b', attempts: 3 }, receipt(1, Fate.undeliverable, 0xffff_fffe)];
    await writer.write([itemOf(NUMBER, AT, [{}, message], [settled(0), ...entries])]);
    await using open = openDatabase(url, 'test');
    const reader = new ArchiveReader(open.db, ids);
    const publicId = ids.toPublic(messageId(NUMBER, 1));
    expect(await reader.find(publicId)).toEqual({
      id: publicId,
      kind: 'mt',
      account: 'load',
      destination: 'sink',
      acceptedAt: new Date(AT),
      settledAt: new Date(AT + 10),
      doneAt: new Date(AT + 5000),
      expiresAt: new Date(AT + DAY_MS),
      fate: Fate.undeliverable,
      status: 'undeliverable',
      error: 0xffff_fffe,
      route: 3,
      tableVersion: 9,
      attempts: 3,
      priority: 0,
      dataCoding: 8,
      esmClass: 0,
      protocolId: 0,
      registeredDelivery: 1,
      sourceTon: 5,
      sourceNpi: 0,
      destTon: 1,
      destNpi: 1,
      sourceAddr: 'ACME',
      destAddr: '447700900123',
      serviceType: 'WAP',
      carrierId: '0A1b',
      text: 'Grüße, 😀',
      body: null,
      udh: null,
      tlvs: message.tlvs,
    });
    expect((await reader.find(ids.toPublic(messageId(NUMBER, 0))))?.status).toBe('sent');
    expect(await reader.find(ids.toPublic(messageId(NUMBER, 2)))).toBeUndefined();
  });

  test('is found whatever day it is of, also one that its number does not tell', async () => {
    const later = AT + 3 * DAY_MS;
    const number = 16 * (later - notBefore(0));
    const at = [AT, later, later + 9 * DAY_MS];
    await writer.write(at.map((createdAt, i) => sentItem(number + i, createdAt, 1)));
    await using open = openDatabase(url, 'test');
    const reader = new ArchiveReader(open.db, ids);
    for (const [i, createdAt] of at.entries()) {
      const address = messageId(number + i, 0);
      expect(notBefore(batchNumberOf(address))).toBe(later);
      expect((await reader.find(ids.toPublic(address)))?.acceptedAt).toEqual(new Date(createdAt));
    }
  });

  test('each goes to the day of its batch, made on demand', async () => {
    const days = [0, 1, 2, 40].map(day => AT + day * DAY_MS);
    const result = await writer.write(days.map((at, i) => sentItem(NUMBER + i, at, 3)));
    expect(result).toEqual({ messages: 12, receipts: 0, conflicts: [], refused: [] });
    for (const name of ['messages_20261121', 'messages_20261122', 'messages_20261123', 'messages_20261231'])
      expect(await rowsOf(name)).toBe(3);
  });

  test('the whole range of octets in addresses, ids and text is taken', async () => {
    const every = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
    const messages = [0, 64, 128, 192].map(from => ({
      source: every.subarray(from, from + 64),
      dest: every.subarray(from, from + 64),
      text: every,
      tlvs: every,
      dataCoding: 4,
    }));
    const entries = messages.map((m, index) => ({ ...settled(index), carrierId: m.source.toString('latin1') }));
    expect((await writer.write([itemOf(NUMBER, AT, messages, entries)])).messages).toBe(4);
    const rows = await sql`SELECT dest_addr, carrier_id, body, tlvs FROM messages ORDER BY address`;
    expect(rows.map(row => row['dest_addr'])).toEqual(
      messages.map(m => m.dest.toString('latin1').replaceAll('\0', '\ufffd')),
    );
    expect(rows.map(row => row['carrier_id'])).toEqual(rows.map(row => row['dest_addr']));
    for (const row of rows) expect([row['body'], row['tlvs']]).toEqual([every, every]);
  });

  test('modes: all, all but the content, a count only', async () => {
    const modes = [ArchiveMode.full, ArchiveMode.metadata, ArchiveMode.counters];
    const messages = modes.map(mode => ({ mode, text: 'secret', tlvs: Buffer.from('02040002002a', 'hex') }));
    const item = itemOf(NUMBER, AT, messages, [settled(0), settled(1), settled(2)]);
    expect((await writer.write([item])).messages).toBe(3);
    const rows = await sql`SELECT text, tlvs, dest_addr FROM messages ORDER BY address`;
    expect(rows.map(row => [row['text'], row['tlvs'] !== null, row['dest_addr']])).toEqual([
      ['secret', true, '447700900123'],
      [null, false, '447700900123'],
    ]);
    expect(await counts()).toEqual({ sent: 3 });
    await writer.write([item]);
    expect(await counts()).toEqual({ sent: 3 });
  });

  test('receipt records leave nothing', async () => {
    const item = itemOf(NUMBER, AT, [{ kind: Kind.receipt }, { kind: Kind.receipt }], [settled(0), settled(1)]);
    expect((await writer.write([item])).messages).toBe(0);
    for (const table of ['messages', 'batches', 'message_counts'])
      expect([table, await rowsOf(table)]).toEqual([table, 0]);
  });

  test('fates have the same names in SQL', async () => {
    for (const fate of Object.values(Fate)) {
      const [row] = await sql`SELECT fate_name(${fate}::smallint) AS name`;
      expect(row?.['name']).toBe(FATE_NAMES[fate]);
    }
  });
});

describe('once each', () => {
  test('the same items again, whole or in part, change nothing', async () => {
    const items = Array.from({ length: 5 }, (_, i) => sentItem(NUMBER + i, AT, 100));
    expect((await writer.write(items)).messages).toBe(500);
    const [before] = await sql`SELECT md5(string_agg(m::text, '' ORDER BY address)) AS sum FROM messages m`;
    expect((await writer.write(items)).messages).toBe(0);
    expect((await writer.write(items.slice(2))).messages).toBe(0);
    expect(await sql`SELECT md5(string_agg(m::text, '' ORDER BY address)) AS sum FROM messages m`).toEqual([before]);
    expect(await counts()).toEqual({ sent: 500 });
  });

  test('a batch that becomes due in parts', async () => {
    const item = sentItem(NUMBER, AT, 6);
    const part = (...due: number[]): OutboxItem => ({ ...item, due: Uint8Array.from(due) });
    expect((await writer.write([part(1, 0, 1, 0, 0, 0)])).messages).toBe(2);
    expect((await writer.write([part(1, 1, 1, 0, 0, 0), sentItem(NUMBER + 1, AT, 1)])).messages).toBe(2);
    expect((await writer.write([part(0, 0, 0, 1, 1, 1)])).messages).toBe(3);
    expect(await rowsOf('messages')).toBe(7);
    expect(await rowsOf('batches')).toBe(2);
    expect(await counts()).toEqual({ sent: 7 });
  });

  test('the same batch twice in one chunk', async () => {
    const item = sentItem(NUMBER, AT, 3);
    const result = await writer.write([{ ...item, due: Uint8Array.of(1, 1, 0) }, item]);
    expect([result.messages, result.refused]).toEqual([3, []]);
    expect(await rowsOf('messages')).toBe(3);
    expect(await counts()).toEqual({ sent: 3 });
  });

  test('two writers at the same batches at once', async () => {
    await using other = new Session(url, OPTIONS);
    const second = new ArchiveWriter(other, new Partitions(other), ids, decodeText);
    const items = Array.from({ length: 40 }, (_, i) => sentItem(NUMBER + i, AT, 100));
    await partitions.ensureAhead(AT);
    const [a, b] = await Promise.all([writer.write(items), second.write(items)]);
    expect(a.messages + b.messages).toBe(4000);
    expect(await rowsOf('messages')).toBe(4000);
    expect(await counts()).toEqual({ sent: 4000 });
  });

  test('a receipt after the row: in `receipts`, the view and the counters, once', async () => {
    const entries = [settled(0), settled(1), settled(2)];
    const item = itemOf(NUMBER, AT, [{}, {}, { mode: ArchiveMode.counters }], entries);
    await writer.write([item]);
    const later = { ...item, ledger: ledgerOf(NUMBER, [...entries, receipt(1), receipt(2, Fate.rejected, 7)]) };
    expect(await writer.write([later])).toEqual({ messages: 0, receipts: 2, conflicts: [], refused: [] });
    expect((await writer.write([later])).receipts).toBe(0);
    expect(await sql`SELECT address::float8 AS address, fate, error, done_at, day::text FROM receipts`).toEqual([
      {
        address: messageId(NUMBER, 1),
        fate: Fate.delivered,
        error: null,
        done_at: new Date(AT + 5000),
        day: '2026-11-21',
      },
    ]);
    expect(await counts()).toEqual({ sent: 1, delivered: 1, rejected: 1 });
    expect(await fates()).toEqual({ sent: 1, delivered: 1 });
  });

  test('a receipt that was in the row is not late when the store offers it again', async () => {
    const item = itemOf(NUMBER, AT, [{}], [settled(0), receipt(0)]);
    await writer.write([item]);
    expect((await writer.write([item])).receipts).toBe(0);
    expect([await rowsOf('receipts'), await counts()]).toEqual([0, { delivered: 1 }]);
  });

  test('a late receipt whose batch the store has shrunk, and dropped older entries of', async () => {
    const item = itemOf(NUMBER, AT, [{}, {}], [settled(0), settled(1)]);
    await writer.write([item]);
    const batch = subsetOf(readBatch(item.batch, true), Uint8Array.of(0, 2));
    await writer.write([{ ...item, batch, due: Uint8Array.of(0, 1), ledger: ledgerOf(NUMBER, [receipt(1)]) }]);
    expect(await counts()).toEqual({ sent: 1, delivered: 1 });
    expect(await fates()).toEqual({ sent: 1, delivered: 1 });
    const [row] = await sql`SELECT text FROM message_fates WHERE status = 'delivered'`;
    expect(row?.['text']).toBe('hello');
    await using open = openDatabase(url, 'test');
    const found = await new ArchiveReader(open.db, ids).find(ids.toPublic(messageId(NUMBER, 1)));
    expect(found).toMatchObject({
      status: 'delivered',
      fate: Fate.delivered,
      doneAt: new Date(AT + 5000),
      text: 'hello',
    });
  });
});

describe('what cannot be written', () => {
  test('another body under a number used before: named, the archive keeps what it had', async () => {
    await writer.write([sentItem(NUMBER, AT, 2)]);
    const other = itemOf(NUMBER, AT + 1, [{ text: 'other' }, { text: 'other' }], []);
    const result = await writer.write([other, sentItem(NUMBER + 1, AT, 1)]);
    expect(result).toEqual({ messages: 1, receipts: 0, conflicts: [NUMBER], refused: [] });
    const texts = await sql`SELECT text FROM messages ORDER BY address`;
    expect(texts.map(row => row['text'])).toEqual([
      `message ${NUMBER}/0`,
      `message ${NUMBER}/1`,
      `message ${NUMBER + 1}/0`,
    ]);
    expect(await counts()).toEqual({ sent: 3 });
  });

  test('a damaged item, and one that the database refuses, do not keep the others back', async () => {
    const damaged = sentItem(NUMBER, AT, 1);
    damaged.batch[60]! ^= 1;
    // Somebody wrote a row by hand: the COPY violates the primary key, at its very end.
    await writer.write([sentItem(NUMBER + 9, AT, 1)]);
    await sql`UPDATE messages SET address = ${messageId(NUMBER + 1, 0)}`;
    const items = [damaged, sentItem(NUMBER + 1, AT, 2), sentItem(NUMBER + 2, AT, 3)];
    const result = await writer.write(items);
    expect([result.messages, result.conflicts]).toEqual([3, []]);
    expect(result.refused).toEqual([
      { number: NUMBER, reason: 'checksum does not match' },
      { number: NUMBER + 1, reason: 'refused with SQLSTATE 23505' },
    ]);
    expect(await counts()).toEqual({ sent: 4 });
    // The connection is fit for use.
    expect((await writer.write([sentItem(NUMBER + 3, AT, 3)])).messages).toBe(3);
  });

  test('a failure in mid-transaction leaves nothing', async () => {
    await sql`ALTER TABLE message_counts RENAME TO gone`;
    await expect(writer.write([sentItem(NUMBER, AT, 2)])).rejects.toMatchObject({ code: '42P01' });
    await sql`ALTER TABLE gone RENAME TO message_counts`;
    expect([await rowsOf('messages'), await rowsOf('batches')]).toEqual([0, 0]);
    expect((await writer.write([sentItem(NUMBER, AT, 2)])).messages).toBe(2);
  });
});

describe('days', () => {
  test('are made ahead, and dropped after retention; a day that another node dropped is made again', async () => {
    await partitions.ensureAhead(AT);
    const names = async () =>
      (
        await sql`SELECT relname AS name FROM pg_class WHERE relname ~ '^(messages|batches|receipts)_\\d' AND relkind = 'r'`
      )
        .map(row => row['name'] as string)
        .sort();
    const days = ['20261120', '20261121', '20261122', '20261123'];
    expect(await names()).toEqual(['batches', 'messages', 'receipts'].flatMap(t => days.map(d => `${t}_${d}`)));

    await writer.write([sentItem(NUMBER, AT - 10 * DAY_MS, 2), sentItem(NUMBER + 1, AT - 2 * DAY_MS, 2)]);
    expect(await partitions.dropOld(AT, 3, 5)).toEqual(['20261111']);
    expect(await rowsOf('messages')).toBe(2);
    expect(await counts()).toEqual({ sent: 2 });
    expect(await partitions.dropOld(AT, 1, 1)).toEqual(['20261119', '20261120']);
    expect(await counts()).toEqual({});
    expect(await names()).toHaveLength(9);

    await writer.write([sentItem(NUMBER + 2, AT, 1)]);
    await sql`DROP TABLE messages_20261121`;
    await expect(writer.write([sentItem(NUMBER + 3, AT, 1)])).rejects.toMatchObject({ code: '23514' });
    expect((await writer.write([sentItem(NUMBER + 3, AT, 1)])).messages).toBe(1);
  });

  test('a long report delays a drop, but neither a new day nor the writing', async () => {
    await partitions.ensure([9800, 9821]);
    await using report = new Session(url, OPTIONS);
    await report.transaction(async tx => {
      await tx`SELECT count(*) FROM messages`;
      await partitions.ensure([9830]);
      await expect(partitions.dropOld(AT, 3, 3)).rejects.toMatchObject({ code: '55P03' });
      expect((await writer.write([sentItem(NUMBER, AT, 1)])).messages).toBe(1);
    });
    expect(await partitions.dropOld(AT, 3, 3)).toHaveLength(1);
  });
});
