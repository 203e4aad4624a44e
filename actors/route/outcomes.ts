import { CARRIER_ID_LIMIT, Fate, LedgerFlag, What } from '../message/ledger.ts';
import { expiresAtOf, Kind, R, RecordFlag } from '../message/record.ts';
import { decide, DEFAULT_RETRY, type Failure, type RetryPolicy } from '../retry.ts';
import type { HoldBack } from '../receipt/hold-back.ts';
import { Answer } from './answer.ts';
import type { Delivery, Deliveries } from './delivery.ts';
import type { FallbackChains } from './fallback.ts';
import type { Settler, SlotHolder } from './settler.ts';

export interface RetrySettings {
  /** The n-th failure is tried again after base x factor^n. */
  readonly baseMs: number;
  readonly factor: number;
  /** Most attempts. */
  readonly limit: number;
}

/** What to do about one refusal, where it is not as usual (`carriers[].errors`). */
export interface ErrorRule {
  readonly action: 'later' | 'elsewhere' | 'never';
  /** Most retries before another route is tried; undefined: as for any failure. */
  readonly retries: number | undefined;
  /** Always this pause between them; undefined: as for any failure, longer each time. */
  readonly delayMs: number | undefined;
}

export interface RouteSettings {
  /** An account's queue: what leaves by it has arrived. A carrier's: it was passed on. */
  readonly kind: 'carrier' | 'account';
  /** Messages a second for this worker's share, 0 = no limit. */
  readonly throughput: number;
  readonly throttleMs: number;
  /** What becomes of a message that was not answered in time. */
  readonly noAnswer: 'retry' | 'elsewhere' | 'fail';
  /** By command_status. */
  readonly errors: ReadonlyMap<number, ErrorRule>;
  /** A carrier's: after which of its receipts a message goes elsewhere; undefined: after none. */
  readonly holdBack: HoldBack | undefined;
  /** Never two messages to one number that are both unanswered. */
  readonly onePerNumber: boolean;
}

export const NO_ERROR_RULES: ReadonlyMap<number, ErrorRule> = new Map();

/** Where receipts of our own making go: a message that failed or expired tells its sender so. */
export interface OwnReceipts {
  /**
   * Settles a message with a fate that nobody else will report, and tells its sender if that was asked for: both in one
   * commit. The slot is released with it.
   */
  conclude(
    delivery: Delivery,
    index: number,
    destination: string,
    fate: Fate,
    error: number,
    attempts: number,
    holder: SlotHolder | undefined,
    slot: number,
  ): void;
  /** A message is put aside for the first time: its sender is told, if it asked for intermediate notifications. */
  delayed(delivery: Delivery, index: number, destination: string, error: number): void;
  /** A carrier has taken a message whose sender is told by HTTP (`RecordFlag.pushed`), and given it this id. */
  taken(delivery: Delivery, index: number, destination: string, carrierId: string): void;
}

export interface OutcomeDeps {
  readonly destination: string;
  readonly deliveries: Deliveries;
  readonly settler: Settler;
  readonly receipts: OwnReceipts;
  readonly fallbacks: Pick<FallbackChains, 'next' | 'after'>;
  readonly retry: RetrySettings;
  readonly now: () => number;
  readonly counters: { retried: number; rerouted: number; receiptsPassedOn: number };
}

/** Longest pause between two attempts. */
const LONGEST_MS = DEFAULT_RETRY.maxMs;
/** The name of a destination: 64 octets at most. */
const SCRATCH = Buffer.alloc(CARRIER_ID_LIMIT);
const FAILURES: Readonly<Record<1 | 2 | 3 | 5, Failure>> = {
  [Answer.throttled]: 'throttled',
  [Answer.later]: 'later',
  [Answer.never]: 'never',
  [Answer.elsewhere]: 'elsewhere',
};

/** What becomes of the messages of one destination when its next system has answered: each is settled here. */
export class Outcomes {
  readonly #deps: OutcomeDeps;
  settings: RouteSettings;
  /** Told of each message that was sent: its answer has come, or will not. */
  ended: ((delivery: Delivery, index: number) => void) | undefined;

  constructor(deps: OutcomeDeps, settings: RouteSettings) {
    this.#deps = deps;
    this.settings = settings;
  }

  /**
   * The next system has answered, or has not (`Answer.none`).
   *
   * @param status its number for the answer, 0 when it took the message
   * @param idBuffer holds the id it gave, `idLength` octets at `idAt`
   */
  answered(
    delivery: Delivery,
    index: number,
    answer: Answer,
    status: number,
    idBuffer: Buffer | undefined,
    idAt: number,
    idLength: number,
    outlet: SlotHolder,
    slot: number,
  ): void {
    const { settler, receipts, deliveries, destination } = this.#deps;
    this.ended?.(delivery, index);
    const attempts = delivery.attemptsOf(index);
    switch (answer) {
      case Answer.taken: {
        const isPart = delivery.batch.buffer[delivery.at(index) + R.part] !== 0 && !isReceipt(delivery, index);
        if (this.settings.kind === 'account' && (isPart || this.#wantsOwnReceipt(delivery, index))) {
          receipts.conclude(delivery, index, destination, Fate.delivered, 0, attempts + 1, outlet, slot);
          return;
        }
        if (isReceipt(delivery, index)) this.#deps.counters.receiptsPassedOn++;
        const isCarrier = this.settings.kind === 'carrier';
        const awaits =
          isCarrier && (delivery.batch.buffer[delivery.at(index) + R.registeredDelivery]! & 0x03) !== 0 && idLength > 0;
        if (isCarrier && (delivery.batch.buffer[delivery.at(index) + R.flags]! & RecordFlag.pushed) !== 0) {
          receipts.taken(delivery, index, destination, idBuffer?.latin1Slice(idAt, idAt + idLength) ?? '');
        }
        if (isPart && !awaits) {
          // No more will be known of it: the message that it is a part of is told so.
          receipts.conclude(delivery, index, destination, Fate.sent, 0, attempts + 1, outlet, slot);
          return;
        }
        const fate = isCarrier ? Fate.sent : Fate.delivered;
        const flags = awaits ? LedgerFlag.awaitsReceipt | this.#mayGoElsewhere(delivery, index) : 0;
        settler
          .writer(destination)
          .add(
            delivery.id(index),
            What.settled,
            fate,
            attempts + 1,
            flags,
            0,
            this.#deps.now(),
            idBuffer,
            idAt,
            idLength,
          );
        if (awaits) settler.justSent.add(destination, delivery, index, idBuffer!, idAt, idLength);
        break;
      }
      case Answer.throttled:
      case Answer.later:
      case Answer.elsewhere:
      case Answer.never:
        this.#failed(delivery, index, FAILURES[answer], status, outlet, slot);
        return;
      case Answer.none:
        this.#unanswered(delivery, index, outlet, slot);
        return;
      default:
        answer satisfies never;
    }
    settler.added(outlet, slot);
    deliveries.fated(delivery);
  }

  /** The session is gone and no answer came: the message goes again, on another one. */
  lost(delivery: Delivery, index: number): void {
    this.ended?.(delivery, index);
    this.#deps.settler
      .writer(this.#deps.destination)
      .add(
        delivery.id(index),
        What.released,
        Fate.queued,
        delivery.attemptsOf(index),
        0,
        0,
        this.#deps.now(),
        undefined,
        0,
        0,
      );
    this.#deps.settler.added(undefined, -1);
    this.#deps.deliveries.fated(delivery);
  }

  /** Refused with `status`: what becomes of it now is `decide`'s to say (`../retry.ts`). */
  #failed(delivery: Delivery, index: number, usual: Failure, status: number, outlet: SlotHolder, slot: number): void {
    if ((delivery.batch.buffer[delivery.at(index) + R.flags]! & RecordFlag.once) !== 0) {
      this.#conclude(delivery, index, Fate.undeliverable, status, delivery.attemptsOf(index) + 1, outlet, slot);
      return;
    }
    const rule = this.settings.errors.get(status);
    const policy = this.#policyOf(rule);
    const failure = rule?.action ?? usual;
    const attempts = delivery.attemptsOf(index);
    // Looked up only where it counts: nobody changes the route of a message because a carrier is busy.
    const isLast = failure === 'elsewhere' || (failure === 'later' && attempts >= policy.limit);
    const next = isLast ? this.#deps.fallbacks.next(delivery, index, this.#deps.destination) : '';
    const expiresAt = expiresAtOf(delivery.batch.buffer, delivery.at(index));
    const now = this.#deps.now();
    const decision = decide({ failure, attempts, expiresAt, hasAlternative: next !== '' }, policy, now);
    switch (decision.type) {
      case 'park':
        if (attempts === 0 && decision.attempts === 1) {
          this.#deps.receipts.delayed(delivery, index, this.#deps.destination, status);
        }
        this.#park(delivery, index, decision.attempts, status, decision.until);
        break;
      case 'elsewhere':
        this.#reroute(delivery, index, next, status);
        break;
      case 'expire':
        this.#conclude(delivery, index, Fate.expired, status, decision.attempts, outlet, slot);
        return;
      case 'fail':
        this.#conclude(delivery, index, Fate.undeliverable, status, decision.attempts, outlet, slot);
        return;
      default:
        decision satisfies never;
    }
    this.#deps.settler.added(outlet, slot);
    this.#deps.deliveries.fated(delivery);
  }

  #unanswered(delivery: Delivery, index: number, outlet: SlotHolder, slot: number): void {
    const { noAnswer } = this.settings;
    if (noAnswer === 'fail') {
      this.#conclude(delivery, index, Fate.unknown, 0, delivery.attemptsOf(index) + 1, outlet, slot);
      return;
    }
    // Where no other route is left it goes the same way again, as if it were to.
    const isElsewhere =
      noAnswer === 'elsewhere' && this.#deps.fallbacks.next(delivery, index, this.#deps.destination) !== '';
    this.#failed(delivery, index, isElsewhere ? 'elsewhere' : 'later', 0, outlet, slot);
  }

  #policyOf(rule: ErrorRule | undefined): RetryPolicy {
    const { baseMs, factor, limit } = this.#deps.retry;
    const usual = { baseMs, factor, maxMs: LONGEST_MS, limit, throttledMs: this.settings.throttleMs };
    if (!rule) return usual;
    const fixed = rule.delayMs === undefined ? undefined : { baseMs: rule.delayMs, factor: 1 };
    return { ...usual, limit: rule.retries ?? limit, ...fixed };
  }

  #conclude(
    delivery: Delivery,
    index: number,
    fate: Fate,
    error: number,
    attempts: number,
    outlet: SlotHolder,
    slot: number,
  ): void {
    this.#deps.receipts.conclude(delivery, index, this.#deps.destination, fate, error, attempts, outlet, slot);
  }

  /** Into the queue of another destination, where its attempts begin anew. Its sender hears nothing of it. */
  #reroute(delivery: Delivery, index: number, destination: string, status: number): void {
    this.#deps.counters.rerouted++;
    const { settler, now } = this.#deps;
    const length = SCRATCH.latin1Write(destination);
    settler
      .writer(this.#deps.destination)
      .add(delivery.id(index), What.rerouted, Fate.queued, 0, 0, status, now(), SCRATCH, 0, length);
  }

  #park(delivery: Delivery, index: number, attempts: number, status: number, until: number): void {
    this.#deps.counters.retried++;
    this.#deps.settler
      .writer(this.#deps.destination)
      .add(delivery.id(index), What.parked, Fate.queued, attempts, 0, status, until, undefined, 0, 0);
  }

  /** Looked up only where receipts are held back. */
  #mayGoElsewhere(delivery: Delivery, index: number): number {
    const { holdBack } = this.settings;
    if (holdBack === undefined) return 0;
    const { buffer, groups, tableVersion } = delivery.batch;
    const at = delivery.at(index);
    if ((buffer[at + R.flags]! & RecordFlag.once) !== 0) return 0;
    const { destination, fallbacks } = this.#deps;
    const { account } = groups[buffer[at + R.group]!]!;
    const next = fallbacks.after(buffer, at, delivery.id(index), account, tableVersion, destination, holdBack.hops);
    return next === '' ? 0 : LedgerFlag.mayGoElsewhere;
  }

  /** It has arrived at an application of ours: nobody else will report that to its sender. */
  #wantsOwnReceipt(delivery: Delivery, index: number): boolean {
    const { buffer } = delivery.batch;
    const at = delivery.at(index);
    const registered = buffer[at + R.registeredDelivery]! & 0x03;
    return buffer[at + R.kind] === Kind.mt && (registered === 1 || registered === 3);
  }
}

const isReceipt = (delivery: Delivery, index: number): boolean =>
  delivery.batch.buffer[delivery.at(index) + R.kind] === Kind.receipt;
