import type { DuplicateRule } from '../actors/accounts/duplicate-filter.ts';
import { Fate } from '../actors/message/ledger.ts';
import { ArchiveMode } from '../actors/message/record.ts';
import type { ErrorWords } from '../actors/receipt/receipt-batch.ts';
import type { HoldBack } from '../actors/receipt/hold-back.ts';
import type { ErrorRule } from '../actors/route/outcomes.ts';
import { pushOf } from '../adapters/config/push-rules.ts';
import type { CarrierSettings, Configuration, SmppCarrierSettings } from '../adapters/config/schema.ts';
import type { LinkTarget } from '../adapters/smpp/carrier-link.ts';
import { AS_IT_IS, type Addressing } from '../adapters/smpp/addressing.ts';
import { DEFAULT_TIMERS } from '../adapters/smpp/session-messages.ts';
import type { BindType } from '../adapters/smpp/session-states.ts';
import type { Live, LiveAccount } from './live-configuration.ts';
import { shapesOf, wrapsOf, textsOfAccount, textsOfCarrier, type CommonRules } from './texts.ts';
import type { Marks } from './overload.ts';
import type { WorkerCarrier, WorkerDirectory } from './worker-messages.ts';

/** One of a carrier's binds that a worker has, and, in a cluster, the lease that it lives by. */
export interface HereSlot {
  readonly slot: number;
  readonly lease: number | undefined;
}

/** In a cluster: which of a carrier's binds are a worker's. */
export type SlotsHere = (carrier: string, worker: number) => readonly HereSlot[];

/** Where a simulated carrier listens. */
export interface SimulatorPlace {
  readonly host: string;
  readonly port: number;
}

const SECOND = 1000;
const VERSIONS = { '3.3': 0x33, '3.4': 0x34, '5.0': 0x50 } as const;
/** A simulated carrier is spoken to like any other. */
const SIMULATOR_SESSIONS = 2;

/** What holds for all peers. */
export type CommonSettings = Pick<Configuration, 'messages' | 'receipts'>;

/** What a worker's directory is made of. */
export interface DirectorySources {
  readonly live: Live;
  readonly workers: number;
  readonly passwordOf: (carrier: CarrierSettings) => string;
  /** What an account's receipts by HTTP are signed with. */
  readonly secretOf: (account: LiveAccount) => string;
  /** An account's share of its throughput in this worker. */
  readonly rateOf: (account: string, worker: number) => number;
  readonly simulators: ReadonlyMap<string, SimulatorPlace>;
  readonly settings: CommonSettings;
  /** Undefined: this node is alone, and has all binds. */
  readonly slots: SlotsHere | undefined;
}

/** The part of the configuration that worker `index` works with: its share of sessions and rates. */
export function directoryFor(index: number, sources: DirectorySources): WorkerDirectory {
  const { live, rateOf, secretOf, settings } = sources;
  return {
    accounts: live.accounts.map(account =>
      workerAccount(account, rateOf(account.system_id, index), secretOf(account), settings.messages),
    ),
    carriers: carriersFor(index, sources),
    shapes: shapesOf(live),
    wraps: wrapsOf(live),
    defaults: defaultsOf(live.accounts),
    carrierNames: new Set(live.carriers.map(({ name }) => name)),
    errorWords: wordsOf(live.accounts),
    destinations: [...live.carriers, ...live.frontends].map(({ name }) => name),
    apiKeys: live.apiKeys.map(({ stored, name, role, allow_ips }) => ({ stored, name, role, allowIps: allow_ips })),
  };
}

/** Its carriers alone: they change without the accounts, which are many. */
export function carriersFor(index: number, sources: DirectorySources): WorkerCarrier[] {
  const { live, workers, passwordOf, simulators, settings, slots } = sources;
  const { messages, receipts } = settings;
  const carriers: WorkerCarrier[] = [];
  live.carriers.forEach((carrier, place) => {
    const own = carrier.protocol === 'smpp' ? slots?.(carrier.name, index) : undefined;
    const here = own ?? evenly(slotsOf(carrier), place, index, carrier.one_per_number ? 0 : 1, workers);
    const made = workerCarrier(carrier, here, passwordOf(carrier), simulators.get(carrier.name));
    const texts = textsOfCarrier(carrier, messages);
    if (!made) return;
    const holdBack = holdBackOf(carrier.reroute_receipts ?? receipts.reroute, receipts.reroute_hops);
    carriers.push({ ...made, texts, holdBack, receiptSiblings: siblingsOf(carrier, live.carriers) });
  });
  return carriers;
}

/**
 * On one machine slot n of carrier number `place` is worker (n - 1 + place)'s, so that carriers with one session spread too.
 * @param step 0: all are one worker's, which sends what is to be in order
 */
function evenly(slots: readonly number[], place: number, index: number, step: 0 | 1, workers: number): HereSlot[] {
  return slots
    .filter(slot => ((slot - 1) * step + place) % workers === index)
    .map(slot => ({ slot, lease: undefined }));
}

function holdBackOf(rules: Configuration['receipts']['reroute'], hops: number): HoldBack | undefined {
  if (rules.length === 0) return undefined;
  return {
    hops,
    rules: rules.map(({ state, errors }) => ({ fate: state === 'any' ? undefined : Fate[state], errors })),
  };
}

function wordsOf(accounts: readonly LiveAccount[]): ErrorWords {
  return new Map(
    accounts
      .filter(({ receipt_errors }) => receipt_errors.length > 0)
      .map(({ system_id, receipt_errors }) => [system_id, new Map(receipt_errors.map(({ error, as }) => [error, as]))]),
  );
}

function defaultsOf(accounts: readonly LiveAccount[]): Map<string, string> {
  const defaults = new Map<string, string>();
  for (const { system_id, default_dest_smsc: to } of accounts) if (to !== null) defaults.set(system_id, to);
  return defaults;
}

/** The other carriers of its `receipt_group`. */
function siblingsOf(carrier: CarrierSettings, all: readonly CarrierSettings[]): string[] {
  if (carrier.protocol !== 'smpp' || carrier.receipt_group === null) return [];
  const { name, receipt_group: group } = carrier;
  const siblings = all.filter(other => other.protocol === 'smpp' && other.receipt_group === group);
  return siblings.map(other => other.name).filter(other => other !== name);
}

function workerAccount(
  account: LiveAccount,
  throughput: number,
  pushSecret: string,
  common: CommonRules,
): WorkerDirectory['accounts'][number] {
  return {
    systemId: account.system_id,
    enabled: account.enabled,
    archiveMode: ArchiveMode[account.archive],
    rules: { senders: account.senders, minOctets: account.min_octets, maxOctets: account.max_octets },
    duplicates: duplicatesOf(account),
    dataSm: account.data_sm,
    push: pushOf(account),
    pushSecret,
    window: account.window,
    deliverWindow: account.deliver_window,
    texts: textsOfAccount(account, common),
    throughput,
  };
}

function duplicatesOf(account: LiveAccount): DuplicateRule | undefined {
  const { duplicate_seconds: seconds, duplicate_answer, duplicate_status } = account;
  if (seconds === 0) return undefined;
  return { windowMs: seconds * SECOND, status: duplicate_answer === 'first-id' ? 0 : duplicate_status };
}

function workerCarrier(
  carrier: CarrierSettings,
  here: readonly HereSlot[],
  password: string,
  simulator: SimulatorPlace | undefined,
): Omit<WorkerCarrier, 'receiptSiblings' | 'texts' | 'holdBack'> | undefined {
  if (!carrier.enabled) return undefined;
  const slots = slotsOf(carrier);
  const own = (slot: number): Target[] =>
    carrier.protocol === 'smpp' ? smppTargets(carrier, slot, password) : simulatorTargets(slot, simulator);
  const common = {
    name: carrier.name,
    targets: here.flatMap(({ slot, lease }) => own(slot).map(target => ({ ...target, lease }))),
    window: carrier.window,
    throughput: slots.length === 0 ? 0 : (carrier.throughput * here.length) / slots.length,
    onePerNumber: carrier.one_per_number,
    marks: marksOf(carrier),
  };
  if (carrier.protocol !== 'smpp') {
    const link = SIMULATOR_LINK;
    return {
      ...common,
      link,
      throttleMs: SECOND,
      noAnswer: 'retry',
      errors: [],
      receiptErrors: [],
      pduLevel: 'debug',
      receiptId: 'as-is',
    };
  }
  return {
    ...common,
    link: smppLink(carrier),
    pduLevel: carrier.log_pdus ? 'info' : 'debug',
    throttleMs: carrier.throttle_seconds * SECOND,
    noAnswer: carrier.no_answer,
    errors: carrier.errors.map(errorRule),
    receiptErrors: carrier.receipt_errors.map(({ error, as }): [string, string] => [error, as]),
    receiptId: carrier.receipt_id,
  };
}

/** Numbers of its binds that are to be open, from 1. */
export function slotsOf(carrier: CarrierSettings): number[] {
  const all = Array.from({ length: carrier.protocol === 'smpp' ? carrier.binds : SIMULATOR_SESSIONS }, (_, i) => i + 1);
  return carrier.protocol === 'smpp' ? all.filter(slot => !carrier.stopped_binds.includes(slot)) : all;
}

function marksOf({ overload_threshold: overload, normal_threshold: normal }: CarrierSettings): Marks | undefined {
  return overload === null ? undefined : { overload, normal: normal ?? Math.floor(overload / 2) };
}

function errorRule({ status, action, retries, seconds }: SmppCarrierSettings['errors'][number]): [number, ErrorRule] {
  const delayMs = seconds === null ? undefined : seconds * SECOND;
  return [status, { action, retries: retries ?? undefined, delayMs }];
}

type Target = Omit<LinkTarget, 'lease'>;

/** The sessions of one of its `binds`. */
function smppTargets(carrier: SmppCarrierSettings, slot: number, password: string): Target[] {
  const types: BindType[] = carrier.bind === 'separate' ? ['transmitter', 'receiver'] : [carrier.bind];
  const { host, port, receive_port, alternates, tls } = carrier;
  return types.map(type => ({
    slot,
    places: [{ host, port, receive_port }, ...alternates].map(place => ({
      host: place.host,
      port: (type === 'receiver' ? place.receive_port : null) ?? place.port ?? port,
    })),
    localAddress: carrier.local_address ?? '',
    tls: tls && {
      caFile: tls.ca_file,
      certFile: tls.cert_file,
      keyFile: tls.key_file,
      serverName: tls.server_name,
      verify: tls.verify,
    },
    bind: {
      type,
      systemId: carrier.system_id,
      password,
      systemType: carrier.system_type,
      version: VERSIONS[carrier.interface_version],
      addrTon: carrier.addr_ton,
      addrNpi: carrier.addr_npi,
      addressRange: carrier.address_range,
    },
  }));
}

function smppLink(carrier: SmppCarrierSettings): WorkerCarrier['link'] {
  return {
    reconnectMs: carrier.reconnect_seconds * SECOND,
    reconnectMaxMs: carrier.reconnect_max_seconds * SECOND,
    bindTimeoutMs: carrier.bind_timeout_seconds * SECOND,
    receiptByText: carrier.receipt_by_text,
    tracePdus: carrier.log_pdus || carrier.log_file === 'debug',
    timers: {
      ...DEFAULT_TIMERS,
      enquireLinkMs: carrier.enquire_link_seconds * SECOND,
      responseMs: carrier.response_timeout_seconds * SECOND,
    },
    addressing: addressingOf(carrier),
  };
}

function addressingOf(carrier: SmppCarrierSettings): Addressing {
  const { digits, ton, npi } = carrier.short_codes;
  return {
    sourceTon: carrier.source_ton,
    sourceNpi: carrier.source_npi,
    destTon: carrier.dest_ton,
    destNpi: carrier.dest_npi,
    detect: carrier.source_autodetect ? { digits, ton, npi } : null,
    serviceType: carrier.service_type,
    defaultSource: carrier.default_source,
    priority: carrier.priority_flag,
    protocolId: carrier.protocol_id,
    replaceIfPresent: carrier.replace_if_present ? 1 : 0,
    defaultMessageId: carrier.sm_default_msg_id,
    validityMs: carrier.validity_seconds * SECOND,
  };
}

const SIMULATOR_LINK: WorkerCarrier['link'] = {
  reconnectMs: 100,
  reconnectMaxMs: SECOND,
  bindTimeoutMs: 5 * SECOND,
  receiptByText: false,
  tracePdus: false,
  timers: DEFAULT_TIMERS,
  addressing: AS_IT_IS,
};

function simulatorTargets(slot: number, place: SimulatorPlace | undefined): Target[] {
  if (!place) return [];
  const bind = {
    type: 'transceiver',
    systemId: 'heliograph',
    password: '',
    systemType: '',
    version: 0x34,
    addrTon: 0,
    addrNpi: 0,
    addressRange: '',
  } as const;
  return [{ slot, places: [place], localAddress: '', tls: undefined, bind }];
}
