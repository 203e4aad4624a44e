import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { messageId, PublicIds } from '../../../actors/message/id.ts';
import { Fate, What } from '../../../actors/message/ledger.ts';
import { Kind } from '../../../actors/message/record.ts';
import type { Match, Place } from '../../../actors/ports.ts';
import { decodeText } from '../../../actors/text/decode.ts';
import { ArchiveLister, LIST_LIMITS, type ArchivedPage } from '../../../adapters/archive/archive-lister.ts';
import { ArchiveWriter } from '../../../adapters/archive/archive-writer.ts';
import { Partitions } from '../../../adapters/archive/partitions.ts';
import { openDatabase, type OpenDatabase } from '../../../drizzle/db.ts';
import { migrate } from '../../../drizzle/migrate.ts';
import { Session } from '../../../drizzle/session.ts';
import { itemOf, ledgerOf, type TestEntry, type TestMessage } from '../../support/archive-items.ts';
import { startTestPostgres, type TestPostgres } from '../../support/test-postgres.ts';

const NOW = Date.UTC(2026, 10, 21, 12, 30, 15, 250);
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const OPTIONS = { applicationName: 'test', statementTimeoutMs: 30_000 };
const ids = new PublicIds(Buffer.from('0123456789abcdef'));

let postgres: TestPostgres;
let session: Session;
let writer: ArchiveWriter;
let database: OpenDatabase;
let lister: ArchiveLister;
/** The lister's monotonic clock is that of the machine, unless a test says otherwise. */
let monotonic: () => number;
let nextNumber: number;

beforeAll(async () => {
  postgres = await startTestPostgres();
});
afterAll(() => postgres.stop());
beforeEach(async () => {
  const url = await postgres.database();
  await migrate(url);
  session = new Session(url, OPTIONS);
  writer = new ArchiveWriter(session, new Partitions(session), ids, decodeText);
  database = openDatabase(url, 'test lists', LIST_LIMITS);
  monotonic = () => performance.now();
  lister = new ArchiveLister(database.db, ids, { nowMs: () => NOW, monotonicMs: () => monotonic() });
  nextNumber = 7_000_000_001;
});
afterEach(async () => {
  await database.close();
  await session.end(5);
});

const sent = (index: number): TestEntry => ({
  index,
  what: What.settled,
  fate: Fate.sent,
  at: NOW,
  carrierId: `c${index}`,
});

/** Archives messages as one batch. @returns their internal ids */
async function archive(
  at: number,
  messages: readonly TestMessage[],
  entries?: readonly TestEntry[],
): Promise<number[]> {
  const number = nextNumber;
  nextNumber += 16;
  await writer.write([itemOf(number, at, messages, entries ?? messages.map((_, index) => sent(index)))]);
  return messages.map((_, index) => messageId(number, index));
}
const idsOf = ({ rows }: ArchivedPage): number[] => rows.map(({ id }) => ids.fromPublic(id));
const list = async (match: Match = {}, from = NOW - DAY_MS, limit = 100): Promise<number[]> =>
  idsOf(await lister.page(match, from, limit));

test('what fits, newest first, from today and the days before', async () => {
  const [a, b] = await archive(NOW - 1000, [{ account: 'shop' }, { dest: '15550100', destination: 'x' }]);
  const [c] = await archive(NOW - 20 * HOUR_MS, [{ source: '12345', kind: Kind.mo }]);
  const [old] = await archive(NOW - 30 * HOUR_MS, [{ account: 'shop' }]);
  // Another node's clock is ahead.
  const [d] = await archive(NOW + 2000, [{ destination: 'shop' }]);
  expect(await list()).toEqual([d, b, a, c]);
  expect(await list({}, NOW - 2 * DAY_MS)).toEqual([d, b, a, c, old]);
  expect(await list({ account: 'shop' }, 0)).toEqual([a, old]);
  expect(await list({ visibleTo: 'shop' }, 0)).toEqual([d, a, old]);
  expect(await list({ account: 'load', visibleTo: 'shop' }, 0)).toEqual([d]);
  expect(await list({ dest: '15550100' })).toEqual([b]);
  expect(await list({ destination: 'x' })).toEqual([b]);
  expect(await list({ source: '12345' })).toEqual([c]);
  expect(await list({ before: { at: NOW - 1000, id: 0 } })).toEqual([c]);
  expect(await list({ before: { at: NOW - 1000, id: b! } })).toEqual([a, c]);
  expect(await list({}, NOW - 1000)).toEqual([d, b, a]);
  expect(await list({ account: 'nobody' }, 0)).toEqual([]);
});

test('with the receipts that came later, and by the fate that they tell', async () => {
  const number = nextNumber;
  const [a, b, c] = await archive(
    NOW - 1000,
    [{}, {}, {}],
    [sent(0), sent(1), { ...sent(2), fate: Fate.undeliverable }],
  );
  const receipt = { index: 0, what: What.receipt, fate: Fate.delivered, at: NOW + 5, error: 7 };
  await writer.write([
    { ...itemOf(number, NOW - 1000, [{}, {}, {}], []), ledger: ledgerOf(number, [sent(0), receipt]) },
  ]);
  const { rows } = await lister.page({}, NOW - DAY_MS, 10);
  expect(rows.map(({ status, error, doneAt }) => [status, error, doneAt?.getTime()])).toEqual([
    ['undeliverable', null, undefined],
    ['sent', null, undefined],
    ['delivered', 7, NOW + 5],
  ]);
  expect(await list({ fate: Fate.delivered })).toEqual([a]);
  expect(await list({ fate: Fate.sent })).toEqual([b]);
  expect(await list({ fate: Fate.undeliverable })).toEqual([c]);
  const places = [a, c].map(id => ({ at: NOW - 1000, id: id! }));
  const there = await lister.at([...places, { at: NOW - 1000, id: 5 }]);
  expect(there.map(({ id, status }) => [ids.fromPublic(id), status])).toEqual(
    expect.arrayContaining([
      [a, 'delivered'],
      [c, 'undeliverable'],
    ]),
  );
});

test('page by page over days, more rows at a time than one statement gives', async () => {
  const all: number[] = [];
  for (const at of [NOW - 50 * HOUR_MS, NOW - 26 * HOUR_MS, NOW - 25 * HOUR_MS, NOW - HOUR_MS]) {
    all.unshift(
      ...(
        await archive(
          at,
          Array.from({ length: 200 }, () => ({ text: 'x' })),
        )
      ).toReversed(),
    );
  }
  for (const limit of [77, 250, 300, 1000]) {
    const seen: number[] = [];
    let before: Place | undefined;
    do {
      const page = await lister.page({ before }, 0, limit);
      seen.push(...idsOf(page));
      before = page.until;
    } while (before);
    expect(seen).toEqual(all);
  }
});

test('ends after so much work, and so many octets, and says how far it came', async () => {
  const [old] = await archive(NOW - 20 * HOUR_MS, [{ account: 'rare' }]);
  // Each look at the clock is a second.
  let now = 0;
  monotonic = () => (now += 1000);
  let before: Place | undefined;
  const seen: number[] = [];
  let pages = 0;
  do {
    const page = await lister.page({ account: 'rare', before }, NOW - DAY_MS, 10);
    seen.push(...idsOf(page));
    expect(page.until === undefined || before === undefined || page.until.at < before.at).toBe(true);
    before = page.until;
    if (++pages === 3) monotonic = () => performance.now();
  } while (before);
  expect(seen).toEqual([old]);
  expect(pages).toBeGreaterThan(3);
  await archive(
    NOW,
    Array.from({ length: 200 }, () => ({ text: 'x'.repeat(30_000), account: 'big' })),
  );
  const big = await lister.page({ account: 'big' }, NOW - DAY_MS, 1000);
  expect([big.rows.length, big.until]).toEqual([200, { at: NOW, id: ids.fromPublic(big.rows.at(-1)!.id) }]);
});

test('every day has the index', async () => {
  await archive(NOW, [{}]);
  const indexes = await session.sql`
    SELECT c.relname AS name, am.amname AS kind FROM pg_index i
    JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am am ON am.oid = c.relam
    WHERE i.indrelid = 'messages_20261121'::regclass ORDER BY 2`;
  expect(indexes.map(({ kind }) => kind as string)).toEqual(['brin', 'btree']);
});
