import { seededRandom } from '../support/seeded-random.ts';
import type { Direction } from './network.ts';
import type { RedisServer } from './redis-hosts.ts';

/** One thing that happens, `at` ms after the load has begun. Nodes and Redis servers are counted from 1. */
export type Step = { readonly at: number } & (
  | { readonly do: 'kill' | 'start' | 'stop' | 'freeze' | 'thaw' | 'heal' | 'cut-from-redis'; readonly node: number }
  | { readonly do: 'cut'; readonly node: number; readonly direction: Direction }
  /** Another writer takes it: `stripe` a node's, `slot` a carrier's. */
  | { readonly do: 'fault-lease'; readonly lease: 'stripe' | 'slot' }
  | { readonly do: 'redis-kill' | 'redis-freeze' | 'redis-cut'; readonly server: RedisServer }
  /** Whatever of Redis was killed, frozen or cut off is back. */
  | { readonly do: 'redis-back' | 'redis-failover' }
  /** From now on the wall clock of a node, or of Redis, is wrong by so much. */
  | { readonly do: 'clock'; readonly whose: number | 'redis'; readonly seconds: number }
  | { readonly do: 'postgres-stop' | 'postgres-kill' | 'postgres-start' }
);

/** What happens to something, and ends again. */
export type Fault =
  | 'kill'
  | 'freeze'
  | 'cut'
  | 'cut-in'
  | 'cut-out'
  | 'cut-from-redis'
  | 'restart'
  | 'fault-stripe'
  | 'fault-slot'
  | 'redis-kill'
  | 'redis-freeze'
  | 'redis-cut'
  | 'redis-failover'
  /** The master and a replica, at once. */
  | 'redis-double-kill'
  /** Cut off and reachable again, every 2 s. */
  | 'flap'
  /** An hour ahead, ten years ahead, and Redis two hours back; then all are right again. */
  | 'clock-hour'
  | 'clock-years'
  | 'clock-redis'
  | 'postgres-stop'
  | 'postgres-kill';

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
    steps.push(...stepsOf(fault, node, at, end));
    at = end + longer(shape.quietMs);
  }
  return steps;
}

const FLAP_MS = 2000;
const HOUR = 3600;
const CLOCKS = { 'clock-hour': HOUR, 'clock-years': 24 * 365.25 * 10 * HOUR, 'clock-redis': -2 * HOUR } as const;

/** Steps are in order of their times. */
function stepsOf(fault: Fault, node: number, at: number, end: number): Step[] {
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
      return [
        { at, do: fault },
        { at: end, do: 'postgres-start' },
      ];
    default:
      return fault satisfies never;
  }
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
