import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Admission, Submitting } from '../../../../actors/batch/admission.ts';
import type { BindActor } from '../../../../actors/bind/bind-actor.ts';
import { ServerSession, type ServerDeps } from '../../../../adapters/smpp/server-session.ts';
import { DEFAULT_TIMERS } from '../../../../adapters/smpp/session-messages.ts';
import { bindPdu, cut, headerPdu, submitPdu } from '../../../support/raw-peer.ts';
import { waitUntil } from '../../../support/wait-until.ts';

/** What a session does with requests while no messages are taken (`actors/batch/admission.ts`). */

const WINDOW = 5;
const ENQUIRE_LINK_RESP = 0x80000015;
const DELIVER_SM_RESP = 0x80000005;

let server: Server;
let peer: Socket;
let socket: Socket;
let session: ServerSession;
/** Sequence numbers of what the session's actor was given, as "submit 2", "answer 7". */
let given: string[];
/** Commands that the peer has got, with their sequence numbers. */
let got: string[];
let isOpen: boolean;
/** How many more are taken before it closes. */
let room: number;
let waiting: Submitting[];

beforeEach(async () => {
  [given, got, waiting, isOpen, room] = [[], [], [], true, Infinity];
  server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  peer = connect((server.address() as AddressInfo).port, '127.0.0.1');
  [socket] = (await once(server, 'connection')) as [Socket];
  let rest: Buffer = Buffer.alloc(0);
  peer.on('data', (chunk: Buffer) => {
    rest = Buffer.concat([rest, chunk]);
    for (const pdu of cut(rest)) {
      rest = rest.subarray(pdu.length);
      got.push(`${pdu.readUInt32BE(4).toString(16)} ${pdu.readUInt32BE(12)}`);
    }
  });
  const admission: Pick<Admission, 'isOpen' | 'taken' | 'wait'> = {
    get isOpen() {
      return isOpen && room > 0;
    },
    taken: () => void room--,
    wait: submitting => void waiting.push(submitting),
  };
  const actor = {
    receiveWindow: WINDOW,
    submit: (_m: unknown, token: number) => given.push(`submit ${token}`),
    answered: (sequence: number) => given.push(`answer ${sequence}`),
    dirty: () => session.flush(),
    finish: (whose: string) => given.push(`finish ${whose}`),
    closed: () => undefined,
    sending: { nextSequence: () => 1 },
  };
  session = new ServerSession(socket, '127.0.0.1', {
    settings: { systemId: 'SMSC', timers: DEFAULT_TIMERS, transactionMs: 1000 },
    admission: admission as Admission,
    now: Date.now,
    monotonic: () => performance.now(),
    authorize: () => Promise.resolve({ type: 'accepted', session: 1 }),
    bind: () => actor as unknown as BindActor,
    sentAsData: () => 'none',
    unbound: () => undefined,
    ended: () => undefined,
  } as unknown as ServerDeps);
  peer.write(bindPdu('shop', 'shop'));
  await waitUntil('it is bound', () => got.length === 1);
});

afterEach(() => {
  peer.destroy();
  socket.destroy();
  server.close();
});

const submits = (from: number, count: number): Buffer =>
  Buffer.concat(Array.from({ length: count }, (_, i) => submitPdu(from + i, '447700900123')));

/** They are taken, so many at a time. */
function open(most = Infinity): void {
  [isOpen, room] = [true, most];
  for (const each of waiting.splice(0)) each.admitted();
}

/** Everything that was written has been read: the answer to an enquire_link is there. */
async function read(...pdus: readonly Buffer[]): Promise<void> {
  const sequence = 1_000_000 + got.length;
  peer.write(Buffer.concat([...pdus, headerPdu(0x15, 0, sequence)]));
  await waitUntil('all is read', () => got.includes(`${ENQUIRE_LINK_RESP.toString(16)} ${sequence}`));
}

test('messages wait in order, a batch at a time; answers and enquire_link go past them', async () => {
  isOpen = false;
  await read(submits(2, 3), headerPdu(DELIVER_SM_RESP, 0, 77));
  expect(given).toEqual(['answer 77']);
  open(2);
  expect(given).toEqual(['answer 77', 'submit 2', 'submit 3']);
  // It waits on for the third, and what comes now is behind it.
  await read(submits(5, 1));
  expect(given).toHaveLength(3);
  expect(waiting).toHaveLength(1);
  open();
  expect(given.slice(3)).toEqual(['submit 4', 'submit 5']);
  await read(submits(6, 1));
  expect(given.at(-1)).toBe('submit 6');
  expect(waiting).toEqual([]);
});

test('another request does not overtake them', async () => {
  isOpen = false;
  await read(submits(2, 1), headerPdu(0x06, 0, 3));
  expect([given, session.state]).toEqual([[], 'BOUND_TRX']);
  open();
  expect(given).toEqual(['submit 2', 'finish all']);
  expect(session.state).toBe('UNBOUND');
});

test('a peer that sends more than its window is read no more, until they are taken; nothing is lost', async () => {
  isOpen = false;
  peer.write(submits(2, 20));
  await waitUntil('it is read no more', () => socket.isPaused());
  expect(given).toEqual([]);
  // Nothing behind them is read: not an enquire_link either.
  const before = got.length;
  peer.write(headerPdu(0x15, 0, 99));
  open(7);
  await waitUntil('the next are held', () => waiting.length === 1);
  expect([given.length, got.length]).toEqual([7, before]);
  open();
  await waitUntil('all', () => given.length === 20 && got.length === before + 1);
  expect(given).toEqual(Array.from({ length: 20 }, (_, i) => `submit ${i + 2}`));
});

test('a session that is drained takes what waits first', async () => {
  isOpen = false;
  await read(submits(2, 3));
  session.drain(1000);
  expect(given).toEqual(['submit 2', 'submit 3', 'submit 4', 'finish ours']);
});
