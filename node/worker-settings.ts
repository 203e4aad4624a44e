import type { TrafficSettings } from '../actors/traffic.ts';
import type { Configuration } from '../adapters/config/schema.ts';
import type { ServerSettings } from '../adapters/smpp/server-session.ts';
import { DEFAULT_TIMERS } from '../adapters/smpp/session-messages.ts';
import type { WorkerSetup } from './worker-messages.ts';

const SECOND = 1000;

/** What of the configuration's common settings a traffic worker needs, of `workers` on this node. */
function trafficSettings(configuration: Configuration, workers: number): TrafficSettings {
  const { listeners, messages, receipts, retry } = configuration;
  return {
    intake: {
      validityMs: messages.validity_seconds * SECOND,
      validityMaxMs: messages.validity_max_seconds * SECOND,
      noRouteStatus: listeners.smpp.no_route_status,
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

/** What a worker of a node with so many workers is set up with. */
export function workerSetup(
  configuration: Configuration,
  workers: number,
  own: Omit<WorkerSetup, 'traffic' | 'server' | 'drainMs' | 'gates'>,
): WorkerSetup {
  return {
    traffic: trafficSettings(configuration, workers),
    server: serverSettings(configuration),
    drainMs: configuration.drain_seconds * SECOND,
    gates: undefined,
    ...own,
  };
}
