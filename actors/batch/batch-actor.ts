import type { Actor, ActorSelf } from '../../runtime/actor.ts';
import { readBatch, type Batch } from '../message/batch.ts';
import { messageId, type MessageId } from '../message/id.ts';
import { R } from '../message/record.ts';
import type { AppendOutcome, LedgerFrame, MessageStore, Tenure } from '../ports.ts';
import { Refusal } from '../refusal.ts';
import { Delivery, type Deliveries } from '../route/delivery.ts';
import type { RouteMessage } from '../route/route-actor.ts';

/** Whoever submitted a message and waits for the answer. `token` is its own name for the message. */
export interface Submitter {
  /** The message is flushed: it may be acknowledged. @param acceptedAt ms since 1970; absent for receipts */
  accepted(token: number, id: MessageId, acceptedAt?: number): void;
  /** Nothing was kept. @param status a command_status (`Refusal`) */
  refused(token: number, status: number): void;
  /** Whether it was kept is not known, so no answer is right. */
  inDoubt(token: number): void;
}

/** The submitters of a batch by index; undefined for messages that nobody waits for. */
export interface Waiting {
  readonly submitters: (Submitter | undefined)[];
  readonly tokens: number[];
}

export interface BatchDeps {
  readonly store: Pick<MessageStore, 'append'>;
  readonly deliveries: Deliveries;
  /** Destinations of these groups that sessions here can take from memory. */
  readonly takes: (destination: string) => boolean;
  readonly route: (destination: string) => { tell(message: RouteMessage): boolean };
  /** The commit has ended, whichever way. */
  readonly ended: () => void;
  readonly failed: (error: unknown) => void;
}

export type BatchMessage =
  | { readonly type: 'outcome'; readonly outcome: AppendOutcome }
  | { readonly type: 'in-doubt'; readonly error: unknown }
  | { readonly type: 'done' };

const REFUSED = {
  'queue-full': Refusal.queueFull,
  'outbox-full': Refusal.queueFull,
  'disk-full': Refusal.queueFull,
  stopping: Refusal.throttled,
} as const;

/**
 * One batch, from its commit until each of its messages that stayed in this worker has its fate:
 * committing → (answers its submitters) → dispatching → ended.
 */
export class BatchActor implements Actor<BatchMessage> {
  readonly #deps: BatchDeps;
  readonly #self: ActorSelf<BatchMessage>;
  readonly #batch: Batch;
  readonly #waiting: Waiting;
  /** It is of receipts. */
  readonly #exempt: boolean;

  constructor(
    self: ActorSelf<BatchMessage>,
    deps: BatchDeps,
    bytes: Buffer,
    waiting: Waiting,
    exempt: boolean,
    ledger: readonly LedgerFrame[],
  ) {
    this.#self = self;
    this.#deps = deps;
    this.#batch = readBatch(bytes, false);
    this.#waiting = waiting;
    this.#exempt = exempt;
    const take: string[] = [];
    for (const { destination } of this.#batch.groups) {
      if (destination !== '' && !take.includes(destination) && deps.takes(destination)) take.push(destination);
    }
    deps.store.append({ batch: bytes, take, ledger, exempt }).then(
      outcome => self.tell({ type: 'outcome', outcome }),
      (error: unknown) => self.tell({ type: 'in-doubt', error }),
    );
  }

  receive(message: BatchMessage): void {
    switch (message.type) {
      case 'outcome':
        this.#deps.ended();
        this.#answer(message.outcome);
        return;
      case 'in-doubt':
        this.#deps.ended();
        this.#each((submitter, token) => submitter.inDoubt(token));
        this.#deps.failed(message.error);
        this.#end();
        return;
      case 'done':
        this.#end();
        return;
      default:
        message satisfies never;
    }
  }

  #answer(outcome: AppendOutcome): void {
    if (outcome.type === 'refused') {
      const status = REFUSED[outcome.reason];
      this.#each((submitter, token) => submitter.refused(token, status));
      this.#end();
      return;
    }
    const { number, createdAt } = this.#batch;
    const { submitters, tokens } = this.#waiting;
    const acceptedAt = this.#exempt ? undefined : createdAt;
    for (let i = 0; i < submitters.length; i++) submitters[i]?.accepted(tokens[i]!, messageId(number, i), acceptedAt);
    if (outcome.granted.length === 0) this.#end();
    else this.#dispatch(outcome.granted, outcome.tenure);
  }

  #each(answer: (submitter: Submitter, token: number) => void): void {
    const { submitters, tokens } = this.#waiting;
    for (let i = 0; i < submitters.length; i++) {
      const submitter = submitters[i];
      if (submitter) answer(submitter, tokens[i]!);
    }
  }

  #dispatch(granted: readonly number[], tenure: Tenure | undefined): void {
    const batch = this.#batch;
    const byGroup = new Map<number, number[]>(granted.map(group => [group, []]));
    let count = 0;
    for (let i = 0; i < batch.count; i++) {
      const at = batch.offsets[i]!;
      const indexes = byGroup.get(batch.buffer[at + R.group]!);
      if (!indexes || batch.buffer[at + R.fateAtBirth] !== 0 || isScheduled(batch, at)) continue;
      indexes.push(i);
      count++;
    }
    const delivery = new Delivery(batch, NO_ATTEMPTS, count, tenure);
    delivery.done = () => this.#self.tell(DONE);
    this.#deps.deliveries.add(delivery);
    for (const [group, indexes] of byGroup) {
      const { destination, lane } = batch.groups[group]!;
      this.#deps.route(destination).tell({ type: 'deliver', delivery, indexes: Uint8Array.from(indexes), lane });
    }
  }

  #end(): void {
    void this.#self.stop();
  }
}

const NO_ATTEMPTS = new Uint8Array(0);
const DONE: BatchMessage = { type: 'done' };

/** Parked from birth: the store holds it until its time. */
function isScheduled(batch: Batch, at: number): boolean {
  return batch.buffer.readDoubleLE(at + R.deliverAfter) > batch.createdAt;
}
