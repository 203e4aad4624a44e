import type { Submitter } from '../batch/batch-actor.ts';
import type { MessageId } from '../message/id.ts';
import type { SlotHolder } from '../route/settler.ts';

/** Answers a carrier whose receipt nobody wants, when the fate that it tells is flushed. */
export class AnswerOf implements SlotHolder {
  readonly #submitter: Submitter;
  readonly #id: MessageId;
  constructor(submitter: Submitter, id: MessageId) {
    this.#submitter = submitter;
    this.#id = id;
  }
  release(token: number): void {
    this.#submitter.accepted(token, this.#id);
  }
}
