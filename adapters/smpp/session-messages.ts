import type { Unfinished } from '../../actors/bind/bind-actor.ts';
import type { BindType, SessionState, Side } from './session-states.ts';

/** The timers of v3.4 §7.2, v5.0 §2.7, and ours. All in milliseconds; Infinity switches one off. */
export type SessionTimers = {
  /** session_init_timer: from the connection to a bind. SMSC side. */
  readonly sessionInitMs: number;
  /** For a bind: its check on the SMSC side, its response on the ESME side. */
  readonly bindMs: number;
  /** response_timer: for an enquire_link. */
  readonly responseMs: number;
  /** enquire_link_timer: silence after which we ask. */
  readonly enquireLinkMs: number;
  /** Unanswered enquire_links in a row that end the session. */
  readonly enquireLinkMisses: number;
  /** inactivity_timer: time without a message (enquire_link is none) after which we unbind. */
  readonly inactivityMs: number;
  /** How long a PDU may be half here. */
  readonly pduReadMs: number;
  /** How long a peer may leave unread what we have for it (`Output.blocked`). */
  readonly outputMs: number;
  /** How long we wait for an unbind_resp, and let the peer wait for one, or for its last answers, afterwards. */
  readonly unbindMs: number;
};

export const DEFAULT_TIMERS: SessionTimers = {
  sessionInitMs: 10_000,
  bindMs: 30_000,
  responseMs: 30_000,
  enquireLinkMs: 30_000,
  enquireLinkMisses: 1,
  inactivityMs: Infinity,
  pduReadMs: 10_000,
  outputMs: 60_000,
  unbindMs: 5_000,
};

/** One session; a value, never changed in place. Times are of a monotonic clock. */
export type Session = {
  readonly side: Side;
  readonly timers: SessionTimers;
  readonly state: SessionState;
  /** Set from the bind on. */
  readonly bindType: BindType | undefined;
  /** interface_version both speak; from the bind on. See `sessionVersion`. */
  readonly version: number;
  /** SMSC side, BIND_PENDING: the bind to answer. */
  readonly bindSequence: number;
  /** UNBOUND because the peer sent an unbind: the one to answer at the end; -1 otherwise. */
  readonly unbindSequence: number;
  /** UNBOUND: what it will have ended for. */
  readonly ending: CloseReason;
  /** When what the state waits for is overdue; Infinity when it waits for nothing. */
  readonly deadlineMs: number;
  /** Our unanswered enquire_link was sent then; -1 when there is none. */
  readonly enquiredAtMs: number;
  readonly enquireLinkMissed: number;
};

/** What the connection knows without asking anybody; it keeps one of these and changes it in place. */
export type SessionActivity = {
  /** When octets came last. Any octets: a peer may answer an enquire_link by anything (v3.4 §4.11). */
  lastReceivedMs: number;
  /** When a message or the response to one came or went last; the time of the bind before that. */
  lastMessageMs: number;
  /** Since when a PDU is half here; -1 when none is. */
  partialSinceMs: number;
  /** Since when the peer leaves so much unread that we write and read no more; -1 when it does not. */
  blockedSinceMs: number;
};

/**
 * What happens to a session. submit_sm, deliver_sm and their responses do not come this way: the connection handles
 * them with `receivable` and its window.
 */
export type SessionEvent =
  /** esme: the connection is made; bind with this. */
  | {
      readonly type: 'connected';
      readonly nowMs: number;
      readonly bindType: BindType;
      readonly version: number;
    }
  /** smsc: a bind was decoded; `version` is its interface_version. */
  | {
      readonly type: 'bind-requested';
      readonly nowMs: number;
      readonly bindType: BindType;
      readonly version: number;
      readonly sequence: number;
    }
  /** smsc: what came of the check. */
  | { readonly type: 'bind-accepted'; readonly nowMs: number }
  | { readonly type: 'bind-refused'; readonly nowMs: number; readonly status: number }
  /** esme: the bind_*_resp came; `scInterfaceVersion` undefined when it had no such TLV. */
  | {
      readonly type: 'bind-answered';
      readonly nowMs: number;
      readonly status: number;
      readonly scInterfaceVersion: number | undefined;
    }
  /** Any other request: unbind, enquire_link, query_sm, one of an unknown id. */
  | { readonly type: 'request-received'; readonly nowMs: number; readonly commandId: number; readonly sequence: number }
  /** Any other response: unbind_resp, enquire_link_resp, generic_nack, query_sm_resp. */
  | { readonly type: 'response-received'; readonly nowMs: number; readonly commandId: number; readonly status: number }
  /** The framer gave up; sequence 0 when the header had not come. */
  | { readonly type: 'unframeable'; readonly sequence: number }
  /** Once a second or so. */
  | { readonly type: 'tick'; readonly nowMs: number; readonly activity: Readonly<SessionActivity> }
  /** We want to end the session politely: what is under way has `limitMs` to be finished. */
  | { readonly type: 'drain'; readonly nowMs: number; readonly limitMs: number }
  /** What the `finish` effect asked for is done. */
  | { readonly type: 'drained'; readonly nowMs: number }
  /** We want to end it now. */
  | { readonly type: 'kill' }
  /** The connection is gone. */
  | { readonly type: 'disconnected' };

export type CloseReason =
  | 'session-init-timeout'
  | 'bind-timeout'
  | 'bind-refused'
  | 'enquire-link-timeout'
  | 'pdu-read-timeout'
  | 'output-timeout'
  | 'unbind-timeout'
  | 'unframeable'
  | 'peer-unbound'
  | 'unbound'
  | 'killed'
  | 'disconnected';

/** What the connection has to do, in order. */
export type SessionEffect =
  /** smsc: find out whether this bind is welcome, then `bind-accepted` or `bind-refused`. */
  | { readonly type: 'check-bind'; readonly bindType: BindType; readonly version: number }
  /** smsc: answer the bind. `scInterfaceVersion` 0: without the TLV. */
  | {
      readonly type: 'answer-bind';
      readonly bindType: BindType;
      readonly status: number;
      readonly sequence: number;
      readonly scInterfaceVersion: number;
    }
  /** esme: send the bind. */
  | { readonly type: 'send-bind'; readonly bindType: BindType; readonly version: number }
  /** Send a request of ours, with the next sequence number. */
  | { readonly type: 'send'; readonly command: 'enquire_link' | 'unbind' }
  /** Send a response that is a bare header. */
  | { readonly type: 'respond'; readonly responseId: number; readonly status: number; readonly sequence: number }
  | { readonly type: 'nack'; readonly status: number; readonly sequence: number }
  /** Messages may flow. */
  | { readonly type: 'bound'; readonly bindType: BindType; readonly version: number }
  /** The PDU of this event is allowed, and not the session's business: handle it. */
  | { readonly type: 'pass' }
  /** Begin nothing new, and send `drained` when each of these requests has its answer. */
  | { readonly type: 'finish'; readonly whose: Unfinished }
  /** Write out what is to be written, then close. `status` is the peer's, where it refused our bind. */
  | { readonly type: 'close'; readonly reason: CloseReason; readonly status: number };
