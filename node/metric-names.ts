import type { TrafficCounters } from '../actors/traffic-counters.ts';
import type { ApiCounters } from '../adapters/http/listener.ts';
import type { Labels, Metrics } from '../runtime/metrics.ts';

/** What workers count, under the names that `/metrics` has. Kept stable. */

interface Named {
  readonly name: string;
  readonly help: string;
  readonly labels?: Labels;
}

const receipts = { name: 'smsc_receipts_total', help: 'Receipts of carriers by what they said.' };
const answers = { name: 'smsc_api_answers_total', help: 'Answers of the REST API by the class of their status.' };

export const WORKER_COUNTERS = {
  accepted: { name: 'smsc_messages_accepted_total', help: 'Messages flushed and acknowledged.' },
  refused: { name: 'smsc_messages_refused_total', help: 'Messages refused.' },
  sent: { name: 'smsc_messages_sent_total', help: 'Messages sent on sessions, attempts counted.' },
  answered: { name: 'smsc_messages_answered_total', help: 'Messages sent whose response came.' },
  unexpectedAnswers: { name: 'smsc_unexpected_answers_total', help: 'Responses to nothing that was sent.' },
  retried: { name: 'smsc_messages_retried_total', help: 'Attempts that failed and are made again.' },
  rerouted: { name: 'smsc_messages_rerouted_total', help: 'Messages given to the next destination of their chain.' },
  failed: { name: 'smsc_messages_failed_total', help: 'Messages given up: undeliverable, expired, rejected.' },
  receiptsDelivered: { ...receipts, labels: { result: 'delivered' } },
  receiptsOther: { ...receipts, labels: { result: 'other' } },
  receiptsUnmatched: { ...receipts, labels: { result: 'unmatched' } },
  receiptsPassedOn: { name: 'smsc_receipts_passed_on_total', help: 'Receipts that accounts took.' },
  receiptsPushed: { name: 'smsc_receipts_pushed_total', help: 'Receipts that applications took by HTTP.' },
  receiptPushesRetried: {
    name: 'smsc_receipt_pushes_retried_total',
    help: 'Attempts to push a receipt that failed and are made again.',
  },
  receiptsGivenUp: {
    name: 'smsc_receipts_given_up_total',
    help: 'Receipts that no application took by HTTP in all their attempts, or in their time.',
  },
  receiptsHeldBack: {
    name: 'smsc_receipts_held_back_total',
    help: 'Receipts of failure not passed on: their messages went by their next route.',
  },
  duplicates: {
    name: 'smsc_messages_duplicate_total',
    help: 'Messages that an account has sent before, and that were not taken again.',
  },
  looped: {
    name: 'smsc_messages_looped_total',
    help: 'Messages that went round between carriers and were given up.',
  },
  gathered: { name: 'smsc_messages_assembled_total', help: 'Long messages put together out of parts.' },
  partsAlone: {
    name: 'smsc_parts_unassembled_total',
    help: 'Parts that went on as they came: others did not come in time.',
  },
  turnedAway: { name: 'smsc_connections_turned_away_total', help: 'SMPP connections closed at a bound.' },
  requests: { name: 'smsc_api_requests_total', help: 'Requests to the REST API.' },
  answers2xx: { ...answers, labels: { status: '2xx' } },
  answers4xx: { ...answers, labels: { status: '4xx' } },
  answers5xx: { ...answers, labels: { status: '5xx' } },
} as const satisfies Record<keyof (TrafficCounters & ApiCounters) | 'turnedAway', Named>;

export const SUBMIT_TIME = 'smsc_submit_ack_microseconds';
export const ANSWER_TIME = 'smsc_peer_answer_microseconds';
export const LOOP_BUSY = 'smsc_event_loop_busy_seconds_total';
export const GC_TIME = 'smsc_gc_seconds_total';

const LONGEST_US = 600_000_000;

/** Defines what `workers` threads write. */
export function defineWorkerMetrics(metrics: Metrics, workers: number): void {
  for (const { name, help, labels } of Object.values<Named>(WORKER_COUNTERS)) metrics.counter(name, help, labels);
  for (let index = 0; index < workers; index++) {
    const labels = { thread: `worker ${index}` };
    metrics.counter(LOOP_BUSY, 'Time that the event loop did not wait.', labels);
    metrics.counter(GC_TIME, 'Time in garbage collection.', labels);
  }
  metrics.histogram(SUBMIT_TIME, 'From a message to its acknowledgement: the longest of each batch.', LONGEST_US);
  for (const side of ['account', 'carrier']) {
    metrics.histogram(ANSWER_TIME, 'From a message sent to its response: one in 64.', LONGEST_US, { side });
  }
}
