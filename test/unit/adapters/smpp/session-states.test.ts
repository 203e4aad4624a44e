import { describe, expect, it } from 'vitest';
import { COMMAND_ID, type CommandName, isResponse } from '../../../../adapters/smpp/codec/command-id.ts';
import {
  ALLOWED,
  BOUND_STATE,
  hasTlvs,
  mayReceive,
  receivable,
  refusalOf,
  type SessionState,
  sessionVersion,
  type Side,
} from '../../../../adapters/smpp/session-states.ts';

const STATES = [...Object.keys(ALLOWED.smsc), 'DRAINING', 'UNBINDING'] as SessionState[];

/** v3.4 Table 2-1 and v5.0 Table 2-1 as printed: PDU; states in which the ESME, and in which the SMSC, issues it. */
const TABLE_2_1 = `
  bind_transmitter     OPEN                              -
  bind_receiver        OPEN                              -
  bind_transceiver     OPEN                              -
  outbind              -                                 OPEN
  unbind               BOUND_TX,BOUND_RX,BOUND_TRX       BOUND_TX,BOUND_RX,BOUND_TRX
  submit_sm            BOUND_TX,BOUND_TRX                -
  submit_multi         BOUND_TX,BOUND_TRX                -
  data_sm              BOUND_TX,BOUND_RX,BOUND_TRX       BOUND_TX,BOUND_RX,BOUND_TRX
  deliver_sm           -                                 BOUND_RX,BOUND_TRX
  query_sm             BOUND_TX,BOUND_TRX                -
  cancel_sm            BOUND_TX,BOUND_TRX                -
  replace_sm           BOUND_TX,BOUND_TRX                -
  alert_notification   -                                 BOUND_RX,BOUND_TRX
  broadcast_sm         BOUND_TX,BOUND_TRX                -
  query_broadcast_sm   BOUND_TX,BOUND_TRX                -
  cancel_broadcast_sm  BOUND_TX,BOUND_TRX                -
  enquire_link         OPEN,BOUND_TX,BOUND_RX,BOUND_TRX  OPEN,BOUND_TX,BOUND_RX,BOUND_TRX
`;

const rows = TABLE_2_1.trim()
  .split('\n')
  .map(line => {
    const [command, esme, smsc] = line.trim().split(/\s+/);
    return { command: command as CommandName, issuedBy: { smsc: esme!.split(','), esme: smsc!.split(',') } };
  });

describe('what may be received', () => {
  it('is Table 2-1 in its states', () => {
    for (const { command, issuedBy } of rows) {
      for (const side of ['smsc', 'esme'] as const) {
        for (const state of ['OPEN', 'BOUND_TX', 'BOUND_RX', 'BOUND_TRX'] as const) {
          const expected = issuedBy[side].includes(state);
          expect([command, side, state, mayReceive(side, state, undefined, COMMAND_ID[command])]).toEqual([
            command,
            side,
            state,
            expected,
          ]);
        }
      }
    }
    const requests = (Object.keys(COMMAND_ID) as CommandName[]).filter(c => !isResponse(COMMAND_ID[c]));
    expect(rows.map(r => r.command).sort()).toEqual(requests.sort());
  });

  it('is what the bind allows until the peer has unbound too, then the end of the session, and nothing after it', () => {
    for (const side of ['smsc', 'esme'] as const) {
      expect(ALLOWED[side].BIND_PENDING).toEqual(['enquire_link']);
      for (const state of ['DRAINING', 'UNBINDING'] as const) {
        for (const bindType of ['transmitter', 'receiver', 'transceiver'] as const) {
          expect(receivable(side, state, bindType)).toBe(receivable(side, BOUND_STATE[bindType], bindType));
        }
        expect(mayReceive('smsc', state, 'receiver', COMMAND_ID.submit_sm)).toBe(false);
      }
      expect(ALLOWED[side].UNBOUND).toEqual(['unbind', 'enquire_link']);
      expect(ALLOWED[side].CLOSED).toEqual([]);
    }
  });

  it('is no response, and no id that nobody defined', () => {
    for (const state of STATES) {
      for (const id of [0, 0x0a, 0x1ff, 0x200, 0x10200, 0x80000004, 0xffffffff]) {
        expect(mayReceive('smsc', state, 'transceiver', id)).toBe(false);
        expect(receivable('smsc', state, 'transceiver')[id] === 1).toBe(false);
      }
    }
  });
});

function refusal(side: Side, state: SessionState, command: CommandName): [number, number] {
  const { responseId, status } = refusalOf(side, state, COMMAND_ID[command]);
  return [responseId, status];
}

describe('what is not received is answered', () => {
  it('an unknown id by a generic_nack with ESME_RINVCMDID', () => {
    for (const id of [0, 0x110, 0x10200]) {
      expect(refusalOf('smsc', 'BOUND_TRX', id)).toEqual({ responseId: 0, status: 0x03 });
    }
  });

  it('a request in the wrong state by its own response with ESME_RINVBNDSTS', () => {
    expect(refusal('smsc', 'OPEN', 'submit_sm')).toEqual([COMMAND_ID.submit_sm_resp, 0x04]);
    expect(refusal('smsc', 'BOUND_RX', 'submit_sm')).toEqual([COMMAND_ID.submit_sm_resp, 0x04]);
    expect(refusal('smsc', 'BOUND_TRX', 'deliver_sm')).toEqual([COMMAND_ID.deliver_sm_resp, 0x04]);
    expect(refusal('esme', 'BOUND_TX', 'deliver_sm')).toEqual([COMMAND_ID.deliver_sm_resp, 0x04]);
    expect(refusal('smsc', 'DRAINING', 'submit_sm')).toEqual([COMMAND_ID.submit_sm_resp, 0x04]);
    expect(refusal('smsc', 'UNBOUND', 'query_sm')).toEqual([COMMAND_ID.query_sm_resp, 0x04]);
    expect(refusal('esme', 'BOUND_TRX', 'bind_transmitter')).toEqual([COMMAND_ID.bind_transmitter_resp, 0x04]);
  });

  it('one without a response by a generic_nack', () => {
    expect(refusal('esme', 'BOUND_TX', 'alert_notification')).toEqual([0, 0x04]);
    expect(refusal('smsc', 'OPEN', 'outbind')).toEqual([0, 0x04]);
  });

  it('a second bind by ESME_RALYBND', () => {
    expect(refusal('smsc', 'BIND_PENDING', 'bind_receiver')).toEqual([COMMAND_ID.bind_receiver_resp, 0x05]);
    expect(refusal('smsc', 'BOUND_RX', 'bind_transceiver')).toEqual([COMMAND_ID.bind_transceiver_resp, 0x05]);
  });

  it('a message when the session has ended by a status that means later', () => {
    for (const state of ['UNBOUND', 'CLOSED'] as const) {
      expect(refusal('smsc', state, 'submit_sm')).toEqual([COMMAND_ID.submit_sm_resp, 0x58]);
      expect(refusal('smsc', state, 'data_sm')).toEqual([COMMAND_ID.data_sm_resp, 0x58]);
      expect(refusal('esme', state, 'data_sm')).toEqual([COMMAND_ID.data_sm_resp, 0x64]);
    }
  });
});

it('the version of a session is what both speak', () => {
  const said = [0x00, 0x33, 0x34, 0x35, 0x4f, 0x50, 0x51, 0xff];
  expect(said.map(v => sessionVersion(v))).toEqual([0x00, 0x33, 0x34, 0x34, 0x34, 0x50, 0x50, 0x50]);
  expect(said.map(v => sessionVersion(v, 0x34))).toEqual([0x00, 0x33, 0x34, 0x34, 0x34, 0x34, 0x34, 0x34]);
  expect([0x00, 0x33, 0x34, 0x50].map(hasTlvs)).toEqual([false, false, true, true]);
});
