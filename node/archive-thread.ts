import { readlinkSync } from 'node:fs';
import { setPriority } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../runtime/clock.ts';
import { Link } from '../runtime/link/link.ts';
import { createLogger, type LogRecord } from '../runtime/log.ts';
import { runThread } from '../runtime/worker-thread.ts';
import { PublicIds } from '../actors/message/id.ts';
import { decodeText } from '../actors/text/decode.ts';
import type { ArchiveLog } from '../adapters/archive/archive-log.ts';
import { ArchiveLister, LIST_LIMITS } from '../adapters/archive/archive-lister.ts';
import { rehearseArchive } from '../adapters/archive/archive-rehearsal.ts';
import { ArchiveReader, type ArchivedMessage } from '../adapters/archive/archive-reader.ts';
import { startArchive, type Archive, type ArchiveStats } from '../adapters/archive/archive-thread.ts';
import { startEmbeddedPostgres, type EmbeddedPostgres } from '../adapters/archive/embedded-postgres.ts';
import { ReceiptRuns } from '../adapters/archive/receipt-runs.ts';
import { machineIsBusy, Patience } from '../adapters/archive/patience.ts';
import { setSessionNice } from '../adapters/archive/session-nice.ts';
import { onNotices, storeOver } from '../actors/store/store-link.ts';
import { StripedStore } from '../actors/store/striped-store.ts';
import { openDatabase, type OpenDatabase } from '../drizzle/db.ts';
import { fatal } from '../runtime/fatal.ts';
import type { StoreThreadData } from './worker-stores.ts';

export interface ArchiveSetup {
  readonly dataDir: string;
  /** Absent: the embedded Postgres in the data folder. */
  readonly databaseUrl: string | undefined;
  readonly idKey: Uint8Array;
  readonly nodeId: string;
}

/** What main asks of the archive's thread. */
export interface ArchiveApi {
  setup(setup: ArchiveSetup, log: (record: LogRecord) => void): void;
  stats(): ArchiveStats | undefined;
  /** Turns so many messages of its own making into rows, until real ones come. Resolves when that is over. */
  rehearse(messages: number): Promise<void>;
  /** @throws when the database is away */
  find(publicId: number): Promise<ArchivedMessage | undefined>;
  list: ArchiveLister['page'];
  listAt: ArchiveLister['at'];
  begin: ReceiptRuns['begin'];
  findRun: ReceiptRuns['find'];
  hold: ReceiptRuns['hold'];
  advance: ReceiptRuns['advance'];
  receipts: ReceiptRuns['receipts'];
}

const RETENTION_DAYS = 90;
const COUNTS_DAYS = 400;
const START_AGAIN_MS = 5000;
/** Messages come first: like its database, the archive has what the traffic workers leave of the cores. */
const NICE = 5;
/** The same for the database's process that writes the rows: while it keeps up, and when it does not. */
const WRITER_NICE = 19;
const WRITER_NICE_PRESSED = 0;

await runThread<Pick<StoreThreadData, 'stripes'>, ArchiveApi>(async ({ data }) => {
  yieldToTraffic();
  const store = new StripedStore(new Map(), 'refused');
  let postgres: EmbeddedPostgres | undefined;
  let archive: Archive | undefined;
  const databases: OpenDatabase[] = [];
  let reader: ArchiveReader | undefined;
  let lister: ArchiveLister | undefined;
  let runs: ReceiptRuns | undefined;
  let problem = '';
  const stopping = new AbortController();

  /** Brings up database and archive; a database that does not start is tried again: messages flow meanwhile. */
  async function start(setup: ArchiveSetup, log: ArchiveLog): Promise<void> {
    const ids = new PublicIds(setup.idKey);
    while (!stopping.signal.aborted) {
      try {
        if (setup.databaseUrl === undefined) {
          postgres = await startEmbeddedPostgres({ folder: join(setup.dataDir, 'postgres'), log });
        }
        const embedded = postgres;
        const databaseUrl = setup.databaseUrl ?? embedded!.url;
        archive = startArchive({
          store,
          databaseUrl,
          ids,
          decode: decodeText,
          nowMs: systemClock.nowMs,
          monotonicMs: systemClock.monotonicMs,
          log,
          patience: new Patience(machineIsBusy(systemClock.monotonicMs), systemClock.monotonicMs),
          retentionDays: RETENTION_DAYS,
          countsDays: COUNTS_DAYS,
          ...(embedded ? { hasRoom: () => embedded.hasRoom(), share: shareCores } : {}),
          onNewerDatabase: error => fatal(error.message),
        });
        const lookups = openDatabase(databaseUrl, 'heliograph look-ups');
        const lists = openDatabase(databaseUrl, 'heliograph lists', LIST_LIMITS);
        databases.push(lookups, lists);
        reader = new ArchiveReader(lookups.db, ids);
        runs = new ReceiptRuns(lookups.db, setup.nodeId);
        lister = new ArchiveLister(lists.db, ids, systemClock);
        return;
      } catch (error) {
        problem = (error as Error).message;
        log.warn({ problem, retryMs: START_AGAIN_MS }, 'archive does not start; messages flow');
        await new Promise(resolve => setTimeout(resolve, START_AGAIN_MS));
      }
    }
  }

  return {
    api: {
      setup: (setup, send) => {
        const logger = createLogger(send, 'debug', systemClock.nowMs).with({ part: 'archive' });
        const log: ArchiveLog = {
          info: (fields, message) => logger.info(message, fields as Record<string, never>),
          warn: (fields, message) => logger.warn(message, fields as Record<string, never>),
          error: (fields, message) => logger.error(message, fields as Record<string, never>),
        };
        void start(setup, log);
      },
      stats: () => archive?.stats() ?? (problem ? { ...STARTING, problem } : STARTING),
      rehearse: messages => {
        const isOver = (): boolean => stopping.signal.aborted || (archive?.stats().chunks ?? 0) > 0;
        return rehearseArchive(messages, new PublicIds(new Uint8Array(16)), decodeText, systemClock.nowMs, isOver);
      },
      find: async publicId => {
        return isUp(reader).find(publicId);
      },
      list: async (...which) => isUp(lister).page(...which),
      listAt: async places => isUp(lister).at(places),
      begin: async (run, range) => isUp(runs).begin(run, range),
      findRun: async run => isUp(runs).find(run),
      hold: async run => isUp(runs).hold(run),
      advance: async (...how) => isUp(runs).advance(...how),
      receipts: async (...which) => isUp(runs).receipts(...which),
    },
    connected: (peer, port) => {
      if (peer.role !== 'worker') return;
      const link = new Link(port, {
        peer: `worker ${peer.index}`,
        // In a cluster stripes come and go.
        service: onNotices({
          held: ({ leases }) =>
            store.holds(
              peer.index,
              leases.map(([stripe]) => stripe),
            ),
        }),
        closed: () => store.disconnect(peer.index, worker),
      });
      const worker = storeOver(link);
      // It claims nothing.
      store.connect(peer.index, data.stripes[peer.index]!, { store: worker, tenureOf: () => undefined });
    },
    stop: async deadlineMs => {
      stopping.abort();
      await archive?.stop(deadlineMs / 2);
      for (const database of databases) await database[Symbol.asyncDispose]();
      await postgres?.[Symbol.asyncDispose]();
    },
  };
});

function isUp<T>(part: T | undefined): T {
  if (part === undefined) throw new Error('the archive is not up yet');
  return part;
}

const STARTING: ArchiveStats = {
  state: 'starting',
  messages: 0,
  receipts: 0,
  chunks: 0,
  conflicts: 0,
  refused: 0,
  lagMs: 0,
  problem: '',
};

function shareCores(backendPid: number, isPressed: boolean): boolean {
  return setSessionNice(backendPid, isPressed ? WRITER_NICE_PRESSED : WRITER_NICE);
}

/** Lowers the priority of this thread alone: on Linux a thread has one of its own, under its thread id. */
function yieldToTraffic(): void {
  const [, , thread] = readlinkSync('/proc/thread-self').split('/');
  setPriority(Number(thread), NICE);
}
