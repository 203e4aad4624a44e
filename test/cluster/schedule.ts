import { seededRandom } from '../support/seeded-random.ts';
import type { Party } from './cluster.ts';
import type { Direction } from './network.ts';
import type { RedisServer } from './redis-hosts.ts';
import { SLOTS_OF, type SlotOf } from './redis-slots.ts';

/** One thing that happens, `at` ms after the load has begun. Nodes and Redis servers are counted from 1. */
export type Step = { readonly at: number } & (
  | { readonly do: 'kill' | 'start' | 'stop' | 'freeze' | 'thaw' | 'heal' | 'cut-from-redis'; readonly node: number }
  | { readonly do: 'cut'; readonly node: number; readonly direction: Direction }
  /** Nothing goes between these and the other hosts; applications and carrier reach all. */
  | { readonly do: 'partition'; readonly direction: Direction; readonly side: readonly Party[] }
  | { readonly do: 'heal-all' }
  /** Another writer takes it: `stripe` a node's, `slot` a carrier's. */
  | { readonly do: 'fault-lease'; readonly lease: 'stripe' | 'slot' }
  | { readonly do: 'redis-kill' | 'redis-freeze' | 'redis-cut'; readonly server: RedisServer }
  /** Whatever of Redis was killed, frozen or cut off is back. */
  | { readonly do: 'redis-back' | 'redis-failover' }
  /** Of Redis Cluster: the slot of these keys goes to another master, key by key. */
  | { readonly do: 'redis-move-slot'; readonly of: SlotOf }
  /** From now on the wall clock of a node, or of Redis, is wrong by so much. */
  | { readonly do: 'clock'; readonly whose: number | 'redis'; readonly seconds: number }
  | { readonly do: 'postgres-stop' | 'postgres-kill' | 'postgres-kill-copying' | 'postgres-start' }
);

/** What happens to something, and ends again. */
export type Fault =
  | 'kill'
  | 'freeze'
  /** Shorter than a lease, and longer than whatever waits for an answer. */
  | 'freeze-short'
  | 'freeze-long'
  | 'cut'
  | 'cut-in'
  | 'cut-out'
  | 'cut-from-redis'
  /** Some of nodes, two Redis servers and Postgres, as the seed has it, from the rest: both ways, or one way. */
  | 'partition'
  | 'partition-one-way'
  | 'restart'
  | 'fault-stripe'
  | 'fault-slot'
  | 'redis-kill'
  | 'redis-freeze'
  | 'redis-cut'
  | 'redis-failover'
  /** Of Redis Cluster: the master that has this third of the slots. */
  | 'redis-kill-1'
  | 'redis-kill-2'
  | 'redis-kill-3'
  /** Of Redis Cluster: one of each kind, one after the other. */
  | 'redis-move-slot'
  /** The master and a replica, at once. */
  | 'redis-double-kill'
  /** Cut off and reachable again, every 2 s. */
  | 'flap'
  /** An hour ahead, ten years ahead, and Redis two hours back; then all are right again. */
  | 'clock-hour'
  | 'clock-years'
  | 'clock-redis'
  | 'postgres-stop'
  | 'postgres-kill'
  /** With a COPY of the archive's under way. */
  | 'postgres-kill-copying';

export interface Shape {
  readonly nodes: number;
  /** Each of them happens once, in an order of the seed's. */
  readonly faults: readonly Fault[];
  /** How long one lasts, and how long nothing happens afterwards, ms. Each is up to a fifth longer, as the seed has it. */
  readonly lastsMs: Readonly<Partial<Record<Fault, number>>> & { readonly default: number };
  readonly quietMs: number;
}

/** The same for the same seed. Nodes take turns, from one of the seed's on. */
export function makeSchedule(seed: number, shape: Shape): readonly Step[] {
  const random = seededRandom(seed);
  const longer = (ms: number): number => Math.round(ms * (1 + random() / 5));
  const faults = [...shape.faults];
  for (let i = faults.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [faults[i], faults[j]] = [faults[j]!, faults[i]!];
  }
  let node = Math.floor(random() * shape.nodes);
  let at = longer(shape.quietMs);
  const steps: Step[] = [];
  for (const fault of faults) {
    const end = at + longer(shape.lastsMs[fault] ?? shape.lastsMs.default);
    node = (node % shape.nodes) + 1;
    steps.push(...stepsOf(fault, { node, nodes: shape.nodes, at, end, random }));
    at = end + longer(shape.quietMs);
  }
  return steps;
}

const FLAP_MS = 2000;
const HOUR = 3600;
const CLOCKS = { 'clock-hour': HOUR, 'clock-years': 24 * 365.25 * 10 * HOUR, 'clock-redis': -2 * HOUR } as const;

interface Occasion {
  readonly node: number;
  readonly nodes: number;
  readonly at: number;
  readonly end: number;
  readonly random: () => number;
}

/** Steps are in order of their times. */
function stepsOf(fault: Fault, { node, nodes, at, end, random }: Occasion): Step[] {
  switch (fault) {
    case 'kill':
      return [
        { at, do: 'kill', node },
        { at: end, do: 'start', node },
      ];
    case 'restart':
      return [
        { at, do: 'stop', node },
        { at: end, do: 'start', node },
      ];
    case 'freeze':
    case 'freeze-short':
    case 'freeze-long':
      return [
        { at, do: 'freeze', node },
        { at: end, do: 'thaw', node },
      ];
    case 'cut':
    case 'cut-in':
    case 'cut-out': {
      const direction = fault === 'cut' ? 'both' : fault === 'cut-in' ? 'in' : 'out';
      return [
        { at, do: 'cut', node, direction },
        { at: end, do: 'heal', node },
      ];
    }
    case 'cut-from-redis':
      return [
        { at, do: 'cut-from-redis', node },
        { at: end, do: 'heal', node },
      ];
    case 'partition':
    case 'partition-one-way': {
      const direction = fault === 'partition' ? 'both' : random() < 0.5 ? 'in' : 'out';
      return [
        { at, do: 'partition', direction, side: sideOf(nodes, random) },
        { at: end, do: 'heal-all' },
      ];
    }
    case 'fault-stripe':
      return [{ at, do: 'fault-lease', lease: 'stripe' }];
    case 'fault-slot':
      return [{ at, do: 'fault-lease', lease: 'slot' }];
    case 'redis-kill':
    case 'redis-freeze':
    case 'redis-cut':
      return [
        { at, do: fault, server: 'master' },
        { at: end, do: 'redis-back' },
      ];
    case 'redis-kill-1':
    case 'redis-kill-2':
    case 'redis-kill-3':
      return [
        { at, do: 'redis-kill', server: `third-${fault.slice(-1) as '1' | '2' | '3'}` },
        { at: end, do: 'redis-back' },
      ];
    case 'redis-move-slot':
      return SLOTS_OF.map(of => ({ at, do: fault, of }));
    case 'redis-failover':
      return [{ at, do: 'redis-failover' }];
    case 'redis-double-kill':
      return [
        { at, do: 'redis-kill', server: 'replica' },
        { at, do: 'redis-kill', server: 'master' },
        { at: end, do: 'redis-back' },
      ];
    case 'flap': {
      const steps: Step[] = [];
      for (let t = at; t + FLAP_MS <= end; t += 2 * FLAP_MS) {
        steps.push({ at: t, do: 'cut', node, direction: 'both' }, { at: t + FLAP_MS, do: 'heal', node });
      }
      return steps;
    }
    case 'clock-hour':
    case 'clock-years':
    case 'clock-redis': {
      const whose = fault === 'clock-redis' ? 'redis' : node;
      return [
        { at, do: 'clock', whose, seconds: CLOCKS[fault] },
        { at: end, do: 'clock', whose, seconds: 0 },
      ];
    }
    case 'postgres-stop':
    case 'postgres-kill':
    case 'postgres-kill-copying':
      return [
        { at, do: fault },
        { at: end, do: 'postgres-start' },
      ];
    default:
      return fault satisfies never;
  }
}

/** One side of a partition: not empty, and not all. */
function sideOf(nodes: number, random: () => number): Party[] {
  const parties: Party[] = [...Array.from({ length: nodes }, (_, i) => i + 1), 'redis-1', 'redis-2', 'postgres'];
  const which = 1 + Math.floor(random() * (2 ** parties.length - 2));
  return parties.filter((_, i) => (which & (2 ** i)) !== 0);
}

/** When the last of it is over, ms after the load has begun. */
export const lengthMs = (steps: readonly Step[]): number => steps.reduce((last, { at }) => Math.max(last, at), 0);

/** For people, and to type in again: one line. */
export function scheduleText(seed: number, steps: readonly Step[]): string {
  const said = steps.map(({ at, do: what, ...more }) => `${at} ${[what, ...Object.values(more)].join(' ')}`);
  return `seed ${seed}: ${said.join('; ')}`;
}

/** Faults that hit sessions to the carrier: what is in their windows at that moment may be sent again. */
const HITS_SESSIONS = new Set<Step['do']>([
  'kill',
  'freeze',
  'cut',
  'cut-from-redis',
  'partition',
  'fault-lease',
  'redis-kill',
  'redis-freeze',
  'redis-cut',
  'redis-failover',
  // A session whose lease may be over by this clock says nothing more.
  'clock',
]);

/** How many times windows may be sent again. */
export const hits = (steps: readonly Step[]): number => steps.filter(step => HITS_SESSIONS.has(step.do)).length;
