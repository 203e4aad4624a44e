import type { MessageId } from '../message/id.ts';
import type { Fate } from '../message/ledger.ts';

/** A message that went in parts. */
export interface Whole {
  readonly id: MessageId;
  readonly account: string;
  readonly destination: string;
  /** ms since 1970. */
  readonly createdAt: number;
  /** Its record, at `at`. */
  readonly record: Buffer;
  readonly at: number;
}

export interface WholeOutcome {
  readonly fate: Fate;
  /** As a receipt has it. */
  readonly error: string;
  /** Parts that were delivered, of how many. */
  readonly delivered: number;
  readonly parts: number;
  /** ms since 1970. */
  readonly doneAt: number;
}
