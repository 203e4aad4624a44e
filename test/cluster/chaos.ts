import { readFileSync } from 'node:fs';
import { countersWrong, readArchive } from './checker/archive.ts';
import { readLedger, type Entry } from './checker/ledger.ts';
import { LeaseWatch } from './checker/leases.ts';
import { judge, type Verdict } from './checker/verdict.ts';
import { Watch } from './checker/watch.ts';
import type { Cluster } from './cluster.ts';
import { killInMidCopy } from './postgres-copy.ts';
import type { ClusterLoad, ClusterLoadResult } from './load.ts';
import { hits, lengthMs, type Step } from './schedule.ts';

const POLL_MS = 50;
/** Leases are looked at this often: it costs Redis a KEYS. */
const LEASES_EVERY = 10;
const ESMES = 4;
/** `deliver_window`: receipts under way to one application. */
const DELIVER_WINDOW = 100;
/**
 * The archive has this long for what is left, once everything has been delivered: more than the 60 s after which it gives up
 * a chunk that stands still, as one did for 30 s after a freeze.
 */
const ARCHIVE_LIMIT_MS = 75_000;

export interface Run {
  readonly result: ClusterLoadResult;
  readonly verdict: Verdict;
  /** How long the archive took for what it had not yet when the load ended, ms. */
  readonly archivedAfterMs: number;
  readonly entries: readonly Entry[];
  /** What the load had counted when it ended. */
  readonly load: ClusterLoad;
  /** When each step was done, ms since the generator started, as the ledger has it. */
  readonly doneAt: readonly number[];
}

export interface ChaosOptions {
  readonly rate: number;
  /** Messages are offered until this long after the last step, ms. */
  readonly afterMs?: number;
  /** How long everything may take to be delivered after that, s. */
  readonly settleSeconds?: number;
  /** Duplicates beyond those of the steps: a carrier that ends sessions, say. */
  readonly moreDuplicates?: number;
  readonly load?: Readonly<Record<string, number | string | true>>;
}

/**
 * Offers messages, lets the steps happen, and asserts at every poll what must always hold; then waits until everything has
 * come to rest and has the checker judge the whole.
 *
 * @throws Error with the state of the cluster, as soon as something does not hold
 */
export async function runChaos(cluster: Cluster, steps: readonly Step[], options: ChaosOptions): Promise<Run> {
  const { rate, afterMs = 3000, settleSeconds = 40, moreDuplicates = 0 } = options;
  const seconds = (lengthMs(steps) + afterMs) / 1000;
  const { sessions, window } = cluster.options;
  using load = cluster.load({
    rate,
    seconds,
    count: Math.ceil(rate * (seconds + 5)),
    timeout: seconds + settleSeconds + 30,
    linger: settleSeconds,
    ...options.load,
  });
  const chaos = new Chaos(cluster, load, new Watch(sessions));
  try {
    const doneAt = await chaos.run(steps);
    const result = await chaos.untilOver();
    const entries = readLedger(readFileSync(load.ledger, 'utf8'));
    const duplicates = hits(steps) * sessions * window + moreDuplicates;
    const allowances = {
      duplicates,
      receiptDuplicates: duplicates + hits(steps) * ESMES * DELIVER_WINDOW + result.dlr_repeated,
      queued: 0,
    };
    const { verdict, archivedAfterMs } = await settled(cluster, load.source, entries, allowances);
    const wrong = (['bad_text', 'dlr_wrong', 'proto_errors'] as const).filter(name => result[name] > 0);
    const problems = [...verdict.violations, ...wrong.map(name => `${name}: ${result[name]}`)];
    if (problems.length > 0) throw new Error(problems.join('\n'));
    return { result, verdict, archivedAfterMs, entries, load, doneAt };
  } catch (error) {
    const state = await cluster.dump();
    throw new Error(`${(error as Error).message}\nlast counts: ${JSON.stringify(load.counts)}\n${state}`, {
      cause: error,
    });
  }
}

type Allowances = Parameters<typeof judge>[1];

/** The archive may lag: it is asked until it has what it must, or its time is over. */
async function settled(
  cluster: Cluster,
  source: string,
  entries: readonly Entry[],
  allowances: Allowances,
): Promise<Pick<Run, 'verdict' | 'archivedAfterMs'>> {
  if (cluster.postgres === undefined) return { verdict: judge(entries, allowances), archivedAfterMs: 0 };
  const begin = performance.now();
  const until = begin + ARCHIVE_LIMIT_MS;
  for (;;) {
    const rows = judge(entries, allowances, await readArchive(cluster.postgres.url, source));
    const verdict = { ...rows, violations: [...rows.violations, ...(await countersWrong(cluster.postgres.url))] };
    if (verdict.violations.length === 0 || performance.now() > until) {
      return { verdict, archivedAfterMs: performance.now() - begin };
    }
    await pause(500);
  }
}

const pause = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms));

class Chaos {
  readonly #cluster: Cluster;
  readonly #load: ClusterLoad;
  readonly #watch: Watch;
  readonly #leases = new LeaseWatch();
  #seen = 0;
  #polls = 0;
  #failed: Error | undefined;
  /** Steps that take their time, a start of a node say, while polls go on. */
  #underWay: Promise<void> = Promise.resolve();

  constructor(cluster: Cluster, load: ClusterLoad, watch: Watch) {
    this.#cluster = cluster;
    this.#load = load;
    this.#watch = watch;
  }

  /** @returns when each step was done, ms in the generator's time */
  async run(steps: readonly Step[]): Promise<number[]> {
    const doneAt: number[] = [];
    await this.#until('messages are under way', () => this.#load.counts.acked > 0, 30_000);
    const begin = performance.now();
    for (const step of steps) {
      await this.#until('the step is due', () => performance.now() - begin >= step.at, step.at + 60_000);
      this.#underWay = this.#after(this.#underWay, step, doneAt);
      this.#underWay.catch((error: Error) => (this.#failed ??= error));
    }
    let isDone = false;
    void this.#underWay.finally(() => (isDone = true)).catch(() => undefined);
    await this.#until('all steps are done', () => isDone, 60_000);
    return doneAt;
  }

  /** One step at a time: a start of a node may take longer than until the next is due. */
  async #after(before: Promise<void>, step: Step, doneAt: number[]): Promise<void> {
    await before;
    doneAt.push(this.#load.counts.t);
    await this.#do(step);
  }

  async untilOver(): Promise<ClusterLoadResult> {
    let result: ClusterLoadResult | undefined;
    const over = this.#load.result.then(
      value => (result = value),
      (error: Error) => (this.#failed ??= error),
    );
    await this.#until('everything is delivered, with its receipt', () => result !== undefined, 600_000);
    await over;
    return result!;
  }

  /** Polls, and asserts at each of them. */
  async #until(description: string, condition: () => boolean, limitMs: number): Promise<void> {
    const until = performance.now() + limitMs;
    while (!condition()) {
      if (performance.now() > until) throw new Error(`not within ${limitMs} ms: ${description}`);
      await pause(POLL_MS);
      await this.#look();
    }
  }

  async #look(): Promise<void> {
    const { events } = this.#load;
    while (this.#seen < events.length) this.#watch.see(events[this.#seen++]!);
    if (this.#polls++ % LEASES_EVERY === 0) {
      const leases = await this.#cluster.redis?.leases(this.#cluster.name);
      for (const [name, lease] of leases ?? []) this.#leases.see(name, lease);
    }
    const violations = [...this.#watch.violations, ...this.#leases.violations];
    if (violations.length > 0) throw new Error(violations.join('\n'));
    if (this.#failed !== undefined) throw this.#failed;
  }

  async #do(step: Step): Promise<void> {
    const cluster = this.#cluster;
    switch (step.do) {
      case 'kill':
        this.#back(step.node);
        return cluster.kill(step.node);
      case 'start':
        return cluster.start(step.node);
      case 'stop':
        return cluster.stop(step.node);
      case 'freeze':
        this.#away(step.node, 'frozen');
        return cluster.freeze(step.node);
      case 'thaw':
        this.#back(step.node);
        return cluster.thaw(step.node);
      case 'cut':
        this.#away(step.node, 'cut');
        return cluster.cut(step.node, step.direction);
      case 'cut-from-redis':
        return cluster.cutFromRedis(step.node);
      case 'partition':
        return cluster.partition(step.side, step.direction);
      case 'heal-all':
        return cluster.healAll();
      case 'heal':
        this.#back(step.node);
        return cluster.heal(step.node);
      case 'fault-lease':
        return cluster.faultLease(step.lease);
      case 'redis-kill':
      case 'redis-freeze':
      case 'redis-cut':
        return cluster.harmRedis(step.do, step.server);
      case 'redis-back':
        return cluster.mendRedis();
      case 'redis-move-slot':
        return cluster.redis!.moveSlot(cluster.name, step.of);
      case 'redis-failover':
        return cluster.redis!.failover();
      case 'clock':
        return cluster.setClock(step.whose, step.seconds);
      case 'postgres-stop':
        return cluster.postgres!.stop();
      case 'postgres-kill':
        return cluster.postgres!.kill();
      case 'postgres-kill-copying':
        return killInMidCopy(cluster.postgres!);
      case 'postgres-start':
        return cluster.postgres!.start();
      default:
        return step satisfies never;
    }
  }

  #away(node: number, how: 'frozen' | 'cut'): void {
    this.#watch.away(this.#cluster.hosts[node - 1]!.address, how);
  }

  #back(node: number): void {
    this.#watch.back(this.#cluster.hosts[node - 1]!.address);
  }
}
