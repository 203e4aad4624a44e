import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { once } from 'node:events';
import { afterEach, expect, test } from 'vitest';
import { Output, type Gate } from '../../../../adapters/smpp/output.ts';
import { waitUntil } from '../../../support/wait-until.ts';

const cleanUps: (() => void)[] = [];
afterEach(() => {
  for (const cleanUp of cleanUps.splice(0)) cleanUp();
});

/** A socket of ours, and what its peer has got. */
async function pair(): Promise<{ socket: Socket; got: () => string; errors: string[] }> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const [[peer]] = (await Promise.all([once(server, 'connection'), once(socket, 'connect')])) as [[Socket], unknown];
  let got = '';
  const errors: string[] = [];
  peer.on('data', chunk => (got += chunk.toString()));
  socket.on('error', error => errors.push(error.message));
  cleanUps.push(() => {
    socket.destroy();
    peer.destroy();
    server.close();
  });
  return { socket, got: () => got, errors };
}

function gateOf(): Gate & { isOpen: boolean } {
  return { isOpen: true, isEnding: false, lookMs: 100, reason: 'not ours' };
}

function say(out: Output, text: string): void {
  const buffer = out.room(text.length);
  const { at } = out;
  out.wrote(at + buffer.write(text, at));
}

test('without a gate everything leaves', async () => {
  const { socket, got } = await pair();
  const out = new Output(socket);
  say(out, 'one');
  out.guard();
  out.flush();
  await waitUntil('it is there', () => got() === 'one');
});

test('where all is guarded nothing leaves once the gate has closed, and the connection ends', async () => {
  const { socket, got, errors } = await pair();
  const gate = gateOf();
  const out = new Output(socket, gate, true);
  say(out, 'one');
  out.flush();
  say(out, 'two');
  gate.isOpen = false;
  out.flush();
  await waitUntil('it has ended', () => socket.destroyed && errors.length === 1);
  expect(errors).toEqual(['not ours']);
  await waitUntil('what was said before is there', () => got() === 'one');
});

test('where messages are guarded answers leave whatever the gate is', async () => {
  const { socket, got, errors } = await pair();
  const gate = gateOf();
  const out = new Output(socket, gate);
  say(out, 'message;');
  out.guard();
  out.flush();
  gate.isOpen = false;
  say(out, 'answer;');
  out.flush();
  await waitUntil('both are there', () => got() === 'message;answer;');
  say(out, 'message;');
  out.guard();
  out.flush();
  await waitUntil('it has ended', () => errors.join() === 'not ours');
  expect(got()).toBe('message;answer;');
});

test('a piece that is full leaves under the same rule', async () => {
  const { socket, errors } = await pair();
  const gate = gateOf();
  const out = new Output(socket, gate);
  say(out, 'x'.repeat(60_000));
  out.guard();
  gate.isOpen = false;
  out.room(10_000);
  await waitUntil('it has ended', () => errors.join() === 'not ours');
});
