import { systemClock } from '../runtime/clock.ts';
import { RuntimeError } from '../runtime/errors.ts';
import type { Logger } from '../runtime/log.ts';
import { bindId } from '../actors/node-control.ts';
import { decideSlots, type SlotView } from '../actors/carriers/slot-spread.ts';
import { LeaseTable } from '../adapters/cluster-redis/lease-table.ts';
import type { Cluster } from './cluster.ts';
import type { SlotsHere } from './directory.ts';
import { gateMemory, LeaseGates, MEMBERSHIP, MOST_LEASES, type GateMemory } from './lease-gates.ts';

export interface CarrierSlotsDeps {
  readonly cluster: Pick<Cluster, 'line' | 'settings' | 'members' | 'isHere' | 'hereUntil' | 'node'>;
  /** Carriers that are to have sessions, and which of their binds. */
  readonly wanted: () => readonly { readonly carrier: string; readonly slots: readonly number[] }[];
  /** Traffic workers of this node. */
  readonly workers: number;
  /** The slots of this worker are others than before. */
  readonly changed: (worker: number) => void;
  readonly log: Logger;
}

/** What a node says of itself under `phase` while it opens sessions. */
export const SERVING = 'serving';

interface Slot {
  readonly name: string;
  readonly carrier: string;
  /** Which of the carrier's binds, from 1. */
  readonly slot: number;
  /** Its number in the gates. */
  readonly lease: number;
  readonly worker: number;
  /** Its sessions are ending: it is given up when they have. */
  isLeaving: boolean;
}

/** One slot, for people. */
export interface SlotHolder {
  readonly carrier: string;
  readonly slot: number;
  /** '' = nobody. */
  readonly node: string;
}

const POLLS_A_LEASE = 10;

/**
 * The carriers' slots that this node holds: it has a session with a carrier only while it holds a slot for it. Slots are
 * spread over the nodes that serve; one too many is given up in good order, session first. What runs out because Redis
 * cannot be reached, or because this process was stopped, closes by itself (`LeaseGates`).
 */
export class CarrierSlots {
  readonly memory: GateMemory;
  readonly #deps: CarrierSlotsDeps;
  readonly #gates: LeaseGates;
  readonly #table: LeaseTable;
  /** Those whose sessions are here, or are still ending. */
  readonly #slots = new Map<string, Slot>();
  /** By lease: slots that are another's by now, whose sessions are still ending here. */
  readonly #lost = new Map<number, Slot>();
  #isTaking = true;
  #polling: Promise<void> | undefined;
  #next: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  readonly #waiting: (() => void)[] = [];

  constructor(deps: CarrierSlotsDeps) {
    this.#deps = deps;
    const { cluster } = deps;
    const { name, node, leaseMs, replicas } = cluster.settings;
    this.memory = gateMemory(leaseMs);
    this.#gates = new LeaseGates(this.memory);
    const { monotonicMs: clock, nowMs: wall } = systemClock;
    this.#table = new LeaseTable(
      { line: cluster.line, cluster: name, node, leaseMs, replicas, clock, wall },
      'carrier-slots',
    );
  }

  start(): void {
    const look = (): void => {
      this.#renewMembership();
      if (!this.#polling) void this.poll();
    };
    this.#timer = setInterval(look, this.#deps.cluster.settings.leaseMs / POLLS_A_LEASE);
    look();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Binds of a carrier that a worker is to have. */
  readonly here: SlotsHere = (carrier, worker) =>
    [...this.#slots.values()]
      .filter(slot => slot.carrier === carrier && slot.worker === worker && !slot.isLeaving)
      .map(({ slot, lease }) => ({ slot, lease }));

  /** All slots there are, and who has each. */
  holders(): SlotHolder[] {
    const { owners } = this.#table;
    return this.#names().map(({ name, carrier, slot }) => ({ carrier, slot, node: owners.get(name) ?? '' }));
  }

  /** A worker has no session by this lease any more. */
  over(lease: number): void {
    this.#lost.delete(lease);
    const slot = [...this.#slots.values()].find(each => each.lease === lease);
    if (!slot?.isLeaving) return;
    this.#release(slot);
    // The others need not wait for our next look.
    void this.poll();
  }

  /** A worker has sessions by these leases and no others: what was to end elsewhere has ended, or never began. */
  only(worker: number, leases: readonly number[]): void {
    const own = [...this.#slots.values(), ...this.#lost.values()].filter(slot => slot.worker === worker);
    for (const { lease } of own) if (!leases.includes(lease)) this.over(lease);
  }

  /** A worker has ended, or begins another life: its sessions are gone. Those of slots that stay ours come back with it. */
  workerDown(worker: number): void {
    for (const [lease, slot] of this.#lost) if (slot.worker === worker) this.#lost.delete(lease);
    for (const slot of this.#slots.values()) if (slot.worker === worker && slot.isLeaving) this.#release(slot);
  }

  /** Takes no slot any more, and gives up each as its sessions end. Resolves when none is left. */
  async drain(): Promise<void> {
    this.#isTaking = false;
    for (const slot of this.#slots.values()) slot.isLeaving = true;
    // One that came a moment ago may have begun a session after the others were told to end.
    for (const worker of new Set([...this.#slots.values()].map(slot => slot.worker))) this.#deps.changed(worker);
    if (this.#slots.size > 0) await new Promise<void>(done => this.#waiting.push(done));
    await this.poll();
  }

  /** Looks at all slots and does what is to be done. One at a time: asked for meanwhile, there is one more afterwards. */
  poll(): Promise<void> {
    if (!this.#polling) {
      this.#polling = this.#poll().finally(() => (this.#polling = undefined));
      return this.#polling;
    }
    this.#next ??= this.#polling.then(() => {
      this.#next = undefined;
      return this.poll();
    });
    return this.#next;
  }

  /** Also while Redis takes its time with our poll. */
  #renewMembership(): void {
    const { at, wall } = this.#deps.cluster.hereUntil;
    this.#gates.set(MEMBERSHIP, at, wall);
  }

  async #poll(): Promise<void> {
    const { log } = this.#deps;
    let give: string | undefined;
    const touched = new Set<number>();
    try {
      const { gained, lost } = await this.#table.poll(owners => {
        const decision = this.#decide(owners);
        give = decision.give;
        return decision.take.slice(0, this.#freeLeases());
      });
      for (const name of gained) touched.add(this.#gain(name));
      for (const name of lost) touched.add(this.#lose(name));
    } catch (error) {
      if (!(error instanceof RuntimeError)) throw error;
      return;
    }
    for (const [name, { until, untilWall }] of this.#table.held) {
      const slot = this.#slots.get(name);
      if (slot) this.#gates.set(slot.lease, until, untilWall);
    }
    const wanted = new Set(this.#names().map(({ name }) => name));
    for (const slot of this.#slots.values()) {
      if (slot.isLeaving || (slot.name !== give && wanted.has(slot.name))) continue;
      slot.isLeaving = true;
      touched.add(slot.worker);
      log.info('bind of a carrier is given up', { carrier: slot.carrier, id: slot.name });
    }
    for (const worker of touched) this.#deps.changed(worker);
  }

  #decide(owners: ReadonlyMap<string, string>): ReturnType<typeof decideSlots> {
    const { members, node, isHere } = this.#deps.cluster;
    const serving = members.filter(member => member.node !== node && member.about['phase'] === SERVING);
    const nodes = serving.map(member => member.node);
    if (this.#isTaking && isHere) nodes.push(node);
    const slots: SlotView[] = this.#names().map(({ name, carrier }) => {
      const owner = owners.get(name) ?? '';
      return { slot: name, carrier, owner };
    });
    const leaving = new Set([...this.#slots.values()].flatMap(slot => (slot.isLeaving ? slot.name : [])));
    return decideSlots(slots, nodes, node, leaving);
  }

  #names(): { readonly name: string; readonly carrier: string; readonly slot: number }[] {
    return this.#deps
      .wanted()
      .flatMap(({ carrier, slots }) => slots.map(slot => ({ name: bindId(carrier, slot), carrier, slot })));
  }

  #gain(name: string): number {
    const [carrier, number] = name.split('/') as [string, string];
    const [lease, worker] = [this.#nextLease(), this.#lightest(carrier)];
    const slot = { name, carrier, slot: Number(number), lease, worker, isLeaving: !this.#isTaking };
    this.#slots.set(name, slot);
    this.#deps.log.info('bind of a carrier is ours', { carrier, id: name, epoch: this.#table.held.get(name)!.epoch });
    if (slot.isLeaving) this.#release(slot);
    return slot.worker;
  }

  #lose(name: string): number {
    const slot = this.#slots.get(name)!;
    this.#gates.close(slot.lease);
    this.#lost.set(slot.lease, slot);
    this.#drop(slot);
    this.#deps.log.warn('bind of a carrier is another node’s now', { carrier: slot.carrier, id: name });
    return slot.worker;
  }

  #release(slot: Slot): void {
    this.#gates.close(slot.lease);
    const isWanted = this.#names().some(each => each.name === slot.name);
    this.#table.release(slot.name, !isWanted);
    this.#drop(slot);
  }

  #drop(slot: Slot): void {
    this.#slots.delete(slot.name);
    if (this.#slots.size === 0) for (const done of this.#waiting.splice(0)) done();
  }

  /** The worker with the fewest sessions of this carrier, of those the one with the fewest of all. */
  #lightest(carrier: string): number {
    const loadOf = (worker: number): number => {
      const own = [...this.#slots.values()].filter(slot => slot.worker === worker);
      return own.filter(slot => slot.carrier === carrier).length * MOST_LEASES + own.length;
    };
    const workers = Array.from({ length: this.#deps.workers }, (_, worker) => worker);
    return workers.reduce((best, worker) => (loadOf(worker) < loadOf(best) ? worker : best));
  }

  /** Number 0 is the membership’s. */
  #freeLeases(): number {
    return MOST_LEASES - 1 - this.#slots.size - this.#lost.size;
  }

  #nextLease(): number {
    const used = new Set([...this.#slots.values()].map(({ lease }) => lease));
    let lease = MEMBERSHIP + 1;
    while (used.has(lease) || this.#lost.has(lease)) lease++;
    return lease;
  }
}
