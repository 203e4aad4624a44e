import { randomBytes } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import type { Logger } from '../runtime/log.ts';
import { ControlError, type RepushInfo, type RepushRequest } from '../actors/node-control.ts';
import type { QueueStats } from '../actors/ports.ts';
import { REPUSH_AT_ONCE, type RepushedReceipt, type RepushState } from '../actors/receipt/repush.ts';
import type { ReceiptRun, ReceiptRuns } from '../adapters/archive/receipt-runs.ts';
import type { Node } from './node.ts';

export interface RepushDeps {
  /** undefined: there is no archive. */
  readonly archive: () => Pick<ReceiptRuns, 'begin' | 'find' | 'hold' | 'advance' | 'receipts'> | undefined;
  readonly isAccount: (name: string) => boolean;
  readonly queues: () => Promise<readonly QueueStats[]>;
  /** @returns why they were not taken; '' when they were */
  readonly push: (account: string, receipts: readonly RepushedReceipt[]) => Promise<string>;
  /** Longest between the acceptance of a message and its last receipt, ms. */
  readonly reachMs: () => number;
  readonly pause: (ms: number) => Promise<void>;
  readonly isEnding: () => boolean;
  readonly log: Logger;
}

/** Most runs at once on this node. */
const MOST = 4;
/** While more than this wait for the account, nothing is added: its live receipts wait behind what is there. */
const QUEUED = 128;
const LOOK_MS = 200;
const HOLD_EVERY = 50;
const DEFAULT_RATE = 500;

/**
 * Receipts of a time range, sent to their account once more (feature G13). A run has a name: asked for again it goes on
 * where it was, or says what it did. How far it has come is in the database, written after each batch, so what a crash may
 * cost is that REPUSH_AT_ONCE receipts are told a third time.
 */
export class ReceiptRepush {
  readonly #deps: RepushDeps;
  readonly #running = new Set<string>();
  /** Why the runs that have not ended by themselves did. */
  readonly #problems = new Map<string, string>();
  constructor(deps: RepushDeps) {
    this.#deps = deps;
  }

  /** @throws ControlError */
  async start({ account, from, to, run = newName(), rate = DEFAULT_RATE }: RepushRequest): Promise<RepushInfo> {
    if (!this.#deps.isAccount(account)) throw new ControlError('not-found', `no account is called ${account}`);
    if (!(from < to)) throw new ControlError('invalid', 'to: expected a time after from');
    const archive = this.#archive();
    const known = await asked(archive.begin(run, { account, from, to }));
    if (known.account !== account || known.from !== from || known.to !== to) {
      throw new ControlError('conflict', `the run ${run} is another: expected its account and times, or a new name`);
    }
    if (known.taken) throw new ControlError('conflict', `another node is at the run ${run}`);
    if (known.done || this.#running.has(run)) return this.#info(known);
    if (this.#running.size >= MOST)
      throw new ControlError('refused', `${MOST} runs are under way, the most there can be`);
    this.#running.add(run);
    this.#problems.delete(run);
    void this.#run(known, rate);
    return this.#info(known);
  }

  /** @throws ControlError */
  async find(run: string): Promise<RepushInfo> {
    const known = await asked(this.#archive().find(run));
    if (!known) throw new ControlError('not-found', `no run is called ${run}`);
    return this.#info(known);
  }

  async #run(run: ReceiptRun, rate: number): Promise<void> {
    const { log } = this.#deps;
    const fields = { run: run.run, account: run.account };
    log.info('receipts are pushed again', { ...fields, from: run.from, to: run.to });
    try {
      const pushed = await this.#pages(run, rate);
      log.info('receipts were pushed again', { ...fields, pushed });
    } catch (error) {
      const problem = (error as Error).message;
      this.#problems.set(run.run, problem);
      log.warn('receipts are not pushed on', { ...fields, problem });
    } finally {
      this.#running.delete(run.run);
    }
  }

  async #pages(run: ReceiptRun, rate: number): Promise<number> {
    const { pause, push, reachMs } = this.#deps;
    let { next, pushed } = run;
    for (;;) {
      const receipts = await this.#archive().receipts(run, next, REPUSH_AT_ONCE, reachMs());
      const isLast = receipts.length < REPUSH_AT_ONCE;
      if (receipts.length > 0) {
        await this.#room(run);
        const refused = await push(run.account, receipts);
        if (refused !== '') throw new Error(`the store takes nothing now: ${refused}`);
        next = receipts.at(-1)!.id + 1;
        pushed += receipts.length;
      }
      if (!(await this.#archive().advance(run.run, next, receipts.length, isLast)))
        throw new Error('another node is at it');
      if (isLast) return pushed;
      await pause((receipts.length / rate) * 1000);
    }
  }

  /** Waits until few wait for the account, be it away meanwhile. */
  async #room({ run, account }: RepushState): Promise<void> {
    const { queues, pause, isEnding } = this.#deps;
    for (let looks = 1; ; looks++) {
      if (isEnding()) throw new Error('this node is being stopped');
      const queue = (await queues()).find(({ destination }) => destination === account);
      if (!queue || queue.ready + queue.claimed <= QUEUED) return;
      await pause(LOOK_MS);
      if (looks % HOLD_EVERY === 0 && !(await this.#archive().hold(run))) throw new Error('another node is at it');
    }
  }

  #info({ run, account, from, to, pushed, done }: RepushState): RepushInfo {
    const state = done ? 'done' : this.#running.has(run) ? 'running' : 'stopped';
    return { run, account, from, to, pushed, state, problem: done ? '' : (this.#problems.get(run) ?? '') };
  }

  #archive(): Pick<ReceiptRuns, 'begin' | 'find' | 'hold' | 'advance' | 'receipts'> {
    const archive = this.#deps.archive();
    if (!archive) throw new ControlError('unavailable', 'there is no archive, or it is not up yet');
    return archive;
  }
}

/** Longest that a carrier is given for a receipt after the validity (`receipt_hours`), ms. */
const LATEST_MS = 30 * 86_400_000;

/** Those of this node. */
export function receiptRepushOf(node: Node): ReceiptRepush {
  return new ReceiptRepush({
    archive: () => {
      const api = node.settings.archive.enabled ? node.archiveApi : undefined;
      return (
        api && {
          begin: (run, range) => api.begin(run, range),
          find: run => api.findRun(run),
          hold: run => api.hold(run),
          advance: (...how) => api.advance(...how),
          receipts: (...which) => api.receipts(...which),
        }
      );
    },
    isAccount: name => node.configuration.live.accounts.some(({ system_id }) => system_id === name),
    queues: async () => (await node.stores.stats()).queues,
    push: async (account, receipts) => {
      const [worker] = node.workers;
      return worker ? worker.api.pushAgain(account, receipts) : 'no worker is up';
    },
    reachMs: () => node.settings.messages.validity_max_seconds * 1000 + LATEST_MS,
    pause: ms => setTimeout(ms, undefined, { ref: false }),
    isEnding: () => node.phase !== 'serving',
    get log() {
      return node.log;
    },
  });
}

const newName = (): string => randomBytes(6).toString('hex');

async function asked<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    throw new ControlError('unavailable', `the archive cannot be asked now: ${(error as Error).message}`, [], error);
  }
}
