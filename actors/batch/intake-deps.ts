import type { ActorSelf } from '../../runtime/actor.ts';
import type { DuplicateFilter } from '../accounts/duplicate-filter.ts';
import type { MessageDraft } from '../message/draft.ts';
import type { LedgerFrame } from '../ports.ts';
import type { CompiledTable } from '../routing/compiled.ts';
import type { RouteSenders } from '../routing/number-rules.ts';
import type { Waiting } from './batch-actor.ts';
import type { NumberSource } from './number-source.ts';
import type { OnwardSettings } from './onward.ts';

/** What the intake is made of, and what it is told. */

export interface IntakeSettings extends OnwardSettings {
  /** Validity of a message that gives none, ms. */
  readonly validityMs: number;
  /** A longer one is cut to this, ms. */
  readonly validityMaxMs: number;
  /** command_status where no route fits. */
  readonly noRouteStatus: number;
}

export interface IntakeDeps {
  readonly self: ActorSelf<IntakeMessage>;
  readonly numbers: NumberSource;
  readonly settings: IntakeSettings;
  readonly now: () => number;
  readonly monotonic: () => number;
  /** 0 (inclusive) to 1 (exclusive). */
  readonly random: () => number;
  /** Commits a batch: spawns its BatchActor, which calls `ended`. `since`: when its first message came in, monotonic ms. */
  readonly commit: (batch: Buffer, waiting: Waiting, since: number, ledger: readonly LedgerFrame[]) => void;
  /** Makes the answer that a route gives to the sender of `message`, as a draft. Undefined when it cannot be answered. */
  readonly reply: (message: MessageDraft, text: string) => MessageDraft | undefined;
  readonly duplicates: DuplicateFilter;
  /** A message goes round between these two carriers, and was not sent on. */
  readonly looped: (from: string, to: string) => void;
  /** Partitions of the queues in which parts of long messages wait for each other (`long/queue.ts`). */
  readonly partitions: readonly number[];
}

export type IntakeMessage =
  | { readonly type: 'flush' }
  | { readonly type: 'table'; readonly table: CompiledTable; readonly senders: RouteSenders };
