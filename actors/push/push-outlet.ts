import { MessageDraft } from '../message/draft.ts';
import { R, readRecord } from '../message/record.ts';
import { readReceipt } from '../message/receipt.ts';
import { Answer } from '../route/answer.ts';
import type { Delivery } from '../route/delivery.ts';
import type { Outlet, RouteActor, RouteMessage } from '../route/route-actor.ts';
import { Circuit } from './circuit.ts';
import type { PushAnswer, PushClient, PushedReceipt } from './push-client.ts';
import { newsOf } from './push-request.ts';

/** Stands for the answer in the route's rules (`Outcomes`): a receipt in Jasmin's format, which has a schedule of its own. */
export const JASMIN_STATUS = 1;

/** The requests of a worker that may still begin: shared by all its outlets. */
export interface Budget {
  left: number;
}

export interface PushOutletDeps {
  readonly client: PushClient;
  readonly route: { readonly actor: RouteActor; tell(message: RouteMessage): boolean };
  readonly budget: Budget;
  readonly monotonic: () => number;
  /** Calls `wake` after `ms`; one at a time is asked for. */
  readonly later: (ms: number, wake: () => void) => void;
  /** A request of this outlet has ended: others may begin. */
  readonly ended: () => void;
  /** The receiver is left alone for a while, for this reason; '': it answers again. */
  readonly changed: (reason: string) => void;
}

/** What receipts for one origin leave by: its connections are the window. */
export class PushOutlet implements Outlet {
  readonly window: number;
  readonly #deps: PushOutletDeps;
  readonly #circuit = new Circuit();
  readonly #slots: ({ readonly delivery: Delivery; readonly index: number } | undefined)[] = [];
  readonly #free: number[] = [];
  #roomTold = false;
  #closed = false;

  /** @param connections most requests at once */
  constructor(connections: number, deps: PushOutletDeps) {
    this.window = connections;
    this.#deps = deps;
  }

  /** Receipts that are under way, or answered and not settled. */
  get used(): number {
    return this.#slots.length - this.#free.length;
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  room(): number {
    if (this.#closed) return 0;
    const most = this.#circuit.most(this.window, this.#deps.monotonic());
    return Math.max(0, Math.min(most - this.used, this.#deps.budget.left));
  }

  send(delivery: Delivery, index: number): void {
    const slot = this.#free.pop() ?? this.#slots.length;
    this.#slots[slot] = { delivery, index };
    const receipt = read(delivery, index);
    this.#deps.budget.left--;
    const answer = receipt ? this.#deps.client.push(receipt) : Promise.resolve(UNREADABLE);
    void answer.then(given => this.#answered(slot, given, receipt?.request.format === 'jasmin'));
  }

  release(slot: number): void {
    this.#slots[slot] = undefined;
    this.#free.push(slot);
    this.roomAgain();
  }

  /** It may have room, where it had none. */
  roomAgain(): void {
    if (this.#closed || this.#roomTold) return;
    this.#roomTold = true;
    this.#deps.route.tell({ type: 'room', outlet: this });
  }

  roomSeen(): void {
    this.#roomTold = false;
  }

  /** Begins nothing any more; what is under way ends. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#deps.route.tell({ type: 'outlet-down', outlet: this });
  }

  #answered(slot: number, answer: PushAnswer, isJasmin: boolean): void {
    this.#deps.budget.left++;
    const { delivery, index } = this.#slots[slot]!;
    const { outcomes } = this.#deps.route.actor;
    const status = isJasmin ? JASMIN_STATUS : 0;
    outcomes.answered(delivery, index, ANSWERS[answer.type], status, undefined, 0, 0, this, slot);
    this.#judge(answer);
    this.#deps.ended();
  }

  #judge(answer: PushAnswer): void {
    const { changed, monotonic, later } = this.#deps;
    if (answer.type !== 'failed') {
      if (this.#circuit.succeeded()) changed('');
      return;
    }
    const wasOpen = this.#circuit.isOpen;
    const pause = this.#circuit.failed(monotonic());
    if (pause === 0) return;
    if (!wasOpen) changed(answer.reason);
    later(pause, () => this.roomAgain());
  }
}

const UNREADABLE: PushAnswer = { type: 'never', reason: 'it cannot be read' };
const ANSWERS = { taken: Answer.taken, refused: Answer.later, failed: Answer.later, never: Answer.never } as const;

function read(delivery: Delivery, index: number): PushedReceipt | undefined {
  const { buffer, groups } = delivery.batch;
  const at = delivery.at(index);
  const news = newsOf(buffer, at);
  if (!news) return undefined;
  const m = new MessageDraft();
  readRecord(m, buffer, at);
  return {
    ...news,
    id: delivery.id(index),
    account: groups[buffer[at + R.group]!]!.account,
    receipt: readReceipt(buffer, m.textAt, m.textLength),
    // A receipt comes from where its message went.
    source: { digits: buffer.latin1Slice(m.destAt, m.destAt + m.destLength), ton: m.destTon },
    dest: { digits: buffer.latin1Slice(m.sourceAt, m.sourceAt + m.sourceLength), ton: m.sourceTon },
    parts: buffer[at + R.parts]!,
    delivered: buffer[at + R.part]!,
  };
}
