import { createHmac } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { LongPeer } from '../../support/long-peer.ts';
import { startNode, type NodeProcess, type NodeProcessOptions } from '../../support/node-process.ts';
import { ReceiptReceiver, saying } from '../../support/receipt-receiver.ts';
import { RestClient } from '../../support/rest-client.ts';
import { answer, deliverPdu, receiptText, ScriptedCarrier, type Submitted } from '../../support/scripted-carrier.ts';
import { waitUntil } from '../../support/wait-until.ts';

/** Receipts that leave by HTTP (features G03 to G05): a whole node, a carrier by script, applications that are web servers. */

const KEY = 'ops-0123456789abcdefgh';
const SECRET = 'a secret of the shop';

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
});

interface Scene {
  node: NodeProcess;
  rest: RestClient;
  readonly carrier: ScriptedCarrier;
  readonly receiver: ReceiptReceiver;
  /** Starts the node anew with the same data, after it has ended. */
  readonly again: () => Promise<void>;
}

/** Schedules in hundredths of what they are by default. */
const QUICK = { retries: 3, retry_seconds: 0.3, retry_factor: 1, jasmin_retry_seconds: 0.3 };
const LOOPBACK = { allow_http: true, networks: ['127.0.0.0/8'] };

async function scene(push: object = {}, account: object = {}): Promise<Scene> {
  const carrier = await ScriptedCarrier.listen();
  const receiver = await receive();
  const config = {
    workers: 2,
    retry: { base_seconds: 0.1 },
    receipts: { push: { ...LOOPBACK, ...QUICK, ...push } },
    api_keys: [{ name: 'ops', key: KEY, role: 'admin' }],
    accounts: [{ system_id: 'shop', password: 'shop', receipt_secret: SECRET, ...account }],
    carriers: [
      {
        name: 'sink',
        protocol: 'smpp',
        host: '127.0.0.1',
        port: carrier.port,
        system_id: 'r',
        password: 'r',
        reconnect_seconds: 0.05,
        throttle_seconds: 0.1,
      },
    ],
    routes: [{ called_prefix: '44', dest_smsc: 'sink' }],
  };
  const start = async (more: Partial<NodeProcessOptions> = {}): Promise<NodeProcess> => {
    const node = await startNode({ config, ...more });
    cleanUps.push(() => node[Symbol.asyncDispose]());
    await waitUntil('the bind', () => carrier.open(9).length === 1);
    return node;
  };
  cleanUps.push(() => carrier[Symbol.asyncDispose]());
  const node = await start();
  const s: Scene = {
    node,
    rest: new RestClient(node, KEY),
    carrier,
    receiver,
    again: async () => {
      s.node = await start({ dataDir: s.node.dataDir });
      s.rest = new RestClient(s.node, KEY);
    },
  };
  return s;
}

async function receive(port = 0): Promise<ReceiptReceiver> {
  const receiver = await ReceiptReceiver.listen(port);
  cleanUps.push(() => receiver[Symbol.asyncDispose]());
  return receiver;
}

const message = (receipt: object | undefined, more: object = {}): object => ({
  source_msisdn: 'ACME',
  destination_msisdn: '+447700900123',
  message_body: 'Hello, this is a text',
  source_smsc: 'shop',
  ...(receipt && { receipt }),
  ...more,
});

async function submitted({ carrier }: Scene, n: number): Promise<Submitted> {
  await waitUntil(`message ${n} at the carrier`, () => carrier.submitted.length >= n);
  return carrier.submitted[n - 1]!;
}

let sequence = 10_000;
/** The carrier tells what became of the message it gave this id; resolves when that is answered. */
async function tell({ carrier }: Scene, id: string, stat: string, err = '000'): Promise<void> {
  const [session] = carrier.open(9);
  const own = sequence++;
  session!.socket.write(deliverPdu(own, '447700900123', 'ACME', receiptText(id, stat, err), 0x04));
  const isAnswer = (pdu: Buffer): boolean => pdu.readUInt32BE(4) === 0x80000005 && pdu.readUInt32BE(12) === own;
  await waitUntil('its answer', () => session!.pdus.some(isAnswer));
}

/** A message on its way with a carrier, by the id that gave it. */
async function sent(s: Scene, receipt: object | undefined, carrierId: string, more: object = {}): Promise<number> {
  const n = s.carrier.submitted.length + 1;
  const id = await s.rest.submit(message(receipt, more));
  answer(await submitted(s, n), 0, carrierId);
  return id;
}

const aTime = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/) as string;
const aNumber = expect.any(Number) as number;

describe('the format heliograph', () => {
  test('is a signed POST of JSON, once', async () => {
    const s = await scene();
    const id = await sent(s, { url: s.receiver.url('/r?shop=1') }, 'c1');
    await tell(s, 'c1', 'DELIVRD');
    const [pushed] = await s.receiver.took(1);
    expect(pushed).toMatchObject({ method: 'POST', url: '/r?shop=1' });
    expect(pushed!.json).toEqual({
      receipt_id: aNumber,
      id,
      event: 'delivered',
      status: 'delivered',
      final: true,
      source_msisdn: 'ACME',
      destination_msisdn: '+447700900123',
      account: 'shop',
      carrier: 'sink',
      carrier_id: 'c1',
      error: null,
      submitted_at: aTime,
      done_at: aTime,
    });
    const { 'heliograph-time': time, 'heliograph-signature': signature } = pushed!.headers;
    expect(Math.abs(Number(time) - Date.now() / 1000)).toBeLessThan(60);
    const expected = createHmac('sha256', SECRET)
      .update(`${String(time)}.${pushed!.body}`)
      .digest('hex');
    expect(signature).toBe(`v1=${expected}`);
    const { receipts, queues } = await s.node.statusWhen('it is settled', status => status.receipts.toPush === 0);
    expect(receipts).toMatchObject({ pushed: 1, pushRetried: 0, givenUp: 0, passedOn: 0 });
    expect(queues.filter(({ kind }) => kind === 'webhook')).toEqual([]);
    expect(s.receiver.pushed).toHaveLength(1);
  });

  test('tells only what was asked for, each as an event', async () => {
    const s = await scene();
    const events = ['accepted', 'failed', 'buffered'];
    await sent(s, { url: s.receiver.url(), events }, 'c1');
    await s.receiver.took(1);
    await tell(s, 'c1', 'ENROUTE');
    await s.receiver.took(2);
    await tell(s, 'c1', 'UNDELIV', '027');
    await s.receiver.took(3);
    const told = s.receiver.pushed.map(({ json }) => [json['event'], json['status'], json['final'], json['error']]);
    expect(told).toEqual([
      ['accepted', 'sent', false, null],
      ['buffered', 'sent', false, null],
      ['failed', 'undeliverable', true, '027'],
    ]);
    // Nothing but that it is delivered is asked for: of this one nothing comes before the next one's.
    await sent(s, { url: s.receiver.url(), events: ['delivered'] }, 'c2');
    await tell(s, 'c2', 'EXPIRED');
    const id = await sent(s, { url: s.receiver.url(), events: ['delivered'] }, 'c3');
    await tell(s, 'c3', 'DELIVRD');
    await s.receiver.took(4);
    expect(s.receiver.pushed[3]!.json).toMatchObject({ id, event: 'delivered' });
  });

  test('tells a refusal, and that it is tried again', async () => {
    const s = await scene();
    await s.rest.submit(message({ url: s.receiver.url(), events: ['buffered', 'rejected'] }));
    // ESME_RSYSERR, then ESME_RINVDSTADR.
    answer(await submitted(s, 1), 0x08);
    answer(await submitted(s, 2), 0x0b);
    await s.receiver.took(2);
    expect(s.receiver.pushed.map(({ json }) => [json['event'], json['error']])).toEqual([
      ['buffered', '008'],
      ['rejected', '011'],
    ]);
  });

  test('tells of a text that goes in parts as of one', async () => {
    const s = await scene();
    const text = 'A text that is too long for one message. '.repeat(8);
    const id = await s.rest.submit(
      message({ url: s.receiver.url(), events: ['accepted', 'delivered'] }, { message_body: text }),
    );
    for (let part = 1; part <= 3; part++) answer(await submitted(s, part), 0, `p${part}`);
    for (let part = 1; part <= 3; part++) await tell(s, `p${part}`, 'DELIVRD');
    await s.receiver.took(2);
    expect(s.receiver.pushed.map(({ json }) => json)).toMatchObject([
      { id, event: 'accepted', carrier_id: 'p1' },
      { id, event: 'delivered', parts: 3, parts_delivered: 3 },
    ]);
  });
});

describe('the format kannel', () => {
  const codes = 'kind=%d&phone=%p&from=%P&smsc=%i&foreign=%F&id=%I&reply=%A';

  test('is a GET of a dlr-url with its escape codes', async () => {
    const s = await scene();
    const receipt = { url: s.receiver.url(`/dlr?my=7&${codes}`), format: 'kannel', dlr_mask: 31 };
    const id = await sent(s, receipt, 'Ab-1');
    await s.receiver.took(1);
    await tell(s, 'Ab-1', 'DELIVRD');
    await s.receiver.took(2);
    const common = { my: '7', phone: '+447700900123', from: 'ACME', smsc: 'sink', foreign: 'Ab-1', id: String(id) };
    expect(s.receiver.pushed.map(({ method, fields }) => [method, fields])).toEqual([
      ['GET', { ...common, kind: '8', reply: 'ACK/' }],
      [
        'GET',
        { ...common, kind: '1', reply: expect.stringMatching(/^id:Ab-1 sub:001 dlvrd:001 .* stat:DELIVRD err:000/) },
      ],
    ]);
    await s.rest.submit(message(receipt));
    answer(await submitted(s, 2), 0x0b);
    await s.receiver.took(3);
    const { kind, reply } = s.receiver.pushed[2]!.fields;
    expect([kind, reply]).toEqual(['16', expect.stringMatching(/^NACK\/0x0000000b\//)]);
  });
});

describe('the format jasmin', () => {
  const ACK = saying(200, 'ACK/Jasmin');

  test('tells both levels by POST', async () => {
    const s = await scene();
    s.receiver.answering = ACK;
    const id = await sent(s, { url: s.receiver.url(), format: 'jasmin', method: 'POST', dlr_level: 3 }, 'c1');
    await s.receiver.took(1);
    await tell(s, 'c1', 'DELIVRD');
    await s.receiver.took(2);
    const common = { id: String(id), connector: 'sink' };
    expect(s.receiver.pushed.map(({ method, fields }) => [method, fields])).toMatchObject([
      ['POST', { ...common, level: '1', message_status: 'ESME_ROK' }],
      [
        'POST',
        { ...common, level: '2', message_status: 'DELIVRD', id_smsc: 'c1', sub: '001', dlvrd: '001', err: '000' },
      ],
    ]);
  });

  test('is taken by "ACK/Jasmin" alone, tried three times more, and then given up', async () => {
    const s = await scene({ retries: 0 });
    s.receiver.answering = saying(200, 'OK');
    await sent(s, { url: s.receiver.url('/dlr?my=7'), format: 'jasmin', dlr_level: 2 }, 'c1');
    await tell(s, 'c1', 'DELIVRD');
    await s.node.statusWhen('it is given up', ({ receipts }) => receipts.givenUp === 1);
    expect(s.receiver.pushed.map(({ method, fields }) => [method, fields['my'], fields['level']])).toEqual(
      Array.from({ length: 4 }, () => ['GET', '7', '2']),
    );
    s.receiver.answering = ACK;
    await sent(s, { url: s.receiver.url(), format: 'jasmin' }, 'c2');
    await tell(s, 'c2', 'DELIVRD');
    await s.node.statusWhen('it is taken', ({ receipts }) => receipts.pushed === 1);
  });
});

describe('an account with a URL', () => {
  test('is told of its messages by SMPP and by REST', async () => {
    const port = (await receive()).port;
    for (const cleanUp of cleanUps.splice(0)) await cleanUp();
    const s = await scene({}, { receipt_url: `http://127.0.0.1:${port}/shop` });
    const own = await receive(port);
    const shop = await LongPeer.bind(s.node.ports['smpp']!, 'shop');
    cleanUps.push(() => shop[Symbol.dispose]());
    const id = await shop.submit('447700900123', 'by SMPP');
    answer(await submitted(s, 1), 0, 'c1');
    await tell(s, 'c1', 'DELIVRD');
    await own.took(1);
    expect(own.pushed[0]!.json).toMatchObject({ id: Number(id), event: 'delivered', carrier_id: 'c1' });
    const byRest = await sent(s, undefined, 'c2');
    await tell(s, 'c2', 'UNDELIV');
    await own.took(2);
    expect(own.pushed[1]!.json).toMatchObject({ id: byRest, event: 'failed' });
    // What says otherwise goes where it says.
    await sent(s, { url: s.receiver.url() }, 'c3');
    await tell(s, 'c3', 'DELIVRD');
    await s.receiver.took(1);
    expect(own.pushed).toHaveLength(2);
    expect(shop.waiting).toBe(0);
  });
});

describe('a receipt that is not taken', () => {
  test('comes again until it is, and only so often', async () => {
    const s = await scene();
    s.receiver.answering = (...of) => saying(s.receiver.pushed.length < 3 ? 500 : 204)(...of);
    await sent(s, { url: s.receiver.url() }, 'c1');
    await tell(s, 'c1', 'DELIVRD');
    await s.receiver.took(3);
    const { receipts } = await s.node.statusWhen(
      'it is settled',
      ({ receipts: { pushed, toPush } }) => pushed === 1 && toPush === 0,
    );
    expect(receipts).toMatchObject({ pushRetried: 2, givenUp: 0 });
    const ids = new Set(s.receiver.pushed.map(({ json }) => json['receipt_id']));
    expect(ids.size).toBe(1);
    // 4 times at all, then it is given up.
    s.receiver.answering = saying(404);
    await sent(s, { url: s.receiver.url() }, 'c2');
    await tell(s, 'c2', 'DELIVRD');
    await s.receiver.took(7);
    const after = await s.node.statusWhen(
      'it is given up',
      ({ receipts: { givenUp, toPush } }) => givenUp === 1 && toPush === 0,
    );
    expect(after.messages.failed).toBe(0);
  });

  test('is not lost by kill -9 between receipt and answer, and comes again', async () => {
    const s = await scene();
    s.receiver.answering = () => undefined;
    await sent(s, { url: s.receiver.url() }, 'c1');
    await tell(s, 'c1', 'DELIVRD');
    await s.receiver.took(1);
    await s.node.kill();
    s.receiver.answering = saying(200);
    await s.again();
    await s.receiver.took(2);
    expect(s.receiver.pushed[1]!.json).toEqual(s.receiver.pushed[0]!.json);
    await s.node.statusWhen('it is settled', ({ receipts }) => receipts.pushed === 1 && receipts.toPush === 0);
  });

  test('waits over a stop for its receiver to come up; the wish of a message that is still out is kept too', async () => {
    const s = await scene();
    const { port } = s.receiver;
    await s.receiver[Symbol.asyncDispose]();
    await sent(s, { url: `http://127.0.0.1:${port}/one` }, 'c1');
    await tell(s, 'c1', 'DELIVRD');
    await sent(s, { url: `http://127.0.0.1:${port}/two` }, 'c2');
    await s.node.statusWhen('it was tried', ({ receipts }) => receipts.pushRetried > 0);
    await s.node.statusWhen('the second is out', ({ receipts }) => receipts.awaited === 1);
    expect(await s.node.stop()).toBe(0);
    await s.again();
    await tell(s, 'c2', 'DELIVRD');
    const receiver = await receive(port);
    await receiver.took(2);
    expect(receiver.pushed.map(({ url }) => url).sort()).toEqual(['/one', '/two']);
  });
});

describe('a receiver that is dead or slow', () => {
  test('keeps nobody else waiting, nor the messages', async () => {
    const s = await scene({ timeout_seconds: 5, connections: 2 });
    const slow = await receive();
    // It takes what comes and never says so.
    slow.answering = () => undefined;
    const gone = await receive();
    const dead = gone.url();
    await gone[Symbol.asyncDispose]();
    const urls = [slow.url(), dead, s.receiver.url()];
    for (let i = 0; i < 60; i++) {
      await sent(s, { url: urls[i % 3] }, `c${i}`);
      await tell(s, `c${i}`, 'DELIVRD');
    }
    await s.receiver.took(20, 4000);
    expect(slow.pushed.length).toBeLessThanOrEqual(2);
    const { receipts, queues } = await s.node.status();
    expect(receipts).toMatchObject({ pushed: 20, toPush: 40 });
    const waiting = queues.filter(({ kind }) => kind === 'webhook').map(({ destination }) => destination);
    expect(waiting.sort()).toEqual(
      urls
        .slice(0, 2)
        .map(url => `http/${new URL(url).origin}`)
        .sort(),
    );
    await waitUntil('the log says so', () =>
      s.node.logs().some(({ msg }) => msg.startsWith('receiver takes no receipts')),
    );
    const lines = s.node.logs().filter(({ msg }) => msg.startsWith('receiver takes no receipts'));
    expect(lines[0]).toMatchObject({
      receiver: new URL(dead).origin,
      reason: expect.stringContaining('ECONNREFUSED'),
    });
    expect(s.node.stdout).not.toContain(SECRET);
  });
});

describe('a URL that may not be pushed to', () => {
  let strict: NodeProcess;
  beforeAll(async () => {
    strict = await startNode({ config: { workers: 1, api_keys: [{ name: 'ops', key: KEY, role: 'admin' }] } });
  });
  afterAll(() => strict[Symbol.asyncDispose]());

  test.each([
    ['not-a-url', /expected an https URL of at most 1024 printable ASCII characters/],
    ['http://app.example/', /expected an https URL$/],
    ['https://user:pass@app.example/', /without user and password/],
    ['https://127.0.0.1/', /loopback, private or link-local/],
    ['https://[::1]/', /loopback, private or link-local/],
    ['https://2130706433/', /loopback, private or link-local/],
    ['https://169.254.169.254/latest/meta-data', /loopback, private or link-local/],
  ])('is refused: %s', async (url, detail) => {
    const { status, body } = await new RestClient(strict, KEY).post(message({ url }));
    expect(status).toBe(422);
    const { errors } = JSON.parse(body) as { errors: readonly { field: string; message: string }[] };
    expect(errors[0]!.field).toBe('receipt.url');
    expect(errors[0]!.message).toMatch(detail);
  });

  test('by its name is not connected to', async () => {
    const s = await scene({ networks: [] });
    // The name of this machine's own address: what counts is where it leads.
    await sent(s, { url: `http://localhost:${s.receiver.port}/` }, 'c1');
    await tell(s, 'c1', 'DELIVRD');
    const { receipts } = await s.node.statusWhen('it is given up', status => status.receipts.givenUp === 1);
    expect(receipts.pushed).toBe(0);
    expect(s.receiver.pushed).toHaveLength(0);
  });

  test('by a redirection neither', async () => {
    const s = await scene({ retries: 0 });
    const other = await receive();
    s.receiver.answering = response => void response.writeHead(302, { location: other.url() }).end();
    await sent(s, { url: s.receiver.url() }, 'c1');
    await tell(s, 'c1', 'DELIVRD');
    await s.node.statusWhen('it is given up', status => status.receipts.givenUp === 1);
    expect(other.pushed).toHaveLength(0);
  });
});
