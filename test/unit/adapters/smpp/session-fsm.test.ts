import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { COMMAND_ID } from '../../../../adapters/smpp/codec/command-id.ts';
import { openSession, step } from '../../../../adapters/smpp/session-fsm.ts';
import {
  DEFAULT_TIMERS,
  type Session,
  type SessionActivity,
  type SessionEffect,
  type SessionEvent,
  type SessionTimers,
} from '../../../../adapters/smpp/session-messages.ts';
import { type BindType, BOUND_STATE, type Side } from '../../../../adapters/smpp/session-states.ts';

const T0 = 1_000_000;
const BIND_TYPES: readonly BindType[] = ['transmitter', 'receiver', 'transceiver'];

/** Runs the events one after the other; gives the last state, and the effects of the last event. */
function run(from: Session, ...events: SessionEvent[]): readonly [Session, readonly SessionEffect[]] {
  let session = from;
  let effects: readonly SessionEffect[] = [];
  for (const event of events) [session, effects] = step(session, event);
  return [session, effects];
}

const open = (side: Side, timers: Partial<SessionTimers> = {}): Session =>
  openSession(side, { ...DEFAULT_TIMERS, ...timers }, T0);

const bindRequested = (bindType: BindType = 'transceiver', version = 0x34, sequence = 1): SessionEvent => ({
  type: 'bind-requested',
  nowMs: T0,
  bindType,
  version,
  sequence,
});

const request = (command: keyof typeof COMMAND_ID, sequence = 5, nowMs = T0): SessionEvent => ({
  type: 'request-received',
  nowMs,
  commandId: COMMAND_ID[command],
  sequence,
});

const response = (command: keyof typeof COMMAND_ID, status = 0): SessionEvent => ({
  type: 'response-received',
  nowMs: T0,
  commandId: COMMAND_ID[command],
  status,
});

const tick = (nowMs: number, activity: Partial<SessionActivity> = {}): SessionEvent => ({
  type: 'tick',
  nowMs,
  activity: { lastReceivedMs: T0, lastMessageMs: T0, partialSinceMs: -1, blockedSinceMs: -1, ...activity },
});

function bound(side: Side, bindType: BindType = 'transceiver', timers: Partial<SessionTimers> = {}): Session {
  const s = open(side, timers);
  const [session] =
    side === 'smsc'
      ? run(s, bindRequested(bindType), { type: 'bind-accepted', nowMs: T0 })
      : run(
          s,
          { type: 'connected', nowMs: T0, bindType, version: 0x34 },
          { type: 'bind-answered', nowMs: T0, status: 0, scInterfaceVersion: 0x34 },
        );
  expect(session.state).toBe(BOUND_STATE[bindType]);
  return session;
}

const close = (reason: string, status = 0) => ({ type: 'close', reason, status });

describe('SMSC side: binding', () => {
  it.each(BIND_TYPES)('checks a bind_%s, answers it, and is bound', bindType => {
    const [pending, check] = step(open('smsc'), bindRequested(bindType, 0x34, 77));
    expect(pending.state).toBe('BIND_PENDING');
    expect(check).toEqual([{ type: 'check-bind', bindType, version: 0x34 }]);
    const [session, effects] = step(pending, { type: 'bind-accepted', nowMs: T0 });
    expect(session.state).toBe(BOUND_STATE[bindType]);
    expect(effects).toEqual([
      { type: 'answer-bind', bindType, status: 0, sequence: 77, scInterfaceVersion: 0x34 },
      { type: 'bound', bindType, version: 0x34 },
    ]);
  });

  it.each([
    [0x33, 0x33, 0],
    [0x00, 0x00, 0],
    [0x34, 0x34, 0x34],
    [0x50, 0x50, 0x50],
    [0x42, 0x34, 0x34],
  ])('interface_version 0x%i gives a session of 0x%i and sc_interface_version %i', (said, version, tlv) => {
    const [session, [answer]] = run(open('smsc'), bindRequested('receiver', said), {
      type: 'bind-accepted',
      nowMs: T0,
    });
    expect(session.version).toBe(version);
    expect(answer).toMatchObject({ type: 'answer-bind', scInterfaceVersion: tlv });
  });

  it('answers a refused bind with the status and closes', () => {
    const [session, effects] = run(open('smsc'), bindRequested(), { type: 'bind-refused', nowMs: T0, status: 0x0d });
    expect(session.state).toBe('CLOSED');
    expect(effects).toEqual([
      { type: 'answer-bind', bindType: 'transceiver', status: 0x0d, sequence: 1, scInterfaceVersion: 0x34 },
      close('bind-refused'),
    ]);
  });

  it('answers a second bind with ESME_RALYBND and stays, pending or bound', () => {
    const [pending] = step(open('smsc'), bindRequested());
    for (const session of [pending, bound('smsc', 'receiver')]) {
      const [after, effects] = step(session, bindRequested('transmitter', 0x34, 9));
      expect(after).toEqual(session);
      expect(effects).toEqual([
        { type: 'respond', responseId: COMMAND_ID.bind_transmitter_resp, status: 0x05, sequence: 9 },
      ]);
    }
  });

  it('closes when no bind comes in time, and not before', () => {
    expect(step(open('smsc'), tick(T0 + 9_999))[1]).toEqual([]);
    expect(step(open('smsc'), tick(T0 + 10_000))).toMatchObject([{ state: 'CLOSED' }, [close('session-init-timeout')]]);
    // Traffic that is no bind does not help.
    const [session] = run(open('smsc'), request('enquire_link'), request('submit_sm'));
    expect(step(session, tick(T0 + 10_000, { lastReceivedMs: T0 + 9_999 }))[1]).toEqual([
      close('session-init-timeout'),
    ]);
  });

  it('does not leave a bind unanswered when its check does not come back', () => {
    const [pending] = step(open('smsc'), bindRequested());
    expect(step(pending, tick(T0 + 29_999))[1]).toEqual([]);
    const [session, effects] = step(pending, tick(T0 + 30_000));
    expect(effects).toMatchObject([{ type: 'answer-bind', status: 0x08 }, close('bind-timeout')]);
    expect(step(session, { type: 'bind-accepted', nowMs: T0 })).toEqual([session, []]);
  });

  it('answers enquire_link before a bind, and refuses messages', () => {
    const [session, effects] = step(open('smsc'), request('enquire_link', 3));
    expect(effects).toEqual([{ type: 'respond', responseId: COMMAND_ID.enquire_link_resp, status: 0, sequence: 3 }]);
    expect(session.state).toBe('OPEN');
    expect(step(session, request('query_sm', 4))[1]).toEqual([
      { type: 'respond', responseId: COMMAND_ID.query_sm_resp, status: 0x04, sequence: 4 },
    ]);
  });
});

describe('ESME side: binding', () => {
  const connected = (bindType: BindType, version = 0x34): SessionEvent => ({
    type: 'connected',
    nowMs: T0,
    bindType,
    version,
  });

  it.each(BIND_TYPES)('sends a bind_%s and is bound by its answer', bindType => {
    const [pending, effects] = step(open('esme'), connected(bindType));
    expect(pending.state).toBe('BIND_PENDING');
    expect(effects).toEqual([{ type: 'send-bind', bindType, version: 0x34 }]);
    const answered = { type: 'bind-answered', nowMs: T0, status: 0, scInterfaceVersion: 0x34 } as const;
    expect(step(pending, answered)).toMatchObject([
      { state: BOUND_STATE[bindType] },
      [{ type: 'bound', bindType, version: 0x34 }],
    ]);
  });

  it.each([
    [0x50, 0x50, 0x50],
    [0x50, 0x34, 0x34],
    [0x50, 0x33, 0x33],
    [0x34, 0x50, 0x34],
    [0x34, undefined, 0x34],
    [0x33, 0x34, 0x33],
  ])('we said 0x%i, they %s: the session is 0x%i', (ours, theirs, version) => {
    const [session] = run(open('esme'), connected('transceiver', ours), {
      type: 'bind-answered',
      nowMs: T0,
      status: 0,
      scInterfaceVersion: theirs,
    });
    expect(session.version).toBe(version);
  });

  it('closes on a refusal, with the status, by a response or by a generic_nack', () => {
    const [pending] = step(open('esme'), connected('transceiver'));
    const refused = { type: 'bind-answered', nowMs: T0, status: 0x05, scInterfaceVersion: undefined } as const;
    expect(step(pending, refused)).toMatchObject([{ state: 'CLOSED' }, [close('bind-refused', 0x05)]]);
    expect(step(pending, response('generic_nack', 0x03))[1]).toEqual([close('bind-refused', 0x03)]);
  });

  it('closes when the bind is not answered in time', () => {
    const [pending] = step(open('esme'), connected('transceiver'));
    expect(step(pending, tick(T0 + 29_999))[1]).toEqual([]);
    expect(step(pending, tick(T0 + 30_000))[1]).toEqual([close('bind-timeout')]);
  });

  it('takes no bind from the other side', () => {
    const [session, effects] = step(bound('esme'), bindRequested('transmitter', 0x34, 8));
    expect(effects).toEqual([
      { type: 'respond', responseId: COMMAND_ID.bind_transmitter_resp, status: 0x04, sequence: 8 },
    ]);
    expect(session.state).toBe('BOUND_TRX');
  });
});

describe('bound', () => {
  it('passes what is allowed, refuses what is not, and stays', () => {
    const rx = bound('smsc', 'receiver');
    const trx = bound('smsc', 'transceiver');
    expect(step(trx, request('query_sm'))).toEqual([trx, [{ type: 'pass' }]]);
    expect(step(rx, request('query_sm'))).toEqual([
      rx,
      [{ type: 'respond', responseId: COMMAND_ID.query_sm_resp, status: 0x04, sequence: 5 }],
    ]);
    expect(step(trx, { type: 'request-received', nowMs: T0, commandId: 0x110, sequence: 6 })).toEqual([
      trx,
      [{ type: 'nack', status: 0x03, sequence: 6 }],
    ]);
    expect(step(bound('esme', 'receiver'), request('alert_notification'))[1]).toEqual([{ type: 'pass' }]);
    expect(step(bound('esme', 'transmitter'), request('alert_notification', 7))[1]).toEqual([
      { type: 'nack', status: 0x04, sequence: 7 },
    ]);
  });

  it('passes responses, and answers none', () => {
    for (const command of ['query_sm_resp', 'generic_nack', 'cancel_sm_resp'] as const) {
      expect(step(bound('esme'), response(command, 1))[1]).toEqual([{ type: 'pass' }]);
    }
    for (const command of ['enquire_link_resp', 'unbind_resp'] as const) {
      expect(step(bound('esme'), response(command))[1]).toEqual([]);
    }
  });

  it('asks with enquire_link after silence, once, and is content with any octets', () => {
    const s = bound('smsc');
    expect(step(s, tick(T0 + 29_999))[1]).toEqual([]);
    const [asked, effects] = step(s, tick(T0 + 30_000));
    expect(effects).toEqual([{ type: 'send', command: 'enquire_link' }]);
    expect(step(asked, tick(T0 + 40_000))).toEqual([asked, []]);
    const [heard, none] = step(asked, tick(T0 + 50_000, { lastReceivedMs: T0 + 45_000 }));
    expect(none).toEqual([]);
    expect(heard).toEqual(s);
    expect(step(heard, tick(T0 + 75_000, { lastReceivedMs: T0 + 45_000 }))[1]).toEqual([
      { type: 'send', command: 'enquire_link' },
    ]);
  });

  it('closes when enquire_link is not answered as often as it may be', () => {
    const [asked] = step(bound('smsc'), tick(T0 + 30_000));
    expect(step(asked, tick(T0 + 59_999))[1]).toEqual([]);
    expect(step(asked, tick(T0 + 60_000))[1]).toEqual([close('enquire-link-timeout')]);

    const [one] = step(bound('smsc', 'transceiver', { enquireLinkMisses: 2 }), tick(T0 + 30_000));
    const [two, again] = step(one, tick(T0 + 60_000));
    expect(again).toEqual([{ type: 'send', command: 'enquire_link' }]);
    expect(step(two, tick(T0 + 90_000))[1]).toEqual([close('enquire-link-timeout')]);
    // One answer, and it counts from the beginning.
    const [heard] = step(two, tick(T0 + 70_000, { lastReceivedMs: T0 + 65_000 }));
    expect(heard.enquireLinkMissed).toBe(0);
  });

  it('closes on a PDU that stays half', () => {
    for (const s of [open('smsc'), bound('smsc'), bound('esme')]) {
      const lately = { lastReceivedMs: T0 + 9_000 };
      expect(step(s, tick(T0 + 9_998, { ...lately, partialSinceMs: T0 }))[1]).toEqual([]);
      const late = tick(T0 + 9_999, { ...lately, partialSinceMs: T0 - 1 });
      expect(step(s, late)[1]).toEqual([close('pdu-read-timeout')]);
    }
  });

  it('closes on a peer that does not read, and holds nothing else against it meanwhile', () => {
    const [asked] = step(bound('smsc'), tick(T0 + 30_000));
    const unread = { blockedSinceMs: T0 + 40_000, partialSinceMs: T0 };
    expect(step(asked, tick(T0 + 99_999, unread))).toEqual([asked, []]);
    expect(step(asked, tick(T0 + 100_000, unread))).toMatchObject([{ state: 'CLOSED' }, [close('output-timeout')]]);
  });

  it('unbinds after a time without messages, however many enquire_links', () => {
    const s = bound('smsc', 'transceiver', { inactivityMs: 300_000 });
    const heard = { lastReceivedMs: T0 + 299_000 };
    expect(step(s, tick(T0 + 299_999, heard))[1]).toEqual([]);
    expect(step(s, tick(T0 + 300_000, heard))).toMatchObject([
      { state: 'UNBINDING' },
      [{ type: 'send', command: 'unbind' }],
    ]);
    expect(step(s, tick(T0 + 300_000, { ...heard, lastMessageMs: T0 + 1 }))[1]).toEqual([]);
  });

  it('nacks what cannot be framed and closes', () => {
    for (const s of [open('smsc'), bound('smsc'), bound('esme')]) {
      expect(step(s, { type: 'unframeable', sequence: 9 })).toMatchObject([
        { state: 'CLOSED' },
        [{ type: 'nack', status: 0x02, sequence: 9 }, close('unframeable')],
      ]);
    }
  });
});

const unbindResp = (sequence: number) => ({
  type: 'respond',
  responseId: COMMAND_ID.unbind_resp,
  status: 0,
  sequence,
});

describe.each(['smsc', 'esme'] as const)('%s side: the end', side => {
  it('the peer unbinds: its requests are answered first, then the unbind, then we close', () => {
    const [leaving, effects] = step(bound(side), request('unbind', 42));
    expect(leaving.state).toBe('UNBOUND');
    expect(effects).toEqual([{ type: 'finish', whose: 'all' }]);
    expect(step(leaving, { type: 'drained', nowMs: T0 })).toMatchObject([
      { state: 'CLOSED' },
      [unbindResp(42), close('peer-unbound')],
    ]);
  });

  it('the peer unbinds, and an answer does not get ready in time', () => {
    const [leaving] = step(bound(side), request('unbind', 42));
    expect(step(leaving, tick(T0 + 4_999))[1]).toEqual([]);
    expect(step(leaving, tick(T0 + 5_000))[1]).toEqual([unbindResp(42), close('peer-unbound')]);
  });

  it('we unbind: finish, unbind, close on its response', () => {
    const [draining, finish] = step(bound(side), { type: 'drain', nowMs: T0, limitMs: 10_000 });
    expect(finish).toEqual([{ type: 'finish', whose: 'ours' }]);
    const [unbinding, unbind] = step(draining, { type: 'drained', nowMs: T0 });
    expect([unbinding.state, unbind]).toEqual(['UNBINDING', [{ type: 'send', command: 'unbind' }]]);
    const [unbound, answers] = step(unbinding, response('unbind_resp'));
    expect([unbound.state, answers]).toEqual(['UNBOUND', [{ type: 'finish', whose: 'theirs' }]]);
    expect(step(unbound, { type: 'drained', nowMs: T0 })).toMatchObject([{ state: 'CLOSED' }, [close('unbound')]]);
    // Its last answers do not get ready in time; or it does not wait for them.
    expect(step(unbound, tick(unbound.deadlineMs))[1]).toEqual([close('unbound')]);
    expect(step(unbound, { type: 'disconnected' })[1]).toEqual([close('unbound')]);
  });

  it('we unbind, and nothing comes of it', () => {
    const [draining] = step(bound(side), { type: 'drain', nowMs: T0, limitMs: 10_000 });
    const [unbinding, effects] = step(draining, tick(T0 + 10_000));
    expect(effects).toEqual([{ type: 'send', command: 'unbind' }]);
    expect(step(unbinding, tick(T0 + 14_999))[1]).toEqual([]);
    const [unbound, answers] = step(unbinding, tick(T0 + 15_000));
    expect(answers).toEqual([{ type: 'finish', whose: 'theirs' }]);
    expect(step(unbound, { type: 'drained', nowMs: T0 })[1]).toEqual([close('unbind-timeout')]);
    expect(step(unbound, tick(T0 + 20_000))[1]).toEqual([close('unbind-timeout')]);
  });

  it('both unbind at once', () => {
    const [draining] = step(bound(side), { type: 'drain', nowMs: T0, limitMs: 10_000 });
    // Its unbind comes while we drain: answered at the end, and ours is not needed.
    const [asked, effects] = step(draining, request('unbind', 8, T0 + 2_000));
    expect(effects).toEqual([{ type: 'finish', whose: 'all' }]);
    expect(asked.deadlineMs).toBe(T0 + 7_000);
    expect(step(draining, request('unbind', 8, T0 + 8_000))[0].deadlineMs).toBe(draining.deadlineMs);
    expect(step(asked, { type: 'drained', nowMs: T0 })[1]).toEqual([unbindResp(8), close('peer-unbound')]);
    // Its unbind crosses ours.
    const [unbinding] = step(draining, { type: 'drained', nowMs: T0 });
    const [unbound, theirs] = step(unbinding, request('unbind', 9));
    expect(theirs).toEqual([{ type: 'finish', whose: 'theirs' }]);
    expect(step(unbound, { type: 'drained', nowMs: T0 })[1]).toEqual([unbindResp(9), close('unbound')]);
  });

  it('a message that comes before the peer has unbound is taken, one behind that is refused for later', () => {
    const [draining] = step(bound(side), { type: 'drain', nowMs: T0, limitMs: 10_000 });
    const [unbinding] = step(draining, { type: 'drained', nowMs: T0 });
    const message = side === 'esme' ? 'deliver_sm' : 'submit_sm';
    for (const ending of [draining, unbinding]) {
      expect(step(ending, request(message, 3))).toEqual([ending, [{ type: 'pass' }]]);
    }
    const [unbound] = step(unbinding, response('unbind_resp'));
    const [responseId, status] =
      side === 'esme' ? [COMMAND_ID.deliver_sm_resp, 0x64] : [COMMAND_ID.submit_sm_resp, 0x58];
    expect(step(unbound, request(message, 3))[1]).toEqual([{ type: 'respond', responseId, status, sequence: 3 }]);
  });

  it('the line is kept alive while we end', () => {
    const [draining] = step(bound(side), { type: 'drain', nowMs: T0, limitMs: 10_000 });
    expect(step(draining, request('enquire_link', 4))[1]).toMatchObject([{ type: 'respond', status: 0 }]);
    expect(step(draining, { type: 'drain', nowMs: T0 + 5, limitMs: 10_000 })).toEqual([draining, []]);
    expect(step(draining, response('query_sm_resp'))[1]).toEqual([{ type: 'pass' }]);
  });

  it('closes at once before it is bound', () => {
    expect(step(open(side), { type: 'drain', nowMs: T0, limitMs: 10_000 })[1]).toEqual([close('unbound')]);
    const [pending] =
      side === 'smsc'
        ? step(open(side), bindRequested())
        : step(open(side), { type: 'connected', nowMs: T0, bindType: 'receiver', version: 0x34 });
    const [session, effects] = step(pending, { type: 'drain', nowMs: T0, limitMs: 10_000 });
    expect(session.state).toBe('CLOSED');
    expect(effects.at(-1)).toEqual(close('unbound'));
    if (side === 'smsc') expect(effects[0]).toMatchObject({ type: 'answer-bind', status: 0x08 });
  });

  it('is closed for good', () => {
    for (const event of [{ type: 'kill' }, { type: 'disconnected' }] as const) {
      const [closed, effects] = step(bound(side), event);
      expect(effects).toEqual([close(event.type === 'kill' ? 'killed' : 'disconnected')]);
      for (const after of [request('enquire_link'), tick(T0 + 1e9), { type: 'kill' }, bindRequested()] as const) {
        expect(step(closed, after)).toEqual([closed, []]);
      }
    }
  });
});

const is = <T extends string>(type: T): fc.Arbitrary<T> => fc.constant(type);

describe('any order of events', () => {
  const ids = fc.oneof(fc.constantFrom(...Object.values(COMMAND_ID).filter(id => id < 0x80000000)), fc.nat(0x300));
  const nowMs = fc.constant(T0);
  const bindType = fc.constantFrom(...BIND_TYPES);
  const version = fc.nat(255);
  const status = fc.oneof(fc.constant(0), fc.nat(255));
  const sequence = fc.integer({ min: 1, max: 0x7fffffff });
  const event: fc.Arbitrary<SessionEvent> = fc.oneof(
    fc.record({ type: is('connected'), nowMs, bindType, version }),
    fc.record({ type: is('bind-requested'), nowMs, bindType, version, sequence }),
    fc.record({ type: is('bind-accepted'), nowMs }),
    fc.record({ type: is('bind-refused'), nowMs, status: fc.integer({ min: 1, max: 255 }) }),
    fc.record({
      type: is('bind-answered'),
      nowMs,
      status,
      scInterfaceVersion: fc.option(version, { nil: undefined }),
    }),
    fc.record({ type: is('request-received'), nowMs, commandId: ids, sequence }),
    fc.record({
      type: is('response-received'),
      nowMs,
      commandId: ids.map(id => (id | 0x80000000) >>> 0),
      status,
    }),
    fc.record({ type: is('drain'), nowMs, limitMs: fc.constant(10_000) }),
    fc.record({ type: is('drained'), nowMs }),
    fc.integer({ min: 0, max: 5_000 }).map(ms => tick(T0 + ms)),
  );
  const side = fc.constantFrom('smsc' as const, 'esme' as const);

  it('binds once, closes once, answers every request once', () => {
    fc.assert(
      fc.property(side, fc.array(event, { maxLength: 40 }), (which, events) => {
        let session = open(which);
        let boundTimes = 0;
        let closed = 0;
        for (const e of events) {
          const wasClosed = session.state === 'CLOSED';
          const [next, effects] = step(session, e);
          session = next;
          if (wasClosed) expect(effects).toEqual([]);
          boundTimes += effects.filter(f => f.type === 'bound').length;
          closed += effects.filter(f => f.type === 'close').length;
          expect(effects.slice(0, -1).some(f => f.type === 'close')).toBe(false);
          expect(session.state === 'CLOSED').toBe(closed === 1);
          if (e.type === 'request-received' && !wasClosed) {
            const answers = effects.filter(f => ['respond', 'nack', 'pass', 'finish'].includes(f.type));
            expect(answers).toHaveLength(1);
          }
          if (e.type === 'response-received') {
            expect(effects.some(f => f.type === 'respond' || f.type === 'nack')).toBe(false);
          }
        }
        expect(boundTimes).toBeLessThanOrEqual(1);
        expect(closed).toBeLessThanOrEqual(1);
      }),
      { numRuns: 2000 },
    );
  });

  it('a peer that falls silent is always closed in the end', () => {
    fc.assert(
      fc.property(side, fc.array(event, { maxLength: 20 }), (which, events) => {
        let [session] = run(open(which), ...events);
        for (let ms = 0; ms <= 120_000; ms += 1_000) [session] = step(session, tick(T0 + ms));
        expect(session.state).toBe('CLOSED');
      }),
    );
  });

  it('a tick that has nothing to say makes no garbage', () => {
    const s = bound('smsc');
    const [same, effects] = step(s, tick(T0 + 1));
    expect(same).toBe(s);
    expect(effects).toBe(step(s, tick(T0 + 2))[1]);
  });
});
