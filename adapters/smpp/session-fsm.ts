import type { Unfinished } from '../../actors/bind/bind-actor.ts';
import { COMMAND_ID } from './codec/command-id.ts';
import { STATUS } from './codec/command-status.ts';
import type {
  CloseReason,
  Session,
  SessionActivity,
  SessionEffect,
  SessionEvent,
  SessionTimers,
} from './session-messages.ts';
import {
  type BindType,
  BOUND_STATE,
  hasTlvs,
  mayReceive,
  refusalOf,
  sessionVersion,
  type Side,
} from './session-states.ts';

export type Step = readonly [Session, readonly SessionEffect[]];

const NOTHING: readonly SessionEffect[] = [];
const PASS: readonly SessionEffect[] = [{ type: 'pass' }];

/** A session that has just been connected. The ESME side stays as it is until `connected` tells it what to bind as. */
export function openSession(side: Side, timers: SessionTimers, nowMs: number): Session {
  return {
    side,
    timers,
    state: 'OPEN',
    bindType: undefined,
    version: 0,
    bindSequence: 0,
    unbindSequence: -1,
    ending: 'unbound',
    deadlineMs: nowMs + timers.sessionInitMs,
    enquiredAtMs: -1,
    enquireLinkMissed: 0,
  };
}

/**
 * The life of a session, for both sides (v3.4 §2.2, §2.3; v5.0 §2.3, §2.4). Pure: no socket, clock or credentials in
 * here. An event that makes no sense in a state (a bind that was checked when the peer has hung up) changes nothing.
 */
export function step(s: Session, e: SessionEvent): Step {
  if (s.state === 'CLOSED') return [s, NOTHING];
  switch (e.type) {
    case 'connected':
      return sendBind(s, e.bindType, e.version, e.nowMs);
    case 'bind-requested':
      return bindRequested(s, e);
    case 'bind-accepted':
      return bindChecked(s, STATUS.ESME_ROK);
    case 'bind-refused':
      return bindChecked(s, e.status);
    case 'bind-answered':
      return bindAnswered(s, e.status, e.scInterfaceVersion);
    case 'request-received':
      return requestReceived(s, e.commandId, e.sequence, e.nowMs);
    case 'response-received':
      return responseReceived(s, e.commandId, e.status, e.nowMs);
    case 'unframeable':
      return close(s, 'unframeable', { type: 'nack', status: STATUS.ESME_RINVCMDLEN, sequence: e.sequence });
    case 'tick':
      return tick(s, e.nowMs, e.activity);
    case 'drain':
      return drain(s, e.nowMs + e.limitMs);
    case 'drained':
      return drained(s, e.nowMs);
    case 'kill':
      return close(s, 'killed');
    case 'disconnected':
      return close(s, s.state === 'UNBOUND' ? s.ending : 'disconnected');
    default:
      return e satisfies never;
  }
}

function close(s: Session, reason: CloseReason, ...before: SessionEffect[]): Step {
  return [{ ...s, state: 'CLOSED', deadlineMs: Infinity }, [...before, { type: 'close', reason, status: 0 }]];
}

// Binding

function sendBind(s: Session, bindType: BindType, version: number, nowMs: number): Step {
  if (s.side !== 'esme' || s.state !== 'OPEN') return [s, NOTHING];
  const deadlineMs = nowMs + s.timers.bindMs;
  return [{ ...s, state: 'BIND_PENDING', bindType, version, deadlineMs }, [{ type: 'send-bind', bindType, version }]];
}

function bindRequested(s: Session, e: Extract<SessionEvent, { type: 'bind-requested' }>): Step {
  const { bindType, sequence } = e;
  if (s.side !== 'smsc' || s.state !== 'OPEN') {
    return refuse(s, COMMAND_ID[`bind_${bindType}`], sequence);
  }
  const version = sessionVersion(e.version);
  const deadlineMs = e.nowMs + s.timers.bindMs;
  return [
    { ...s, state: 'BIND_PENDING', bindType, version, bindSequence: sequence, deadlineMs },
    [{ type: 'check-bind', bindType, version }],
  ];
}

function answerBind(s: Session, bindType: BindType, status: number): SessionEffect {
  // v3.4 §3.4: no TLV to a peer below 3.4. The version of the session, not ours: to 3.4 any other value is reserved.
  const scInterfaceVersion = hasTlvs(s.version) ? s.version : 0;
  return { type: 'answer-bind', bindType, status, sequence: s.bindSequence, scInterfaceVersion };
}

function bindChecked(s: Session, status: number): Step {
  const { bindType, version } = s;
  if (s.side !== 'smsc' || s.state !== 'BIND_PENDING' || bindType === undefined) return [s, NOTHING];
  if (status !== STATUS.ESME_ROK) return close(s, 'bind-refused', answerBind(s, bindType, status));
  return [
    { ...s, state: BOUND_STATE[bindType], deadlineMs: Infinity },
    [answerBind(s, bindType, status), { type: 'bound', bindType, version }],
  ];
}

/**
 * v3.4 §3.4 lets an SMSC that sends no sc_interface_version be taken for one without TLVs. Leniency: most SMSCs that
 * leave it out know TLVs well, so without it the session has the version we asked for.
 */
function bindAnswered(s: Session, status: number, said: number | undefined): Step {
  const { bindType } = s;
  if (s.side !== 'esme' || s.state !== 'BIND_PENDING' || bindType === undefined) return [s, NOTHING];
  if (status !== STATUS.ESME_ROK) return bindRefused(s, status);
  const version = said === undefined ? s.version : sessionVersion(said, s.version);
  return [
    { ...s, state: BOUND_STATE[bindType], version, deadlineMs: Infinity },
    [{ type: 'bound', bindType, version }],
  ];
}

function bindRefused(s: Session, status: number): Step {
  return [{ ...s, state: 'CLOSED', deadlineMs: Infinity }, [{ type: 'close', reason: 'bind-refused', status }]];
}

// Requests and responses

function refuse(s: Session, commandId: number, sequence: number): Step {
  const { responseId, status } = refusalOf(s.side, s.state, commandId);
  return [
    s,
    [responseId === 0 ? { type: 'nack', status, sequence } : { type: 'respond', responseId, status, sequence }],
  ];
}

function requestReceived(s: Session, commandId: number, sequence: number, nowMs: number): Step {
  if (!mayReceive(s.side, s.state, s.bindType, commandId)) return refuse(s, commandId, sequence);
  if (commandId === COMMAND_ID.enquire_link) {
    const responseId = COMMAND_ID.enquire_link_resp;
    return [s, [{ type: 'respond', responseId, status: STATUS.ESME_ROK, sequence }]];
  }
  return commandId === COMMAND_ID.unbind ? unbindReceived(s, sequence, nowMs) : [s, PASS];
}

/**
 * The peer wants to go. What is under way is finished first, in both directions: an unanswered submit_sm would be sent
 * again by it, an unanswered deliver_sm by us. Usually that is done at once, and it is never waited for long: an
 * application that is going down may answer no more.
 */
function unbindReceived(s: Session, sequence: number, nowMs: number): Step {
  const asked = { ...s, unbindSequence: sequence };
  // It crosses ours: what we had sent was finished, or given up, before that.
  if (s.state === 'UNBINDING') return unbound(asked, 'unbound', 'theirs', nowMs);
  return s.state === 'UNBOUND' ? [asked, NOTHING] : unbound(asked, 'peer-unbound', 'all', nowMs);
}

/** The peer sends nothing new any more: when it has its answers, the session ends. */
function unbound(s: Session, ending: CloseReason, whose: Unfinished, nowMs: number): Step {
  // UNBINDING: the deadline is that of the unbind_resp, which was another wait.
  const until = s.state === 'DRAINING' ? s.deadlineMs : Infinity;
  const deadlineMs = Math.min(until, nowMs + s.timers.unbindMs);
  return [{ ...s, state: 'UNBOUND', ending, deadlineMs }, [{ type: 'finish', whose }]];
}

function unbindResp(sequence: number): SessionEffect {
  return { type: 'respond', responseId: COMMAND_ID.unbind_resp, status: STATUS.ESME_ROK, sequence };
}

function responseReceived(s: Session, commandId: number, status: number, nowMs: number): Step {
  if (commandId === COMMAND_ID.unbind_resp) {
    return s.state === 'UNBINDING' ? unbound(s, 'unbound', 'theirs', nowMs) : [s, NOTHING];
  }
  // Its arrival is all that counts, and that is in the activity.
  if (commandId === COMMAND_ID.enquire_link_resp) return [s, NOTHING];
  // In this state our bind is the only thing it can be about (v3.4 §4.1: an SMSC that lacks bind_transceiver).
  if (commandId === COMMAND_ID.generic_nack && s.side === 'esme' && s.state === 'BIND_PENDING') {
    return bindRefused(s, status);
  }
  return [s, PASS];
}

// Ending

function drain(s: Session, deadlineMs: number): Step {
  switch (s.state) {
    case 'BIND_PENDING':
      if (s.side === 'smsc' && s.bindType !== undefined) {
        return close(s, 'unbound', answerBind(s, s.bindType, STATUS.ESME_RSYSERR));
      }
      return close(s, 'unbound');
    case 'OPEN':
      return close(s, 'unbound');
    case 'DRAINING':
    case 'UNBINDING':
    case 'UNBOUND':
    case 'CLOSED':
      return [s, NOTHING];
    case 'BOUND_TX':
    case 'BOUND_RX':
    case 'BOUND_TRX':
      return [{ ...s, state: 'DRAINING', deadlineMs }, [{ type: 'finish', whose: 'ours' }]];
    default:
      return s.state satisfies never;
  }
}

function drained(s: Session, nowMs: number): Step {
  if (s.state === 'DRAINING') return sendUnbind(s, nowMs);
  return s.state === 'UNBOUND' ? leave(s) : [s, NOTHING];
}

function leave(s: Session): Step {
  return s.unbindSequence >= 0 ? close(s, s.ending, unbindResp(s.unbindSequence)) : close(s, s.ending);
}

function sendUnbind(s: Session, nowMs: number): Step {
  const deadlineMs = nowMs + s.timers.unbindMs;
  return [{ ...s, state: 'UNBINDING', deadlineMs }, [{ type: 'send', command: 'unbind' }]];
}

// Timers

function tick(s: Session, nowMs: number, activity: Readonly<SessionActivity>): Step {
  if (nowMs >= s.deadlineMs) return overdue(s, nowMs);
  const { partialSinceMs, blockedSinceMs } = activity;
  if (blockedSinceMs >= 0) {
    // What it may have answered is not read meanwhile, so nothing else is held against it.
    return nowMs - blockedSinceMs >= s.timers.outputMs ? close(s, 'output-timeout') : [s, NOTHING];
  }
  if (partialSinceMs >= 0 && nowMs - partialSinceMs >= s.timers.pduReadMs) return close(s, 'pdu-read-timeout');
  switch (s.state) {
    case 'BOUND_TX':
    case 'BOUND_RX':
    case 'BOUND_TRX':
      if (nowMs - activity.lastMessageMs >= s.timers.inactivityMs) return sendUnbind(s, nowMs);
      return enquireLink(s, nowMs, activity.lastReceivedMs);
    case 'DRAINING':
      return enquireLink(s, nowMs, activity.lastReceivedMs);
    case 'OPEN':
    case 'BIND_PENDING':
    case 'UNBINDING':
    case 'UNBOUND':
    case 'CLOSED':
      return [s, NOTHING];
    default:
      return s.state satisfies never;
  }
}

function overdue(s: Session, nowMs: number): Step {
  switch (s.state) {
    case 'OPEN':
      return close(s, 'session-init-timeout');
    case 'BIND_PENDING':
      if (s.side === 'smsc' && s.bindType !== undefined) {
        return close(s, 'bind-timeout', answerBind(s, s.bindType, STATUS.ESME_RSYSERR));
      }
      return close(s, 'bind-timeout');
    case 'DRAINING':
      return sendUnbind(s, nowMs);
    case 'UNBINDING':
      return unbound(s, 'unbind-timeout', 'theirs', nowMs);
    case 'UNBOUND':
      return leave(s);
    case 'BOUND_TX':
    case 'BOUND_RX':
    case 'BOUND_TRX':
    case 'CLOSED':
      return [s, NOTHING];
    default:
      return s.state satisfies never;
  }
}

function enquireLink(s: Session, nowMs: number, lastReceivedMs: number): Step {
  const { enquiredAtMs, timers } = s;
  const isAnswered = enquiredAtMs >= 0 && lastReceivedMs >= enquiredAtMs;
  if (enquiredAtMs >= 0 && !isAnswered) {
    if (nowMs - enquiredAtMs < timers.responseMs) return [s, NOTHING];
    const enquireLinkMissed = s.enquireLinkMissed + 1;
    if (enquireLinkMissed >= timers.enquireLinkMisses) return close(s, 'enquire-link-timeout');
    return [{ ...s, enquiredAtMs: nowMs, enquireLinkMissed }, [{ type: 'send', command: 'enquire_link' }]];
  }
  if (nowMs - lastReceivedMs >= timers.enquireLinkMs) {
    return [{ ...s, enquiredAtMs: nowMs, enquireLinkMissed: 0 }, [{ type: 'send', command: 'enquire_link' }]];
  }
  return isAnswered ? [{ ...s, enquiredAtMs: -1, enquireLinkMissed: 0 }, NOTHING] : [s, NOTHING];
}
