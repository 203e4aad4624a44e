import type { BindCounters } from './bind/bind-actor.ts';
import type { OutcomeDeps } from './route/outcomes.ts';

/** What this worker has counted since it started. Plain numbers, added to by its actors. */
export interface TrafficCounters extends BindCounters {
  receiptsDelivered: number;
  /** Receipts of any other final fate. */
  receiptsOther: number;
  receiptsUnmatched: number;
  /** Receipts of failure that were not passed on: their messages went elsewhere. */
  receiptsHeldBack: number;
  /** Given to accounts. */
  receiptsPassedOn: number;
  /** Receipts taken by HTTP, attempts that failed and are made again, and receipts given up. */
  receiptsPushed: number;
  receiptPushesRetried: number;
  receiptsGivenUp: number;
  retried: number;
  /** Given to another destination because one would not take them. */
  rerouted: number;
  /** Settled without having been taken: undeliverable, expired, rejected. */
  failed: number;
  /** Messages that came before and were not taken again. */
  duplicates: number;
  /** Messages that went round between carriers, and were given up. */
  looped: number;
  /** Messages put together out of parts. */
  gathered: number;
  /** Parts that went on as they came, since others did not come. */
  partsAlone: number;
}

export const newCounters = (): TrafficCounters => ({
  accepted: 0,
  refused: 0,
  sent: 0,
  answered: 0,
  unexpectedAnswers: 0,
  receiptsDelivered: 0,
  receiptsOther: 0,
  receiptsUnmatched: 0,
  receiptsHeldBack: 0,
  receiptsPassedOn: 0,
  receiptsPushed: 0,
  receiptPushesRetried: 0,
  receiptsGivenUp: 0,
  retried: 0,
  rerouted: 0,
  failed: 0,
  duplicates: 0,
  looped: 0,
  gathered: 0,
  partsAlone: 0,
});

/** Counts what the routes of push queues count under names of its own. */
export const pushCounters = (counters: TrafficCounters): OutcomeDeps['counters'] => ({
  rerouted: 0,
  get retried() {
    return counters.receiptPushesRetried;
  },
  set retried(count) {
    counters.receiptPushesRetried = count;
  },
  get receiptsPassedOn() {
    return counters.receiptsPushed;
  },
  set receiptsPassedOn(count) {
    counters.receiptsPushed = count;
  },
});
