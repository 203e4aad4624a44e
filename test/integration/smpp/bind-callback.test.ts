import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startNode, type NodeProcess } from '../../support/node-process.ts';
import { LongPeer } from '../../support/long-peer.ts';
import { bindPdu, RawPeer } from '../../support/raw-peer.ts';
import { answer, ScriptedCarrier } from '../../support/scripted-carrier.ts';
import { waitUntil } from '../../support/wait-until.ts';

/** Applications that no configuration knows: a program elsewhere says who they are. */

let server: Server;
let carrier: ScriptedCarrier;
let node: NodeProcess;
let asked: Record<string, unknown>[] = [];
/** By system_id; undefined: status 500. */
const answers = new Map<string, object | undefined>();

beforeAll(async () => {
  server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      const question = JSON.parse(body) as Record<string, unknown>;
      asked.push(question);
      const said = answers.get(question['system_id'] as string);
      if (said) response.end(JSON.stringify(said));
      else response.writeHead(500).end();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  carrier = await ScriptedCarrier.listen();
  node = await startNode({
    config: {
      workers: 2,
      guard: { failures: 100 },
      bind_callback: {
        url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
        cache_seconds: 0,
        outage_seconds: 60,
      },
      accounts: [{ system_id: 'own', password: 'own' }],
      carriers: [
        { name: 'sink', protocol: 'smpp', host: '127.0.0.1', port: carrier.port, system_id: 'r', password: 'r' },
      ],
      routes: [{ called_prefix: '44', dest_smsc: 'sink' }],
    },
  });
  await waitUntil('the bind of the carrier', () => carrier.open(9).length === 1);
}, 60_000);

afterAll(async () => {
  await node?.[Symbol.asyncDispose]();
  await carrier?.[Symbol.asyncDispose]();
  server?.closeAllConnections();
  server?.close();
});

/** The command_status of a bind_resp, and its session if it is 0. */
async function bind(systemId: string, password: string): Promise<{ status: number; peer: RawPeer }> {
  const peer = await RawPeer.connect(node.ports['smpp']!);
  peer.send(bindPdu(systemId, password));
  const [bound] = await peer.pdus(1);
  return { status: bound!.readUInt32BE(8), peer };
}

/** Messages to a number that no route takes go where the callback says. */
const SETTINGS = { binds: 2, deliver_window: 7, throughput: 1000, text_header: 'New: ', default_dest_smsc: 'sink' };

test('who is let in has the settings that came with the yes, on every worker', async () => {
  answers.set('new', { allow: true, account: SETTINGS });
  asked = [];
  const first = await LongPeer.bind(node.ports['smpp']!, 'new');
  const second = await LongPeer.bind(node.ports['smpp']!, 'new');
  expect(asked[0]).toMatchObject({
    system_id: 'new',
    password: 'new',
    peer_address: '127.0.0.1',
    bind: 'transceiver',
  });
  // ESME_RALYBND: two binds at most.
  const third = await bind('new', 'new');
  expect(third.status).toBe(0x05);
  third.peer[Symbol.dispose]();
  for (const peer of [first, second]) expect(await peer.submit('999', 'Hello', { registered: 0 })).toMatch(/^\d+$/);
  await waitUntil('two messages', () => carrier.submitted.length === 2);
  for (const one of carrier.submitted.splice(0)) {
    expect(one.pdu.toString('latin1')).toContain('New: Hello');
    answer(one, 0, 'x');
  }
  const { sessions } = await node.statusWhen('both are shown', status => status.sessions.length >= 3);
  expect(sessions.filter(({ name }) => name === 'new').map(({ window }) => window.size)).toEqual([7, 7]);
  first[Symbol.dispose]();
  second[Symbol.dispose]();
});

test('who is not is refused; who is in the configuration is not asked about', async () => {
  answers.set('bad', { allow: false });
  asked = [];
  expect((await bind('bad', 's3cret')).status).toBe(0x0d);
  const own = await bind('own', 'own');
  expect(own.status).toBe(0);
  own.peer[Symbol.dispose]();
  expect(asked.map(({ system_id }) => system_id)).toEqual(['bad']);
  expect(node.logs('bind refused').at(-1)!['reason']).toBe('bind callback: answered no');
});

test('while it fails nobody new binds, and who was let in before still does', async () => {
  answers.set('old', { allow: true });
  const before = await bind('old', 'old');
  expect(before.status).toBe(0);
  answers.set('old', undefined);
  expect((await bind('other', 's3cret')).status).toBe(0x0d);
  expect(node.logs('bind refused').at(-1)!['reason']).toBe(
    'not decided: bind callback: expected status 200, 401 or 403, got 500',
  );
  const after = await bind('old', 'old');
  expect(after.status).toBe(0);
  expect((await bind('old', 's3cret')).status).toBe(0x0d);
  for (const { peer } of [before, after]) peer[Symbol.dispose]();
});

test('no password is in the log', () => {
  expect(node.stdout + node.stderr).not.toContain('s3cret');
});
