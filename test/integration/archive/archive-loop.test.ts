import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { PublicIds } from '../../../actors/message/id.ts';
import { Fate, What } from '../../../actors/message/ledger.ts';
import type { OutboxItem } from '../../../actors/ports.ts';
import { startArchive, type Archive, type ArchiveDeps } from '../../../adapters/archive/archive-thread.ts';
import { processesIn } from '../../../adapters/archive/postgres-files.ts';
import { connect } from '../../../drizzle/connect.ts';
import { migrate } from '../../../drizzle/migrate.ts';
import { ledgerOf, sentItem } from '../../support/archive-items.ts';
import { TestOutbox } from '../../support/test-outbox.ts';
import { keptLog, startTestPostgres, waitUntil, type TestPostgres } from '../../support/test-postgres.ts';

const NUMBER = 7_000_000_001;
const AT = Date.now();
const ids = new PublicIds(Buffer.from('0123456789abcdef'));

let postgres: TestPostgres;
let url: string;
let archives: Archive[];

beforeEach(async () => {
  postgres = await startTestPostgres();
  url = await postgres.database();
  archives = [];
});
afterEach(async () => {
  for (const archive of archives) await archive.stop(1000);
  await postgres.stop();
});

function start(store: TestOutbox, more: Partial<ArchiveDeps> = {}): Archive {
  const archive = startArchive({
    store,
    databaseUrl: url,
    ids,
    decode: () => undefined,
    nowMs: Date.now,
    monotonicMs: () => performance.now(),
    log: keptLog().log,
    retentionDays: 90,
    countsDays: 400,
    onNewerDatabase: error => {
      throw error;
    },
    ...more,
  });
  archives.push(archive);
  return archive;
}

async function query(text: string): Promise<Record<string, unknown>[]> {
  const sql = connect(url, { max: 1, applicationName: 'test', statementTimeoutMs: 30_000 });
  try {
    return [...(await sql.unsafe(text))];
  } finally {
    await sql.end();
  }
}

/** Rows, distinct rows, the sum of the counters; and the same by status. */
async function totals(): Promise<unknown> {
  const [row] = await query(`SELECT (SELECT count(*)::int FROM messages) AS rows,
    (SELECT count(DISTINCT address)::int FROM messages) AS different, (SELECT count(DISTINCT id)::int FROM messages) AS ids,
    (SELECT sum(count)::int FROM message_counts) AS counted`);
  return row;
}

/** Numbers from 0 to 1 that a printed seed repeats. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** 100,000 messages in batches of 1 to 256. */
function manyItems(random: () => number): OutboxItem[] {
  const items: OutboxItem[] = [];
  for (let left = 100_000, number = NUMBER; left > 0; number++) {
    const count = Math.min(left, 1 + Math.floor(random() * 256));
    items.push(sentItem(number, AT - Math.floor(random() * 3600_000), count));
    left -= count;
  }
  return items;
}

const whole = { rows: 100_000, different: 100_000, ids: 100_000, counted: 100_000 };

test('the process that writes is named, also the next one when it was killed', async () => {
  const shares: [number, boolean][] = [];
  // The first time it cannot be done, and is tried again at the next chunk.
  start(new TestOutbox(manyItems(randomFrom(2))), { share: (...share) => shares.push(share) > 1 });
  const writers = async (): Promise<number[]> => {
    const rows = await query(`SELECT pid FROM pg_stat_activity WHERE application_name = 'heliograph archive'`);
    return rows.map(({ pid }) => pid as number);
  };
  await waitUntil('it writes', () => shares.length === 2);
  expect(await writers()).toEqual([shares[0]![0]]);
  expect(shares[1]).toEqual(shares[0]);
  process.kill(shares[0]![0], 'SIGKILL');
  await waitUntil('it writes again', () => shares.length === 3, 60_000);
  expect(await writers()).toEqual([shares[2]![0]]);
  expect(shares.map(([, isPressed]) => isPressed)).toEqual([false, false, false]);
});

describe('100,000 messages, once each', () => {
  test('and the same outbox offered again after a restart', async () => {
    const items = manyItems(randomFrom(1));
    const store = new TestOutbox(items);
    const archive = start(store);
    await waitUntil('all archived', () => store.empty);
    expect(await totals()).toEqual(whole);
    await waitUntil('the figures', () => archive.stats().messages === 100_000);
    expect(archive.stats()).toMatchObject({ state: 'up', problem: '', conflicts: 0, refused: 0 });
    await archive.stop(1000);

    const again = new TestOutbox(items);
    const second = start(again);
    await waitUntil('all archived again', () => again.empty);
    expect(second.stats().messages).toBe(0);
    expect(await totals()).toEqual(whole);
  });

  test('with Postgres, or a backend of it, killed in mid-COPY again and again', async () => {
    const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000);
    console.log(`seed ${seed}`);
    const random = randomFrom(seed);
    const items = manyItems(random);
    const store = new TestOutbox(items, 40);
    const faults: string[] = [];
    let chunks = 0;
    store.onGive = () => {
      if (++chunks % 3 !== 0 || faults.length >= 8) return;
      const backend = random() < 0.3;
      faults.push(backend ? 'backend' : 'postmaster');
      setTimeout(() => void kill(backend), random() * 60);
    };
    async function kill(backend: boolean): Promise<void> {
      const { pid } = postgres.server;
      const found = backend ? await backendPid() : pid;
      try {
        if (found > 0) process.kill(found, 'SIGKILL');
      } catch {
        // Just ended: the fault before this one did it.
      }
    }
    /** The process that the archive's connection has: the youngest. */
    async function backendPid(): Promise<number> {
      const pids = await processesIn(postgres.cluster);
      return Math.max(0, ...pids.filter(pid => pid !== postgres.server.pid));
    }
    const archive = start(store);
    await waitUntil('all archived', () => store.empty, 120_000);
    expect(faults).toHaveLength(8);
    expect(await totals()).toEqual(whole);
    // What was committed before its answer was lost is not counted by the archive, yet written once.
    expect(archive.stats().messages).toBeLessThanOrEqual(100_000);
    expect(new Set(store.done).size).toBe(items.length);
  }, 180_000);
});

describe('a database that is not there', () => {
  test('nothing listens at first, later it does', async () => {
    const run = url;
    await postgres.server.stop();
    const { log, lines } = keptLog();
    const store = new TestOutbox([sentItem(NUMBER, AT, 10)]);
    const archive = start(store, { log, databaseUrl: run });
    await waitUntil('the problem to be named', () => archive.stats().problem !== '');
    expect(archive.stats()).toMatchObject({ state: 'starting', messages: 0 });
    expect(archive.stats().problem).toMatch(/ENOENT|ECONNREFUSED/);
    await postgres.restart();
    await waitUntil('all archived', () => store.empty);
    expect(archive.stats()).toMatchObject({ state: 'up', problem: '', messages: 10 });
    expect(lines.filter(line => line.startsWith('archive is down'))).toHaveLength(1);
  });

  test('frozen: the items are given back at the deadline, and written when it goes on', async () => {
    await migrate(url);
    const store = new TestOutbox([sentItem(NUMBER, AT, 10)]);
    const archive = start(store, { chunkDeadlineMs: 300 });
    await waitUntil('the first', () => store.empty);
    const frozen = await processesIn(postgres.cluster);
    for (const pid of frozen) process.kill(pid, 'SIGSTOP');
    store.waiting.push(sentItem(NUMBER + 1, AT, 10));
    await waitUntil('the problem to be named', () => archive.stats().state === 'down');
    expect(archive.stats().problem).toContain('did not answer within 300 ms');
    await waitUntil('the item to be back', () => store.waiting.length === 1 && store.given.size === 0);
    for (const pid of frozen) process.kill(pid, 'SIGCONT');
    await waitUntil('all archived', () => store.empty);
    expect(await totals()).toEqual({ rows: 20, different: 20, ids: 20, counted: 20 });
  });

  test('a stop does not wait for a frozen server', async () => {
    const store = new TestOutbox([sentItem(NUMBER, AT, 10)]);
    const archive = start(store);
    await waitUntil('the first', () => store.empty);
    const frozen = await processesIn(postgres.cluster);
    for (const pid of frozen) process.kill(pid, 'SIGSTOP');
    store.waiting.push(sentItem(NUMBER + 1, AT, 10));
    await waitUntil('the item to be given out', () => store.given.size === 1);
    const begun = Date.now();
    await archive.stop(200);
    expect(Date.now() - begun).toBeLessThan(3000);
    for (const pid of frozen) process.kill(pid, 'SIGCONT');
    expect(store.waiting).toHaveLength(1);
  });

  test('no room left on the data volume: nothing is taken until there is', async () => {
    let room = false;
    const store = new TestOutbox([sentItem(NUMBER, AT, 10)]);
    const archive = start(store, { hasRoom: async () => room });
    await waitUntil('the problem to be named', () => archive.stats().problem.includes('nearly full'));
    expect(store.waiting).toHaveLength(1);
    room = true;
    await waitUntil('all archived', () => store.empty);
  });

  test('of a newer release: said once, nothing written, and it ends', async () => {
    await migrate(url);
    await query(`INSERT INTO schema_versions (version, name) VALUES (77, '0077_of_tomorrow')`);
    const store = new TestOutbox([sentItem(NUMBER, AT, 10)]);
    const said: string[] = [];
    const archive = start(store, { onNewerDatabase: error => said.push(error.message) });
    await waitUntil('the error', () => said.length > 0);
    await archive.stop(1000);
    expect(said).toHaveLength(1);
    expect(archive.stats()).toMatchObject({ state: 'down', problem: said[0] });
    expect(store.waiting).toHaveLength(1);
    expect(await query('SELECT count(*)::int AS rows FROM messages')).toEqual([{ rows: 0 }]);
  });
});

test('late receipts through the loop; conflicts and damage are alarms, and the damaged stays with the store', async () => {
  const { log, lines } = keptLog();
  const first = sentItem(NUMBER, AT, 3);
  const store = new TestOutbox([first]);
  const archive = start(store, { log });
  await waitUntil('the first', () => store.empty);
  const receipt = { index: 1, what: What.receipt, fate: Fate.delivered, at: AT + 99 };
  const damaged = sentItem(NUMBER + 1, AT, 1);
  damaged.batch[70]! ^= 1;
  store.waiting.push(
    { ...first, due: Uint8Array.of(0, 1, 0), ledger: Buffer.concat([first.ledger, ledgerOf(NUMBER, [receipt])]) },
    damaged,
  );
  await waitUntil('the receipt', () => archive.stats().receipts === 1);
  store.waiting.push(sentItem(NUMBER, AT + 1, 3));
  await waitUntil('the conflict', () => archive.stats().conflicts === 1);
  expect(archive.stats()).toMatchObject({ state: 'up', messages: 3, receipts: 1, conflicts: 1, refused: 1 });
  expect([...store.given.keys()]).toEqual([NUMBER + 1]);
  expect(await query('SELECT status, count(*)::int FROM message_fates GROUP BY status ORDER BY status')).toEqual([
    { status: 'delivered', count: 1 },
    { status: 'sent', count: 2 },
  ]);
  const alarms = lines.filter(line => line.startsWith('batch'));
  expect(alarms).toEqual([
    `batch cannot be archived: it stays in the message store {"batch":${NUMBER + 1},"reason":"checksum does not match"}`,
    `batch numbers used twice: the archive keeps what it had under them {"batches":[${NUMBER}]}`,
  ]);
});
