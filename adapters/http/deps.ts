import type { NumberRules } from '../../actors/routing/number-rules.ts';
import type { DuplicateRule } from '../../actors/accounts/duplicate-filter.ts';
import type { SubmitRules } from '../../actors/accounts/submit-rules.ts';
import type { Throughput } from '../../actors/accounts/limits.ts';
import type { Intake } from '../../actors/batch/intake.ts';
import type { MessageId, PublicIds } from '../../actors/message/id.ts';
import type { ArchiveMode } from '../../actors/message/record.ts';
import type { ControlErrorCode, NodeStatus, RepushInfo, RepushRequest } from '../../actors/node-control.ts';
import type { MessageDesk } from '../../actors/operations/message-desk.ts';
import type { FoundMessage } from '../../actors/ports.ts';
import type { PushRequest } from '../../actors/push/push-request.ts';
import type { KeyOwner } from './caller.ts';
import type { GuardSettings } from './guard.ts';
import type { ListQuery } from './list-query.ts';
import type { ListedPage } from './message-lister.ts';
import type { ArchivedRow } from './message-view.ts';
import type { SubmitCounters } from './submitter.ts';

/** An account that messages can be submitted as. */
export interface ApiAccount {
  readonly archiveMode: ArchiveMode;
  readonly enabled: boolean;
  readonly rules: SubmitRules | undefined;
  /** How it writes numbers. */
  readonly numbers: NumberRules | undefined;
  /** What is done with what it submits twice. */
  readonly duplicates: DuplicateRule | undefined;
  /** How it is told of its messages by HTTP where they do not say; undefined: not. */
  readonly push: PushRequest | undefined;
  /** Shared with its sessions in this worker. */
  readonly rate: Pick<Throughput, 'take' | 'waitMs'>;
}

/** What a client is to make of a command_status: nothing will help, later, or another way. */
export interface StatusMeaning {
  readonly name: string;
  readonly text: string;
  readonly retry: 'never' | 'later' | 'elsewhere';
}

/** Why something was not done: an error crosses no thread as what it is. */
export interface Refused {
  readonly code: ControlErrorCode;
  readonly message: string;
}

/** Whether this node takes messages. */
export type Health = 'ok' | 'starting' | 'draining' | 'refusing';

/** What the API needs of its worker and of the node. */
export interface ApiDeps {
  readonly guard: GuardSettings;
  readonly version: string;
  readonly ids: PublicIds;
  readonly now: () => number;
  readonly monotonic: () => number;
  readonly intake: Pick<Intake, 'submit' | 'expiryOf' | 'destination' | 'parts' | 'destinationFor' | 'shaper'>;
  /** This worker is being stopped; it takes messages as long as somebody is connected. */
  readonly draining: () => boolean;
  readonly counters: SubmitCounters;
  /** Who a key belongs to. */
  readonly ownerOf: (key: string) => KeyOwner | undefined;
  readonly account: (name: string) => ApiAccount | undefined;
  /** What is wrong with a URL to push receipts to, as the words that follow "expected"; '' when nothing is. */
  readonly urlProblem: (url: string) => string;
  /** Does a queue lead there? */
  readonly isDestination: (name: string) => boolean;
  readonly statusOf: (commandStatus: number) => StatusMeaning;
  readonly find: (id: MessageId) => Promise<FoundMessage | undefined>;
  /** Cancels and changes what waits; all of it is durable when it resolves. */
  readonly desk: Pick<MessageDesk, 'cancel' | 'change'>;
  /** @throws when the archive cannot be asked */
  readonly findArchived: (publicId: number) => Promise<ArchivedRow | undefined>;
  /** A page of a list (`MessageLister`). @throws Problem */
  readonly list: (query: ListQuery) => Promise<ListedPage>;
  /** Sends receipts to an account once more (`NodeControl.repushReceipts`). */
  readonly repush: (request: RepushRequest) => Promise<RepushInfo | Refused>;
  readonly repushed: (run: string) => Promise<RepushInfo | Refused>;
  /** Of the whole node, but for this worker's own draining. */
  readonly health: () => Promise<Health>;
  readonly status: () => Promise<NodeStatus>;
  /** Prometheus text of the whole node. */
  readonly metrics: () => Promise<string>;
  /** What a handler threw that is no Problem. */
  readonly failed: (error: unknown) => void;
}
