import { COMMAND_ID, type CommandName, commandName, responseIdOf } from './codec/command-id.ts';
import { STATUS } from './codec/command-status.ts';

/** Which end of the session we are: `smsc` when a customer bound to us, `esme` when we bind to a carrier. */
export type Side = 'smsc' | 'esme';

/** How a session is bound: what the ESME may do on it. */
export type BindType = 'transmitter' | 'receiver' | 'transceiver';

/**
 * OPEN: connected, nobody has bound (v3.4 §2.2).
 * BIND_PENDING: the bind is being checked (smsc), or its response has not come (esme).
 * BOUND_TX, BOUND_RX, BOUND_TRX: bound, messages flow (v3.4 §2.2).
 * DRAINING: we want to go: we begin nothing new, and unbind when the peer has answered what we sent. It does not know yet:
 *   what it sends is taken as before.
 * UNBINDING: our unbind is out, its response has not come; what the peer had sent before it read that is taken as well.
 * UNBOUND: the peer has unbound, or answered our unbind (v5.0 §2.3.5), or has not in time: what it sent before gets its
 *   answers, then we close.
 * CLOSED: the connection is closed, or closing.
 */
export type SessionState =
  'OPEN' | 'BIND_PENDING' | 'BOUND_TX' | 'BOUND_RX' | 'BOUND_TRX' | 'DRAINING' | 'UNBINDING' | 'UNBOUND' | 'CLOSED';

/** States in which what may come depends on the bind alone. */
type AsBound = 'DRAINING' | 'UNBINDING';

export const BOUND_STATE: Readonly<Record<BindType, 'BOUND_TX' | 'BOUND_RX' | 'BOUND_TRX'>> = {
  transmitter: 'BOUND_TX',
  receiver: 'BOUND_RX',
  transceiver: 'BOUND_TRX',
};

/** The type a bind request asks for; undefined for any other command. */
export function bindTypeOf(commandId: number): BindType | undefined {
  return BIND_TYPES[commandId];
}

const BIND_TYPES: Readonly<Record<number, BindType>> = {
  [COMMAND_ID.bind_transmitter]: 'transmitter',
  [COMMAND_ID.bind_receiver]: 'receiver',
  [COMMAND_ID.bind_transceiver]: 'transceiver',
};

const BINDS = ['bind_transmitter', 'bind_receiver', 'bind_transceiver'] as const satisfies readonly CommandName[];

/*
 * v3.4 Table 2-1 says which PDU is issued in which state. What is let through beyond it:
 * - enquire_link in every state: so in v5.0 Table 2-1, and peers probe before they bind;
 * - replace_sm in BOUND_TRX: so in v5.0 Table 2-1; v3.4 forgot it;
 * - the broadcast operations where v5.0 Table 2-1 has them, whatever version the session has.
 * data_sm from an ESME in BOUND_RX is v3.4's. DRAINING and UNBINDING are ours: the peer may still send what it was bound
 * for. A refusal would cost an ESME a message that another node takes a second later, and not every SMSC sends a receipt
 * twice.
 */
const FROM_TRANSMITTER = [
  'submit_sm',
  'submit_multi',
  'data_sm',
  'query_sm',
  'cancel_sm',
  'replace_sm',
  'broadcast_sm',
  'query_broadcast_sm',
  'cancel_broadcast_sm',
  'unbind',
  'enquire_link',
] as const satisfies readonly CommandName[];

const TO_RECEIVER = [
  'deliver_sm',
  'data_sm',
  'alert_notification',
  'unbind',
  'enquire_link',
] as const satisfies readonly CommandName[];

/** Requests by the side that receives them, v3.4 Table 2-1. */
export const ALLOWED: Readonly<Record<Side, Readonly<Record<Exclude<SessionState, AsBound>, readonly CommandName[]>>>> =
  {
    smsc: {
      OPEN: [...BINDS, 'enquire_link'],
      BIND_PENDING: ['enquire_link'],
      BOUND_TX: FROM_TRANSMITTER,
      BOUND_RX: ['data_sm', 'unbind', 'enquire_link'],
      BOUND_TRX: FROM_TRANSMITTER,
      UNBOUND: ['unbind', 'enquire_link'],
      CLOSED: [],
    },
    esme: {
      OPEN: ['outbind', 'enquire_link'],
      BIND_PENDING: ['enquire_link'],
      BOUND_TX: ['data_sm', 'unbind', 'enquire_link'],
      BOUND_RX: TO_RECEIVER,
      BOUND_TRX: TO_RECEIVER,
      UNBOUND: ['unbind', 'enquire_link'],
      CLOSED: [],
    },
  };

const REQUEST_IDS = 0x200;

function tableOf(commands: readonly CommandName[]): Uint8Array {
  const table = new Uint8Array(REQUEST_IDS);
  for (const command of commands) table[COMMAND_ID[command]] = 1;
  return table;
}

const RECEIVABLE = Object.fromEntries(
  Object.entries(ALLOWED).map(([side, states]) => [
    side,
    Object.fromEntries(Object.entries(states).map(([state, commands]) => [state, tableOf(commands)])),
  ]),
) as unknown as Readonly<Record<Side, Readonly<Record<Exclude<SessionState, AsBound>, Uint8Array>>>>;

/**
 * The requests we may receive, as a table: `receivable(side, state, bindType)[commandId] === 1`. A connection takes it
 * when its state changes, so that a submit_sm or deliver_sm costs one load and does not go through `step`. Never written
 * to.
 *
 * @param bindType undefined before a bind, after which alone a session can be DRAINING or UNBINDING
 */
export function receivable(side: Side, state: SessionState, bindType: BindType | undefined): Uint8Array {
  if (state !== 'DRAINING' && state !== 'UNBINDING') return RECEIVABLE[side][state];
  return RECEIVABLE[side][bindType === undefined ? 'UNBOUND' : BOUND_STATE[bindType]];
}

/** May this request be received now? False for every id nobody defined. */
export function mayReceive(
  side: Side,
  state: SessionState,
  bindType: BindType | undefined,
  commandId: number,
): boolean {
  return receivable(side, state, bindType)[commandId] === 1;
}

/** What to say to a request that `mayReceive` does not let through. `responseId` 0: by a generic_nack. */
export type Refusal = { readonly responseId: number; readonly status: number };

const MESSAGES: ReadonlySet<number> = new Set([
  COMMAND_ID.submit_sm,
  COMMAND_ID.submit_multi,
  COMMAND_ID.data_sm,
  COMMAND_ID.deliver_sm,
  COMMAND_ID.broadcast_sm,
]);

/**
 * v3.4 §2.8, §4.3; v5.0 §2.8.2. A message that comes after the peer's own goodbye gets a status that every peer takes for
 * "later": ESME_RTHROTTLED from an SMSC, ESME_RX_T_APPN from an ESME. ESME_RINVBNDSTS would be counted as a failure by
 * some, for a message that would have gone through a second before.
 */
export function refusalOf(side: Side, state: SessionState, commandId: number): Refusal {
  const name = commandName(commandId);
  if (name === undefined) return { responseId: 0, status: STATUS.ESME_RINVCMDID };
  const responseId = responseIdOf(commandId);
  if (side === 'smsc' && (BINDS as readonly CommandName[]).includes(name)) {
    return { responseId, status: STATUS.ESME_RALYBND };
  }
  const isEnding = state === 'UNBOUND' || state === 'CLOSED';
  if (isEnding && MESSAGES.has(commandId)) {
    return { responseId, status: side === 'smsc' ? STATUS.ESME_RTHROTTLED : STATUS.ESME_RX_T_APPN };
  }
  return { responseId, status: STATUS.ESME_RINVBNDSTS };
}

/** The newest version we speak: 5.0. */
export const OUR_VERSION = 0x50;

/**
 * The version of a session from what the peer says in interface_version (v3.4 §5.2.4, v5.0 §4.7.13) or in
 * sc_interface_version: up to 0x33 as it is, reserved values as the version below them, never more than `most`.
 */
export function sessionVersion(said: number, most = OUR_VERSION): number {
  const known = said >= 0x50 ? 0x50 : said >= 0x34 ? 0x34 : said;
  return Math.min(known, most);
}

/** May TLVs be sent? Never to a peer below 3.4 (v3.4 §3.4). */
export function hasTlvs(version: number): boolean {
  return version >= 0x34;
}
