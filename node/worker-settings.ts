import { systemClock } from '../runtime/clock.ts';
import type { TrafficSettings } from '../actors/traffic-deps.ts';
import type { Configuration } from '../adapters/config/schema.ts';
import type { StoreSettings } from '../adapters/store-lmdb/lmdb-store.ts';
import { STATUS } from '../adapters/smpp/codec/command-status.ts';
import type { ServerSettings } from '../adapters/smpp/server-session.ts';
import type { ServerTls } from '../adapters/smpp/server-tls.ts';
import { DEFAULT_TIMERS } from '../adapters/smpp/session-messages.ts';
import type { PushSetup, WorkerSetup } from './worker-messages.ts';
import type { GatekeeperDeps } from './gatekeeper.ts';

const SECOND = 1000;

/** What of the configuration's common settings a traffic worker needs, of `workers` on this node. */
function trafficSettings(configuration: Configuration, workers: number): TrafficSettings {
  const { listeners, messages, receipts, retry } = configuration;
  return {
    intake: {
      validityMs: messages.validity_seconds * SECOND,
      validityMaxMs: messages.validity_max_seconds * SECOND,
      noRouteStatus: listeners.smpp.no_route_status,
      hopsMax: messages.hops_max,
      hopsMs: messages.hops_seconds * SECOND,
    },
    receipts: {
      orphanWaitMs: receipts.orphan_wait_seconds * SECOND,
      orphanMax: receipts.orphan_max,
      own: receipts.own,
      validityMs: messages.validity_max_seconds * SECOND,
    },
    retry: { baseMs: retry.base_seconds * SECOND, factor: retry.factor, limit: retry.limit },
    gathering: {
      timeoutMs: messages.assembly_timeout_seconds * SECOND,
      maxParts: Math.ceil(messages.assembly_max_parts / workers),
    },
    push: {
      connections: receipts.push.connections,
      inFlight: Math.ceil(receipts.push.in_flight / workers),
      // The first pause is that long.
      retry: {
        baseMs: (receipts.push.retry_seconds * SECOND) / receipts.push.retry_factor,
        factor: receipts.push.retry_factor,
        limit: receipts.push.retries,
      },
      jasmin: {
        retries: receipts.push.jasmin_retries,
        delayMs: receipts.push.jasmin_retry_seconds * SECOND,
      },
      workers,
    },
  };
}

/** How a worker's listeners speak with ESMEs. */
function serverSettings({ listeners: { smpp }, messages }: Configuration): ServerSettings {
  return {
    systemId: 'heliograph',
    transactionMs: messages.transaction_seconds * SECOND,
    timers: {
      ...DEFAULT_TIMERS,
      sessionInitMs: smpp.session_init_seconds * SECOND,
      enquireLinkMs: smpp.enquire_link_seconds * SECOND,
      responseMs: smpp.response_timeout_seconds * SECOND,
      inactivityMs: smpp.inactivity_seconds === 0 ? Infinity : smpp.inactivity_seconds * SECOND,
      pduReadMs: smpp.pdu_read_seconds * SECOND,
      outputMs: smpp.output_timeout_seconds * SECOND,
    },
  };
}

function pushSetup({ receipts: { push } }: Configuration, workers: number): PushSetup {
  return {
    allowHttp: push.allow_http,
    hosts: push.hosts,
    networks: push.networks,
    timeoutMs: push.timeout_seconds * SECOND,
    connections: push.connections,
    inFlight: Math.ceil(push.in_flight / workers),
    caFile: push.ca_file,
  };
}

/** What a worker of a node with so many workers is set up with. */
export function workerSetup(
  configuration: Configuration,
  workers: number,
  own: Omit<WorkerSetup, 'traffic' | 'server' | 'push' | 'drainMs'>,
): WorkerSetup {
  return {
    traffic: trafficSettings(configuration, workers),
    server: serverSettings(configuration),
    push: pushSetup(configuration, workers),
    drainMs: configuration.drain_seconds * SECOND,
    ...own,
  };
}

/** Who may bind, as far as it is settings. */
export function gateSettings(
  { guard, bind_errors }: Configuration,
  node: string,
  workers: number,
): Pick<GatekeeperDeps, 'node' | 'workers' | 'guard' | 'detailed' | 'statuses' | 'monotonic'> {
  return {
    node,
    workers,
    guard: {
      failures: guard.failures,
      windowMs: guard.window_seconds * SECOND,
      longestMs: guard.longest_seconds * SECOND,
    },
    detailed: bind_errors === 'detailed',
    statuses: STATUS,
    monotonic: systemClock.monotonicMs,
  };
}

/** Undefined: no certificate, no TLS port. */
export function serverTls({ listeners: { smpps } }: Configuration): ServerTls | undefined {
  if (smpps.cert_file === '') return undefined;
  const { cert_file: certFile, key_file: keyFile, ca_file: caFile, client_cert } = smpps;
  return { certFile, keyFile, caFile, isRequired: client_cert === 'required' };
}

/** How long a settled batch waits for receipts before its rows are archived without them. */
const LINGER_MS = 10_000;
/** Of each stripe's data file: measured to last until 33,000 messages are settled and told of when the disk is full. */
const RESERVE_OCTETS = 4 * 1024 * 1024;

/** The bounds of each stripe of the message store. */
export function storeSettings({ store, archive }: Configuration): StoreSettings {
  return {
    maxQueued: store.max_messages,
    maxOutbox: archive.outbox_max_messages,
    diskReserveOctets: store.disk_reserve_mb * 1024 * 1024,
    lingerMs: LINGER_MS,
    reserveOctets: RESERVE_OCTETS,
  };
}
