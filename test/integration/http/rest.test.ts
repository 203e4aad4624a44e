import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startNode, type NodeProcess } from '../../support/node-process.ts';
import { RestClient } from '../../support/rest-client.ts';

const KEYS = { ops: 'ops-0123456789abcdefgh', gateway: 'gateway-0123456789abcd', eyes: 'eyes-0123456789abcdefg' };

const config = {
  workers: 2,
  api_keys: [
    { name: 'ops', key: KEYS.ops, role: 'admin' },
    { name: 'gateway', key: KEYS.gateway, role: 'frontend' },
    { name: 'eyes', key: KEYS.eyes, role: 'viewer' },
    { name: 'elsewhere', key: 'elsewhere-0123456789abc', role: 'admin', allow_ips: ['192.0.2.1'] },
  ],
  accounts: [{ system_id: 'load', password: 'load' }],
  carriers: [
    { name: 'sim', protocol: 'simulator', receipt_delay_ms: 0 },
    // Nobody listens there: what goes to it stays queued.
    { name: 'away', protocol: 'smpp', host: '127.0.0.1', port: 9, system_id: 'x', password: 'x' },
  ],
  frontends: [{ name: 'ims' }],
  routes: [
    { called_prefix: '44', dest_smsc: 'sim' },
    { called_prefix: '33', dest_smsc: 'away' },
    { called_prefix: '999', drop: true },
    { called_prefix: '1', reject: 11 },
  ],
};

const message = (to: string, more: object = {}): object => ({
  source_msisdn: '+15550100',
  destination_msisdn: to,
  message_body: 'Hello, World!',
  source_smsc: 'web-app',
  ...more,
});

const anyText = expect.any(String) as string;
const aTime = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/) as string;

describe('a node', () => {
  let node: NodeProcess;
  let ops: RestClient;
  let gateway: RestClient;

  beforeAll(async () => {
    node = await startNode({ config });
    ops = new RestClient(node, KEYS.ops);
    gateway = new RestClient(node, KEYS.gateway);
  });
  afterAll(async () => {
    await node[Symbol.asyncDispose]();
  });

  test('takes a message, delivers it, and tells its fate', async () => {
    const { status, json, headers } = await ops.post(message('+447700900123', { message_body: 'Grüße €' }));
    expect(status).toBe(201);
    const { id, ...data } = json['data'] as { id: number };
    expect(headers.get('location')).toBe(`/api/messages/${id}`);
    expect(Number.isSafeInteger(id)).toBe(true);
    expect(data).toEqual({
      source_msisdn: '+15550100',
      destination_msisdn: '+447700900123',
      dest_smsc: 'sim',
      message_body: 'Grüße €',
      deliver_time: null,
      delivery_attempts: 0,
      expires: aTime,
      inserted_at: aTime,
    });
    const done = await ops.messageWhen('it is delivered', id, ({ status }) => status === 'delivered');
    expect(done).toMatchObject({ ...data, deliver_time: aTime, delivery_attempts: 1 });
    expect(done).toMatchObject({ account: 'ops', carrier_id: anyText, found_in: 'queue' });
  });

  test('shows one that waits, as it was submitted', async () => {
    const id = await ops.submit(
      message('33700900123', { tp_user_data_header: { 0: '2a0201' }, dest_imsi: '20801123' }),
    );
    const { json } = await ops.get(id);
    expect(json).toMatchObject({
      id,
      destination_msisdn: '33700900123',
      dest_smsc: 'away',
      message_body: 'Hello, World!',
      status: 'queued',
      delivery_attempts: 0,
      deliver_time: null,
      tp_user_data_header: { 0: '2a0201' },
      dest_imsi: '20801123',
    });
  });

  test('sends to dest_smsc whatever the routes say', async () => {
    const id = await ops.submit(message('+33700900123', { dest_smsc: 'sim' }));
    const done = await ops.messageWhen('it is delivered', id, ({ status }) => status === 'delivered');
    expect(done).toMatchObject({ dest_smsc: 'sim', destination_msisdn: '+33700900123' });
    for (const dest_smsc of ['ims', 'load']) {
      const queued = await ops.submit(message('77', { dest_smsc }));
      expect((await ops.get(queued)).json).toMatchObject({ dest_smsc, status: 'queued' });
    }
  });

  test('keeps one back until its time', async () => {
    const at = new Date(Date.now() + 3_600_000).toISOString();
    const id = await ops.submit(message('447700900123', { deliver_after: at }));
    expect((await ops.get(id)).json).toMatchObject({ status: 'queued', deliver_after: `${at.slice(0, 19)}Z` });
  });

  test('answers what no route takes with 422, what a route drops with 201', async () => {
    for (const to of ['77', '15550199']) {
      const { status, json } = await ops.post(message(to));
      const [type, name] = [json['type'], json['command_status']];
      expect([status, type, name]).toEqual([422, 'urn:heliograph:problem:refused', 'ESME_RINVDSTADR']);
    }
    const { status, json } = await ops.post(message('999'));
    expect([status, json['data']]).toEqual([201, expect.objectContaining({ dest_smsc: null })]);
  });

  test('shows a frontend its own alone', async () => {
    const own = await gateway.submit(message('33700900124'));
    const others = await ops.submit(message('33700900124'));
    expect((await gateway.get(own)).json).toMatchObject({ account: 'gateway', message_body: 'Hello, World!' });
    const [foreign, unknown] = [await gateway.get(others), await gateway.get(1234)];
    expect(foreign.status).toBe(404);
    expect(foreign.body.replace(`${others}`, '1234')).toBe(unknown.body);
    expect((await new RestClient(node, KEYS.eyes).get(others)).json).toMatchObject({ message_body: null });
    const forAnother = await gateway.post(message('447700900123', { source_smsc: 'load' }));
    expect(forAnother.status).toBe(403);
  });

  test('refuses keys that are wrong, or used from elsewhere', async () => {
    for (const key of ['', 'wrong', 'elsewhere-0123456789abc']) {
      expect((await new RestClient(node, key).post(message('447700900123'))).status).toBe(401);
    }
  });

  test('takes up changed keys', async () => {
    const fresh = { name: 'fresh', key: 'fresh-0123456789abcdef', role: 'viewer' };
    const client = new RestClient(node, fresh.key);
    expect((await client.request('/metrics')).status).toBe(401);
    const folder = mkdtempSync(join(tmpdir(), 'heliograph-apply-'));
    const file = join(folder, 'keys.json');
    writeFileSync(file, JSON.stringify({ api_keys: [fresh] }));
    expect(await node.command('apply', file)).toMatchObject({ code: 0 });
    rmSync(folder, { recursive: true });
    expect((await client.request('/metrics')).status).toBe(200);
  });

  test('tells its state and its figures for the whole of it', async () => {
    const before = counter((await ops.request('/metrics')).body, 'smsc_messages_accepted_total');
    // Over connections of both workers.
    await Promise.all(Array.from({ length: 40 }, () => ops.submit(message('999'))));
    await expect
      .poll(async () => counter((await ops.request('/metrics')).body, 'smsc_messages_accepted_total'))
      .toBe(before + 40);
    const text = (await ops.request('/metrics')).body;
    expect(text).toContain('smsc_carrier_sessions{carrier="sim"} 2\n');
    expect(text).toContain('smsc_carrier_sessions{carrier="away"} 0\n');
    expect(text).toMatch(/smsc_submit_ack_microseconds\{quantile="0.99"\} [1-9]/);
    expect(text).toMatch(/smsc_queue_messages\{destination="away",state="ready"\} [1-9]/);
    expect(text).not.toContain('Hello');
    const names = [...text.matchAll(/^(\w+)/gm)].map(([, name]) => name!);
    expect(names.filter(name => !name.startsWith('smsc_'))).toEqual([]);

    expect((await new RestClient(node, '').request('/api/status')).body).toBe('{"status":"ok"}');
    const { json } = await ops.request('/api/status');
    expect(json).toMatchObject({ status: 'ok', workers: 2, routing: { version: 1, routes: 4 } });
    expect(json['alarms']).toEqual([expect.stringContaining('carrier away has no session')]);
  });

  test('shows its documentation', async () => {
    const anybody = new RestClient(node, '');
    expect((await anybody.request('/api/openapi.json')).json).toMatchObject({ openapi: '3.1.0' });
    expect((await anybody.request('/api/docs')).body).toContain('/api/docs/swagger-ui-bundle.js');
    expect((await anybody.request('/api/docs/swagger-ui-bundle.js')).body.length).toBeGreaterThan(1_000_000);
  });

  test('bears what is no HTTP, and answers the others', async () => {
    const port = node.ports['api']!;
    const post = 'POST /api/messages HTTP/1.1\r\nHost: x\r\n';
    const answers = await Promise.all([
      raw(port, 'GARBAGE\r\n\r\n'),
      raw(port, 'GET / HTTP/1.1\r\n\r\n'),
      raw(port, 'GET / HTTP/1.1\r\nHost: a b\r\nConnection: close\r\n\r\n'),
      raw(port, `GET / HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`),
      // Two lengths: a smuggler's request.
      raw(port, `${post}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`),
      raw(port, `${post}Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcd`),
    ]);
    expect(answers.map(answer => answer.split(' ')[1])).toEqual(['400', '400', '400', '431', '400', '400']);
    expect(answers.join('')).not.toMatch(/\bat \S+:\d/);
    expect((await ops.request('/api/status')).status).toBe(200);
  });

  test('ends a request whose body never comes', async () => {
    const port = node.ports['api']!;
    const head = `POST /api/messages HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${KEYS.ops}\r\nContent-Type: application/json\r\n`;
    const [half, slow] = await Promise.all([raw(port, head), raw(port, `${head}Content-Length: 100\r\n\r\n{`)]);
    expect(half).toMatch(/^HTTP\/1\.1 408 /);
    expect(slow).toMatch(/^HTTP\/1\.1 408 /);
  });
});

test('what was answered with 201 is there after a kill -9', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'heliograph-rest-'));
  try {
    const ids: number[] = [];
    let submitted = 0;
    {
      await using node = await startNode({ config, dataDir });
      const ops = new RestClient(node, KEYS.ops);
      const submitAll = async (): Promise<void> => {
        for (;;) ids.push(await ops.submit(message('33700900123', { message_body: `message ${submitted++}` })));
      };
      const clients = Array.from({ length: 16 }, () => submitAll().catch(() => undefined));
      await expect.poll(() => ids.length, { timeout: 20_000 }).toBeGreaterThan(500);
      await node.kill();
      await Promise.all(clients);
    }
    await using node = await startNode({ config, dataDir });
    const ops = new RestClient(node, KEYS.ops);
    const texts = new Set<unknown>();
    for (const id of ids) {
      const { status, json } = await ops.get(id);
      expect([id, status, json['status']]).toEqual([id, 200, 'queued']);
      texts.add(json['message_body']);
    }
    expect([texts.size, new Set(ids).size]).toEqual([ids.length, ids.length]);
  } finally {
    rmSync(dataDir, { recursive: true, force: true });
  }
});

test('a node that is being stopped takes what has been begun, refuses nothing, and then takes no connection', async () => {
  await using node = await startNode({ config });
  const ops = new RestClient(node, KEYS.ops);
  const outcomes = new Map<number | string, number>();
  let stopping = false;
  const submitAll = async (): Promise<void> => {
    for (;;) {
      let outcome: number | string;
      try {
        outcome = (await ops.post(message('999'))).status;
      } catch (error) {
        outcome = ((error as Error).cause as NodeJS.ErrnoException | undefined)?.code ?? String(error);
      }
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
      if (stopping && typeof outcome === 'string') return;
    }
  };
  const clients = Array.from({ length: 8 }, submitAll);
  await expect.poll(() => outcomes.get(201) ?? 0, { timeout: 20_000 }).toBeGreaterThan(50);
  const body = JSON.stringify(message('999'));
  const half = connect({ host: '127.0.0.1', port: node.ports['api']! });
  let answer = '';
  half.setEncoding('latin1').on('data', (text: string) => (answer += text));
  half.write(
    `POST /api/messages HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${KEYS.ops}\r\n` +
      `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n{`,
  );
  const before = outcomes.get(201)!;
  await expect.poll(() => outcomes.get(201)!).toBeGreaterThan(before + 50);
  stopping = true;
  const stopped = node.stop();
  await expect.poll(() => outcomes.has('ECONNREFUSED')).toBe(true);
  half.write(body.slice(1));
  expect(await stopped).toBe(0);
  expect(answer).toMatch(/^HTTP\/1\.1 201 /);
  await Promise.all(clients);
  // UND_ERR_SOCKET: the client sent a request on a connection that was being closed, and no answer began.
  const allowed = new Set<number | string>([201, 'ECONNREFUSED', 'ECONNRESET', 'UND_ERR_SOCKET']);
  expect([...outcomes.keys()].filter(outcome => !allowed.has(outcome))).toEqual([]);
});

test('auth: none answers without a key on loopback, and only to its own name', async () => {
  await using node = await startNode({ config: { ...config, listeners: { api: { auth: 'none' } } } });
  const anybody = new RestClient(node, '');
  const id = await anybody.submit(message('33700900123'));
  expect((await anybody.get(id)).json).toMatchObject({ account: 'local' });
  const rebound = 'GET /metrics HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n';
  expect(await raw(node.ports['api']!, rebound)).toMatch(/^HTTP\/1\.1 421 /);
});

test('a port that is taken is named, and nothing is started', async () => {
  const server = createServer();
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  try {
    await expect(startNode({ config: { ...config, listeners: { api: { port } } } })).rejects.toThrow(
      `port ${port} on 127.0.0.1 (REST API) is taken`,
    );
  } finally {
    server.close();
  }
});

test('a message that has left the queue is found in the archive', async () => {
  await using node = await startNode({ config: { ...config, archive: { enabled: true } } });
  const ops = new RestClient(node, KEYS.ops);
  const id = await ops.submit(message('+447700900123', { message_body: 'Привет', dest_imsi: '23415' }));
  const dropped = await ops.submit(message('999'));
  const view = await ops.messageWhen('it is archived', id, ({ found_in }) => found_in === 'archive', 60_000);
  expect(view).toMatchObject({
    id,
    source_msisdn: '+15550100',
    destination_msisdn: '+447700900123',
    dest_smsc: 'sim',
    message_body: 'Привет',
    tp_dcs_character_set: 'ucs2',
    status: 'delivered',
    deliver_time: aTime,
    delivery_attempts: 1,
    account: 'ops',
    dest_imsi: '23415',
  });
  const gone = await ops.messageWhen('it is archived', dropped, ({ found_in }) => found_in === 'archive', 60_000);
  expect(gone).toMatchObject({ status: 'dropped', dest_smsc: null });
  expect((await ops.get(1234)).status).toBe(404);
  const text = (await ops.request('/metrics')).body;
  expect(counter(text, 'smsc_archive_up')).toBe(1);
  expect(counter(text, 'smsc_archive_messages_total')).toBeGreaterThanOrEqual(2);
});

/** The value of a series without labels. */
function counter(text: string, name: string): number {
  return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1]);
}

/** What a server says to these octets until it closes the connection. */
function raw(port: number, octets: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let said = '';
    const socket = connect(port, '127.0.0.1', () => socket.write(octets));
    socket.setEncoding('utf8').on('data', (text: string) => (said += text));
    socket.on('error', (error: NodeJS.ErrnoException) => (error.code === 'ECONNRESET' ? resolve(said) : reject(error)));
    socket.on('close', () => resolve(said));
  });
}
