import type { MessagePort } from 'node:worker_threads';
import type { LogRecord } from '../runtime/log.ts';
import type { MetricsPlan } from '../runtime/metrics.ts';
import type { ReceiptIdMode } from '../actors/message/correlation-key.ts';
import type { DuplicateRule } from '../actors/accounts/duplicate-filter.ts';
import type { RuleSettings } from '../actors/accounts/submit-rules.ts';
import type { Shape } from '../actors/long/shape.ts';
import type { Wrap } from '../actors/long/wrap.ts';
import type { ArchiveMode } from '../actors/message/record.ts';
import type { MessageStore } from '../actors/ports.ts';
import type { PushRequest } from '../actors/push/push-request.ts';
import type { HoldBack } from '../actors/receipt/hold-back.ts';
import type { RepushedReceipt } from '../actors/receipt/repush.ts';
import type { ErrorWords } from '../actors/receipt/receipt-batch.ts';
import type { ErrorRule } from '../actors/route/outcomes.ts';
import type { NumberRules, RouteSenders } from '../actors/routing/number-rules.ts';
import type { PeerCharset } from '../actors/text/charset.ts';
import type { TrafficCounters } from '../actors/traffic-counters.ts';
import type { TrafficSettings } from '../actors/traffic-deps.ts';
import type { Role } from '../adapters/http/caller.ts';
import type { HttpPushSettings } from '../adapters/receipt-push/http-push-client.ts';
import type { StoredApiKey } from '../adapters/secrets/api-keys.ts';
import type { WatchedLease } from '../adapters/store-redis/stripe-owner.ts';
import type { ListenerSettings } from '../adapters/smpp/listener.ts';
import type { LinkSettings, LinkTarget } from '../adapters/smpp/carrier-link.ts';
import type { BindRequest, BindVerdict, SentAsData, ServerSettings } from '../adapters/smpp/server-session.ts';
import type { GateMemory } from './lease-gates.ts';
import type { AddedTlv } from '../adapters/smpp/tlv-rules.ts';
import type { HandOver } from './session-spread.ts';
import type { Marks } from './overload.ts';
import type { RehearsalSetup } from './rehearsal-setup.ts';
import type { RestCalls } from './rest-calls.ts';

/** What passes between the main thread and a traffic worker, by comlink: control only. */

/** How a peer writes texts, and how it wants them. */
export interface WorkerTexts {
  readonly charset: PeerCharset;
  /** Parts that it sends are put together. */
  readonly gathers: boolean;
  /** How it writes numbers, and how it wants them; undefined: as they are. */
  readonly incoming: NumberRules | undefined;
  readonly outgoing: NumberRules | undefined;
  /** Tags of TLVs that it is not sent, and TLVs that it always is. */
  readonly removeTlvs: readonly number[];
  readonly addTlvs: readonly AddedTlv[];
  /** Parts of long messages to it are marked by TLVs. */
  readonly sar: boolean;
  /** Undefined: messages to it stay as they came. */
  readonly shape: Shape | undefined;
}

export interface WorkerAccount {
  readonly systemId: string;
  /** false: its sessions are ended, and nobody submits as it. */
  readonly enabled: boolean;
  readonly archiveMode: ArchiveMode;
  /** What it may submit. */
  readonly rules: RuleSettings;
  /** What is done with what it submits twice; undefined: it goes twice. */
  readonly duplicates: DuplicateRule | undefined;
  /** What its sessions are sent as data_sm. */
  readonly dataSm: SentAsData;
  /** How it is told of its messages by HTTP; undefined: not. And what receipts by HTTP are signed with. */
  readonly push: PushRequest | undefined;
  readonly pushSecret: string;
  /** Most unanswered requests a session sends us, and we send it. */
  readonly window: number;
  readonly deliverWindow: number;
  readonly texts: WorkerTexts;
  /** This worker's share, messages a second; 0 = no limit. */
  readonly throughput: number;
}

export interface WorkerCarrier {
  readonly name: string;
  /** One session each; those of `separate` are two. */
  readonly targets: readonly LinkTarget[];
  readonly link: Omit<LinkSettings, 'receiptIds' | 'receiptErrors' | 'form'>;
  /** Of the lines about PDUs, where `link.tracePdus` has them. */
  readonly pduLevel: 'info' | 'debug';
  readonly window: number;
  /** This worker's share, messages a second; 0 = no limit. */
  readonly throughput: number;
  readonly throttleMs: number;
  readonly noAnswer: 'retry' | 'reroute' | 'fail' | 'reconnect' | 'wait';
  /** By command_status. */
  readonly errors: readonly (readonly [number, ErrorRule])[];
  /** After which of its receipts a message goes by its next route; undefined: after none. */
  readonly holdBack: HoldBack | undefined;
  /** Never two messages to one number that are both unanswered: then all its sessions are in one worker. */
  readonly onePerNumber: boolean;
  /** Lengths of its queue between which it gets no new messages, where a route leads elsewhere. */
  readonly marks: Marks | undefined;
  readonly receiptId: ReceiptIdMode;
  /** `err` of its receipts, and what it is passed on as. */
  readonly receiptErrors: readonly (readonly [string, string])[];
  /** Other carriers whose messages its receipts may be about. */
  readonly receiptSiblings: readonly string[];
  readonly texts: WorkerTexts;
}

export interface WorkerApiKey {
  readonly stored: StoredApiKey;
  readonly name: string;
  readonly role: Role;
  readonly allowIps: readonly string[];
}

/** What of the configuration a worker needs while it carries traffic. */
export interface WorkerDirectory {
  readonly accounts: readonly WorkerAccount[];
  readonly carriers: readonly WorkerCarrier[];
  /** Names of carriers and frontends, whether enabled or not: their queues take messages. */
  readonly destinations: readonly string[];
  /** What destinations want of their messages, also those that are not enabled. */
  readonly shapes: ReadonlyMap<string, Shape>;
  /** What accounts have their texts sent with, if anything. */
  readonly wraps: ReadonlyMap<string, Wrap>;
  /** Where accounts' messages go that no route takes. */
  readonly defaults: ReadonlyMap<string, string>;
  /** All carriers, also those that have no session here. */
  readonly carrierNames: ReadonlySet<string>;
  readonly apiKeys: readonly WorkerApiKey[];
  /** Of accounts that have any. */
  readonly errorWords: ErrorWords;
}

/** Which URLs receipts may be pushed to, and how. */
export interface PushSetup extends Omit<HttpPushSettings, 'rules'> {
  readonly allowHttp: boolean;
  readonly hosts: readonly string[];
  readonly networks: readonly string[];
}

export interface WorkerSetup {
  readonly traffic: TrafficSettings;
  readonly server: ServerSettings;
  readonly push: PushSetup;
  /** What a stopping worker gives to what is in flight, before it unbinds all the same. */
  readonly drainMs: number;
  /** Key of the public ids, 16 bytes. */
  readonly idKey: Uint8Array;
  readonly directory: WorkerDirectory;
  readonly table: SharedArrayBuffer;
  readonly senders: RouteSenders;
  readonly metrics: MetricsPlan;
  /** What workers know of messages that came lately. */
  readonly duplicates: SharedArrayBuffer;
  /** How many connections each worker has (`session-spread.ts`); undefined: none is passed on. */
  readonly spread: SharedArrayBuffer | undefined;
  /** Until when the leases of this node hold; undefined: it is alone. */
  readonly gates: GateMemory | undefined;
}

/** What a worker asks of the main thread. */
export interface MainCalls extends RestCalls {
  authorize(worker: number, request: BindRequest): Promise<BindVerdict> | BindVerdict;
  unbound(worker: number, session: number, reason: string): void;
  /** A connection of a worker is to be another's (`session-spread.ts`). */
  handOver: HandOver;
  /** No session lives by this lease any more, and none will: its slot may be another node's. */
  leaseOver(worker: number, lease: number): void;
  /** So many of the worker's sessions take messages for a carrier, another number than before. */
  carrierBound(worker: number, carrier: string, count: number): void;
  log(record: LogRecord): void;
}

export interface WorkerSession {
  /** Of an account's session on this node; of a carrier's, which of its binds it is, from 1. */
  readonly id: number;
  readonly name: string;
  readonly side: 'account' | 'carrier';
  readonly peer: string;
  readonly bind: 'transmitter' | 'receiver' | 'transceiver' | '';
  readonly state: string;
  readonly since: number;
  readonly used: number;
  readonly size: number;
  /** interface_version; 0 while it is not bound. */
  readonly version: number;
  /** Messages that came from it and went to it. */
  readonly received: number;
  readonly sent: number;
  /** Messages a second over 1, 5 and 15 minutes. */
  readonly load: readonly [number, number, number];
  /** Why a carrier's session is not bound; empty when it is. */
  readonly reason: string;
}

export interface WorkerStatus {
  readonly counters: TrafficCounters;
  readonly sessions: readonly WorkerSession[];
  readonly connections: number;
  readonly turnedAway: number;
  readonly apiConnections: number;
  readonly orphans: number;
  /** The latest messages accepted: internal ids, newest first. */
  readonly recent: readonly number[];
}

export interface SendRequest {
  readonly from: string;
  readonly to: string;
  readonly text: string;
  readonly account: string;
}

export interface HttpSettings {
  readonly host: string;
  readonly port: number;
  readonly auth: 'required' | 'none';
  readonly version: string;
}

/** Of a worker in a cluster: which stripes it has, and whom it shares them with. */
export interface ClusterWorkerApi {
  /** Its name on the bus between nodes: another one with each life. */
  life(): string;
  /** The names of all workers of other nodes. */
  usePeers(lives: readonly string[]): void;
  /** The stripes it has now. */
  stripes(): number[];
  /** Takes a stripe, if its lease allows. Returns whether it has it. */
  openStripe(stripe: number, watched: WatchedLease): Promise<boolean>;
  /** Gives a stripe away in good order; resolves when anybody may take it. */
  releaseStripe(stripe: number): Promise<void>;
  /** Nothing more is claimed from its stripes; resolves when nothing is. */
  retire(): Promise<void>;
}

/** Methods of a traffic worker. The store's are about its own stripes. */
export interface WorkerApi extends ClusterWorkerApi, Pick<MessageStore, 'find' | 'stats' | 'getConfig' | 'putConfig'> {
  /** Lines about damage found so far; each is given once. */
  alarms(): string[];
  setup(setup: WorkerSetup, main: MainCalls): Promise<void>;
  /** Opens the SMPP port and returns it. */
  listen(settings: ListenerSettings): Promise<number>;
  /** Another worker has a connection for this one's listener: the other end of `port` is its socket. */
  adopt(listener: string, address: string, port: MessagePort): void;
  /** Opens the REST API's port and returns it. */
  listenHttp(settings: HttpSettings): Promise<number>;
  configure(directory: WorkerDirectory): void;
  /** Takes over the carriers alone: slots have come or gone. Returns the leases that sessions live by, ending ones too. */
  configureCarriers(carriers: readonly WorkerCarrier[]): readonly number[];
  /** Carries messages of its own making through its code, until real ones come. Resolves when that is over. */
  rehearse(setup: RehearsalSetup): Promise<void>;
  /** Another share of an account's throughput, messages a second; 0: no limit. */
  setRate(account: string, throughput: number): void;
  /** Ends sessions of an account politely, all of them or one. Returns how many. @param session 0: all */
  unbind(account: string, session: number): number;
  useTable(memory: SharedArrayBuffer, senders: RouteSenders): void;
  /** Carriers that no session leads to, for longer than their patience. */
  away(carriers: readonly string[]): void;
  /** Refuses new work; each session finishes what it has under way and is unbound; resolves when all is settled. */
  drain(): Promise<void>;
  send(request: SendRequest): Promise<{ readonly id: number } | { readonly status: number }>;
  /** Puts receipts into the queue of their account once more. Returns why they were not taken; '' when they were. */
  pushAgain(account: string, receipts: readonly RepushedReceipt[]): Promise<string>;
  /** Receipts that wait for the id they name do so no longer. Returns how many there were. */
  flushOrphans(): number;
  status(): WorkerStatus;
}
