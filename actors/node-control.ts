/**
 * What an operator may ask of a running node, by the command line (`adapters/control`) or the control panel. Everything
 * here is plain data: it crosses a socket as JSON. Times are ms since 1970. Never a password, a key or a message's text.
 */
export interface NodeControl {
  status(): Promise<NodeStatus>;
  /** Names of all destinations: accounts, carriers, frontends. */
  names(): Promise<readonly string[]>;
  /**
   * Replaces the routing table and upserts accounts, carriers, frontends, users and API keys: the sections that `seed`
   * has, laid out as in the configuration file. All of it or, on a problem, nothing.
   * @throws ControlError `invalid` with every problem in `details`
   */
  apply(seed: unknown): Promise<ApplyResult>;
  /** Begins to refuse new work, finish what is in flight, unbind and end the process. Resolves when it has begun. */
  drain(): Promise<DrainResult>;
  /** Submits a text as the operator, as if a frontend had. @throws ControlError `refused` when it is not accepted */
  send(message: OutgoingText): Promise<SendResult>;
  /** @throws ControlError `not-found` */
  message(id: number): Promise<MessageStory>;
  accounts(): Promise<readonly AccountInfo[]>;
  /** @throws ControlError `invalid`, `conflict` */
  addAccount(settings: unknown): Promise<AccountInfo>;
  /** Changes the settings given, leaves the others. @throws ControlError `invalid`, `not-found` */
  changeAccount(systemId: string, changes: unknown): Promise<AccountInfo>;
  /**
   * Ends sessions of an account politely: all of them, or one. It may bind again at once; `changeAccount` with `enabled`
   * false is what keeps it out.
   * @param session its `SessionInfo.id`, 0 for all @throws ControlError `not-found`
   */
  unbindAccount(systemId: string, session: number): Promise<UnbindResult>;
  /** Its sessions end, its queue is kept. @throws ControlError `not-found`, `conflict` while a route names it */
  removeAccount(systemId: string): Promise<void>;
  /**
   * Sends receipts to an account once more; goes on with a run that has not ended. It resolves when that has begun.
   * @throws ControlError `invalid`, `not-found`, `conflict`, `refused`, `unavailable`
   */
  repushReceipts(request: RepushRequest): Promise<RepushInfo>;
  /** Carriers' receipts that wait for the id they name are answered now, and are about nothing. */
  flushReceipts(): Promise<FlushResult>;
  /** @throws ControlError `not-found`, `unavailable` */
  repushed(run: string): Promise<RepushInfo>;
  carriers(): Promise<readonly CarrierInfo[]>;
  /** Changes the settings given, leaves the others; `enabled` starts and stops it. @throws ControlError `invalid`, `not-found` */
  changeCarrier(name: string, changes: unknown): Promise<CarrierInfo>;
  /** Opens or closes one of its binds, durably. @param slot from 1 @throws ControlError `not-found` */
  switchBind(name: string, slot: number, isStarted: boolean): Promise<CarrierInfo>;
  /** Its sessions end, its queue is kept. @throws ControlError `not-found`, `conflict` while a route names it */
  removeCarrier(name: string): Promise<void>;
}

export type ControlErrorCode =
  'invalid' | 'refused' | 'not-found' | 'conflict' | 'unavailable' | 'too-large' | 'no-node' | 'internal';

/** A request that was not done, and why. `message` is one line for people. */
export class ControlError extends Error {
  readonly code: ControlErrorCode;
  /** More lines: each problem of a configuration. */
  readonly details: readonly string[];
  constructor(code: ControlErrorCode, message: string, details: readonly string[] = [], cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'ControlError';
    this.code = code;
    this.details = details;
  }
}

export interface NodeStatus {
  readonly node: {
    readonly id: string;
    readonly cluster: string;
    readonly version: string;
    readonly pid: number;
    readonly startedAt: number;
    readonly state: 'starting' | 'running' | 'draining';
    readonly dataDir: string;
    readonly durability: 'disk' | 'process';
    readonly workers: number;
    /** False while a worker still warms up (`warm_up_messages`). */
    readonly warm: boolean;
  };
  readonly routing: { readonly version: number; readonly routes: number; readonly activatedAt: number };
  readonly listeners: readonly { readonly name: string; readonly host: string; readonly port: number }[];
  /** At most 1,000 of `sessionCount`. */
  readonly sessions: readonly SessionInfo[];
  readonly sessionCount: number;
  readonly carriers: readonly CarrierInfo[];
  /** At most 1,000 of `queueCount`, the longest first. */
  readonly queues: readonly QueueInfo[];
  readonly queueCount: number;
  readonly messages: MessageCounts;
  readonly receipts: ReceiptCounts;
  readonly store: StoreInfo;
  readonly archive: ArchiveInfo;
  /** The latest messages this node accepted, newest first, at most 20. */
  readonly recent: readonly MessageSummary[];
  /** All nodes of the cluster that live, by name; absent: this node is alone. */
  readonly nodes?: readonly ClusterNodeInfo[];
  /** What an operator should know now: "carrier sink: no session", "disk nearly full". */
  readonly alarms: readonly string[];
}

/** A node as the others see it. */
export interface ClusterNodeInfo {
  readonly id: string;
  readonly version: string;
  /** starting, serving or running, draining. */
  readonly state: string;
  /** It answers; it does not, and its heartbeat comes; that is late too. */
  readonly seen: 'answers' | 'silent' | 'late';
  /** 0: it does not answer. */
  readonly startedAt: number;
  readonly workers: number;
  /** Stripes of the message store, by worker: `0.2/1.3`. */
  readonly stripes: string;
  /** Of the routing table, and of the whole configuration, that it runs. */
  readonly tableVersion: number;
  readonly configuration: number;
  readonly sessions: number;
  /** Messages in its stripes; accepted and sent since its start. */
  readonly queued: number;
  readonly accepted: number;
  readonly sent: number;
}

export interface SessionInfo {
  /** The node that has it; absent where a node speaks of itself. */
  readonly node?: string;
  /** Of an account's session, to end it by; of a carrier's, which of its binds it is, from 1 (`bindId`). */
  readonly id: number;
  /** Its account or carrier. */
  readonly name: string;
  readonly side: 'account' | 'carrier';
  /** `address:port`, or what stands for it: "in process" for the simulator. */
  readonly peer: string;
  readonly bind: 'transmitter' | 'receiver' | 'transceiver' | '';
  /** SMPP v3.4 §2.2, and `CONNECTING`, `WAITING` (to reconnect) for carriers. */
  readonly state: string;
  readonly since: number;
  /** Requests without an answer, from us and to us, and the most there may be. */
  readonly window: { readonly used: number; readonly size: number };
  /** `3.4`; empty while it is not bound. */
  readonly version: string;
  /** Messages that came from it and went to it. */
  readonly received: number;
  readonly sent: number;
  /** Messages a second over 1, 5 and 15 minutes. */
  readonly load: readonly [number, number, number];
}

export interface QueueInfo {
  readonly destination: string;
  readonly kind: 'carrier' | 'account' | 'frontend' | 'webhook' | 'unknown';
  readonly ready: number;
  readonly inFlight: number;
  readonly parked: number;
  /** When the oldest waiting message was accepted; 0: none waits. */
  readonly oldestAt: number;
}

/** Since the node started. */
export interface MessageCounts {
  readonly accepted: number;
  readonly refused: number;
  readonly sent: number;
  readonly retried: number;
  readonly failed: number;
}

/** Since the node started, but for `awaited` and `toPush`. */
export interface ReceiptCounts {
  /** From carriers. */
  readonly received: number;
  /** Of these: delivered, and any other final state. */
  readonly delivered: number;
  readonly undelivered: number;
  /** Naming an id that is not known. */
  readonly unmatched: number;
  /** Given to accounts. */
  readonly passedOn: number;
  /** By HTTP: taken, attempts that failed and are made again, given up; and those that wait now. */
  readonly pushed: number;
  readonly pushRetried: number;
  readonly givenUp: number;
  readonly toPush: number;
  /** Messages sent whose receipt has not come. */
  readonly awaited: number;
}

export interface StoreInfo {
  readonly messages: number;
  readonly octets: number;
  readonly quarantined: number;
  /** Why new messages are refused; empty when they are not. */
  readonly refusing: string;
}

export interface ArchiveInfo {
  readonly state: 'up' | 'starting' | 'down' | 'off';
  /** Settled messages not yet archived. */
  readonly behind: number;
  /** Archived since the node started. */
  readonly written: number;
  /** What is wrong; empty when nothing is. */
  readonly problem: string;
}

export interface MessageSummary {
  readonly id: number;
  readonly acceptedAt: number;
  /** Account, carrier, frontend, or `operator` for `heliograph send`. */
  readonly source: string;
  readonly from: string;
  readonly to: string;
  readonly destination: string;
  /** `Fate` by name (`message/ledger.ts`): queued, sent, delivered, … */
  readonly fate: string;
  /** What the receipt said; empty until it came. */
  readonly receipt: string;
}

export interface MessageEvent {
  readonly at: number;
  /** One line: "sent to sink as 1A2B", "retry 2 due at …: ESME_RTHROTTLED". */
  readonly text: string;
}

export interface MessageStory extends MessageSummary {
  readonly attempts: number;
  /** When it is tried next; 0: not parked. */
  readonly dueAt: number;
  readonly tableVersion: number;
  /** Where it was found. */
  readonly foundIn: 'queue' | 'archive';
  /** Oldest first. */
  readonly events: readonly MessageEvent[];
}

export interface OutgoingText {
  readonly to: string;
  readonly text: string;
  /** Sender: a number or up to 11 letters; empty: the node's default. */
  readonly from: string;
  /** On behalf of this account; empty: of the operator. */
  readonly account: string;
}

export interface SendResult {
  readonly id: number;
  readonly destination: string;
}

export interface ApplyResult {
  /** The routing table that is active now. */
  readonly tableVersion: number;
  readonly routes: number;
  /** Entries written, by section: `{ accounts: 3 }`. */
  readonly changed: Readonly<Record<string, number>>;
  readonly warnings: readonly string[];
}

export interface DrainResult {
  /** Messages queued as it began; those not finished wait on disk for the next start. */
  readonly queued: number;
}

export interface CarrierInfo {
  readonly name: string;
  readonly protocol: string;
  /** False: no session is opened. */
  readonly enabled: boolean;
  readonly description: string;
  /** `host:port`; empty for a simulator. */
  readonly place: string;
  readonly bind: string;
  /** Sessions it is to have, over the cluster; a `separate` bind counts once. */
  readonly binds: number;
  /** Sessions of this node that are bound, and all of them. */
  readonly bound: number;
  readonly sessions: number;
  readonly window: number;
  readonly throughput: number;
  /** Why a session is not bound; empty when all are. */
  readonly reason: string;
  /** One by one. */
  readonly each: readonly CarrierBindInfo[];
}

export interface CarrierBindInfo {
  /** What it is called: `bindId`. */
  readonly id: string;
  /** False: it is not opened, whether its carrier is started or not. */
  readonly started: boolean;
  /** On this node: one, two where transmitter and receiver are separate. */
  readonly sessions: readonly SessionInfo[];
  /** Why it is not bound; empty when it is. */
  readonly reason: string;
  /** The node that holds it, '' none; absent where a node is alone. */
  readonly node?: string;
}

/** How one bind of a carrier is called. */
export const bindId = (carrier: string, slot: number): string => `${carrier}/${slot}`;

export interface RepushRequest {
  readonly account: string;
  /** Receipts of what ended in this time, `to` exclusive. */
  readonly from: number;
  readonly to: number;
  /** The name of the run, up to 64 letters, digits, ".", "_" or "-"; absent: one is made. */
  readonly run?: string | undefined;
  /** Receipts a second; absent: 500. */
  readonly rate?: number | undefined;
}

export interface RepushInfo extends Required<Pick<RepushRequest, 'account' | 'from' | 'to'>> {
  readonly run: string;
  /** stopped: this node is not at it; the same request goes on with it. */
  readonly state: 'running' | 'stopped' | 'done';
  /** Receipts put into the account's queue so far. */
  readonly pushed: number;
  /** Why it stopped; empty when it has not, or nobody knows. */
  readonly problem: string;
}

export interface FlushResult {
  /** Receipts that waited. */
  readonly flushed: number;
}

export interface UnbindResult {
  /** Sessions that are ended. */
  readonly sessions: number;
}

export interface AccountInfo {
  readonly system_id: string;
  readonly enabled: boolean;
  readonly description: string;
  readonly sessions: number;
  readonly binds: number;
  readonly window: number;
  readonly deliver_window: number;
  readonly throughput: number;
  /** Credits left; null: postpaid. */
  readonly credits: number | null;
  readonly allow_ips: readonly string[];
  readonly archive: string;
}
