import { systemClock } from '../runtime/clock.ts';
import { describeError, RuntimeError } from '../runtime/errors.ts';
import type { Logger } from '../runtime/log.ts';
import { WorkerGone, type WorkerHandle } from '../runtime/worker-life.ts';
import { STRIPE_LIMIT } from '../actors/message/id.ts';
import type { Member } from '../adapters/cluster-redis/members.ts';
import { LEASE_MARGIN } from '../adapters/store-redis/stripe-owner.ts';
import { StripeWatch, type SeenStripe } from '../adapters/store-redis/stripe-watch.ts';
import type { Cluster } from './cluster.ts';
import { planStripes, shareOut, type PlannedNode } from './stripe-plan.ts';
import type { WorkerApi } from './worker-messages.ts';

export interface StripeKeeperDeps {
  readonly cluster: Cluster;
  /** Those that are up. */
  readonly workers: () => readonly WorkerHandle<WorkerApi>[];
  readonly workerCount: number;
  readonly log: Logger;
}

const LOOKS_A_LEASE = 8;

/**
 * Which stripes of the cluster this node has: looks at the leases of all, plans with whoever lives, and has its workers
 * take and give. In the main thread; a plan a few times a lease, nothing a message.
 */
export class StripeKeeper {
  readonly #deps: StripeKeeperDeps;
  readonly #watch: StripeWatch;
  /** By stripe: the worker that has it, or is to have it again after its restart. */
  #assigned = new Map<number, number>();
  /** Stripes that a worker is opening or giving away just now. */
  readonly #busy = new Set<number>();
  readonly #taken: (() => void)[] = [];
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> | undefined;
  #ended = false;

  constructor(deps: StripeKeeperDeps) {
    const { address, name, leaseMs } = deps.cluster.settings;
    this.#deps = deps;
    const { settings } = deps.cluster;
    this.#watch = new StripeWatch({ address, settings, name, leaseMs, clock: systemClock.monotonicMs });
    this.#timer = setInterval(() => void this.look(), leaseMs / LOOKS_A_LEASE);
  }

  /** Resolves when each worker has a stripe. */
  async ready(): Promise<void> {
    while (!this.#ended && !this.#eachHasOne()) {
      void this.look();
      await new Promise<void>(resolve => this.#taken.push(resolve));
    }
  }

  /** Takes and gives nothing any more. */
  async end(): Promise<void> {
    this.#ended = true;
    clearInterval(this.#timer);
    await this.#looking;
    this.#watch.close();
  }

  /** Plans now. */
  look(): Promise<void> {
    this.#looking ??= this.#plan()
      .catch((error: unknown) => {
        // Redis is away, or a worker is: it is looked again soon.
        if (!(error instanceof RuntimeError)) throw error;
        if (!(error instanceof WorkerGone)) this.#deps.log.debug('stripes cannot be planned', { error });
      })
      .finally(() => {
        this.#looking = undefined;
        for (const told of this.#taken.splice(0)) setTimeout(told, 20);
      });
    return this.#looking;
  }

  #eachHasOne(): boolean {
    const owners = new Set([...this.#assigned].flatMap(([stripe, worker]) => (this.#busy.has(stripe) ? [] : [worker])));
    return owners.size === this.#deps.workerCount;
  }

  async #plan(): Promise<void> {
    const { cluster, workers, workerCount, log } = this.#deps;
    if (this.#ended) return;
    const seen = await this.#watch.look();
    const live = workers();
    const held = new Map<number, number>();
    for (const worker of live) for (const stripe of await worker.api.stripes()) held.set(stripe, worker.index);
    const nodes = plannedNodes(cluster.members);
    const owners = seen.map(stripe => (held.has(stripe.stripe) ? cluster.node : this.#ownerOf(stripe, nodes)));
    const { take, give } = planStripes(nodes, owners, cluster.node);
    const mine = owners.flatMap((owner, stripe) => (owner === cluster.node || take.includes(stripe) ? [stripe] : []));
    const before = new Map([...held, ...[...this.#assigned].filter(([stripe]) => !held.has(stripe))]);
    this.#assigned = shareOut(before, mine, workerCount, give);
    for (const worker of live) {
      for (const [stripe, index] of held) {
        if (index === worker.index && this.#assigned.get(stripe) !== index) this.#release(worker, stripe);
      }
      for (const [stripe, index] of this.#assigned) {
        if (index === worker.index && !held.has(stripe)) this.#open(worker, seen[stripe]!);
      }
    }
    const stripes = shown(held, workerCount);
    const told = cluster.members.find(({ node }) => node === cluster.node)?.about['stripes'];
    if (told !== undefined && told !== stripes) {
      log.info('stripes', { held: stripes });
      await cluster.tell({ stripes });
    }
  }

  /** '' where it is free, or its owner does not live any more. */
  #ownerOf({ owner, lease }: SeenStripe, nodes: readonly PlannedNode[]): string {
    const isDead = systemClock.monotonicMs() - lease.since >= this.#deps.cluster.settings.leaseMs * LEASE_MARGIN;
    // Our own, of a life before this one, or of a worker that is being restarted: it is ours to open again.
    if (owner === this.#deps.cluster.node) return owner;
    return isDead ? '' : owner === '' || nodes.some(({ node }) => node === owner) ? owner : `${owner} (gone)`;
  }

  #open(worker: WorkerHandle<WorkerApi>, { stripe, lease }: SeenStripe): void {
    this.#busily(stripe, worker, async () => {
      const isOurs = await worker.api.openStripe(stripe, lease);
      if (!isOurs) this.#assigned.delete(stripe);
    });
  }

  #release(worker: WorkerHandle<WorkerApi>, stripe: number): void {
    this.#busily(stripe, worker, () => worker.api.releaseStripe(stripe));
  }

  #busily(stripe: number, worker: WorkerHandle<WorkerApi>, work: () => Promise<void>): void {
    if (this.#busy.has(stripe)) return;
    this.#busy.add(stripe);
    work()
      .catch((error: unknown) => {
        if (error instanceof WorkerGone) return;
        this.#deps.log.error('stripe cannot be moved', { stripe, worker: worker.index, why: describeError(error) });
      })
      .finally(() => {
        this.#busy.delete(stripe);
        // The next steps may depend on it.
        void this.look();
      });
  }
}

/** What nodes tell of themselves: `workers`, none when they drain. A node of which nothing is known takes no part. */
export function plannedNodes(members: readonly Member[]): PlannedNode[] {
  return members.map(({ node, about }) => ({ node, workers: Number(about['workers'] ?? 0) }));
}

/** By worker, the stripes it has: `0.2.5/1`. */
function shown(held: ReadonlyMap<number, number>, workers: number): string {
  const shares = Array.from({ length: workers }, (_, worker) =>
    [...held].flatMap(([stripe, index]) => (index === worker ? [stripe] : [])).join('.'),
  );
  return shares.join('/');
}

/** @throws RuntimeError TOO_MANY_WORKERS when there is no stripe left for one of this node's */
export function checkRoom(members: readonly Member[], node: string, workers: number): void {
  const others = plannedNodes(members.filter(member => member.node !== node));
  const taken = others.reduce((sum, other) => sum + other.workers, 0);
  if (taken + workers <= STRIPE_LIMIT) return;
  throw new RuntimeError(
    'TOO_MANY_WORKERS',
    `workers: the other nodes of the cluster have ${taken}, this node would have ${workers}, and there are ` +
      `${STRIPE_LIMIT} stripes: expected at most ${Math.max(0, STRIPE_LIMIT - taken)}`,
  );
}
