import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Session } from '../../../drizzle/session.ts';
import { startNode, type NodeProcess } from '../../support/node-process.ts';
import { RestClient, type Answer } from '../../support/rest-client.ts';

const KEYS = { ops: 'ops-0123456789abcdefgh', gateway: 'gateway-0123456789abcd', eyes: 'eyes-0123456789abcdefg' };

const config = {
  workers: 2,
  archive: { enabled: true },
  api_keys: [
    { name: 'ops', key: KEYS.ops, role: 'admin' },
    { name: 'gateway', key: KEYS.gateway, role: 'frontend' },
    { name: 'eyes', key: KEYS.eyes, role: 'viewer' },
  ],
  accounts: [
    { system_id: 'shop', password: 'shop' },
    { system_id: 'bank', password: 'bank' },
  ],
  carriers: [
    { name: 'sim', protocol: 'simulator', receipt_delay_ms: 0 },
    // Its receipts come when nobody waits for them any more.
    { name: 'slow', protocol: 'simulator', receipt_delay_ms: 3_600_000 },
    // Nobody listens there: what goes to it stays queued.
    { name: 'away', protocol: 'smpp', host: '127.0.0.1', port: 9, system_id: 'x', password: 'x' },
  ],
  frontends: [{ name: 'gateway' }],
  routes: [
    { called_prefix: '44', dest_smsc: 'sim' },
    { called_prefix: '49', dest_smsc: 'slow' },
    { called_prefix: '33', dest_smsc: 'away' },
    { called_prefix: '999', drop: true },
  ],
};

type View = Record<string, unknown>;

const message = (to: string, more: object = {}): object => ({
  source_msisdn: '+15550100',
  destination_msisdn: to,
  message_body: 'Hello, World!',
  source_smsc: 'shop',
  ...more,
});

const idsOf = (messages: readonly View[]): unknown[] => messages.map(({ id }) => id);
const nextOf = ({ headers }: Answer): string | undefined => /^<(.*)>; rel="next"$/.exec(headers.get('link') ?? '')?.[1];

describe('a node', () => {
  let node: NodeProcess;
  let dataDir: string;
  let ops: RestClient;

  beforeAll(async () => {
    dataDir = mkdtempSync(join(tmpdir(), 'heliograph-lists-'));
    node = await startNode({ config, dataDir });
    ops = new RestClient(node, KEYS.ops);
  });
  afterAll(async () => {
    // Not killed: its database would live on.
    await node.stop();
    await node[Symbol.asyncDispose]();
    rmSync(dataDir, { recursive: true, force: true });
  });

  const views = ({ status, body }: Answer): View[] => {
    expect([status, status === 200 ? '' : body]).toEqual([200, '']);
    return JSON.parse(body) as View[];
  };
  const list = async (parameters = '', client = ops): Promise<View[]> =>
    views(await client.request(`/api/messages${parameters}`));

  test('lists what waits, what is out, what is done and what is archived: each once, as it is shown alone', async () => {
    const archived = await ops.submit(message('+447700900001', { source_smsc: 'bank' }));
    const dropped = await ops.submit(message('999', { source_smsc: 'bank', source_msisdn: 'Bank' }));
    for (const id of [archived, dropped]) {
      await ops.messageWhen('it is archived', id, ({ found_in }) => found_in === 'archive', 60_000);
    }
    const out = await ops.submit(message('4915100000001'));
    await ops.messageWhen('it is sent', out, ({ status }) => status === 'sent');
    const waits = await ops.submit(message('+33700900001'));
    const later = new Date(Date.now() + 3_600_000).toISOString();
    const scheduled = await ops.submit(message('+447700900002', { deliver_after: later, source_smsc: 'bank' }));
    const done = await ops.submit(message('+447700900001'));
    await ops.messageWhen('it is delivered', done, ({ status }) => status === 'delivered');

    const all = await list();
    expect(idsOf(all)).toEqual([done, scheduled, waits, out, dropped, archived]);
    const found = new Map(all.map(view => [view['id'], view['found_in']]));
    expect([found.get(archived), found.get(dropped), found.get(waits)]).toEqual(['archive', 'archive', 'queue']);
    for (const id of [archived, dropped, out, waits, scheduled]) {
      const alone = (await ops.get(id)).json;
      const { found_in: _, ...shown } = all.find(view => view['id'] === id)!;
      expect(alone).toMatchObject(shown);
    }
    expect(idsOf(await list('?account=bank'))).toEqual([scheduled, dropped, archived]);
    expect(idsOf(await list('?account=nobody'))).toEqual([]);
    expect(idsOf(await list('?queue=away'))).toEqual([waits]);
    expect(idsOf(await list('?dest_smsc=sim'))).toEqual([done, scheduled, archived]);
    expect(idsOf(await list('?destination=%2B447700900001'))).toEqual([done, archived]);
    expect(idsOf(await list('?destination=447700900001&account=bank'))).toEqual([archived]);
    expect(idsOf(await list('?source=Bank'))).toEqual([dropped]);
    expect(idsOf(await list('?status=queued'))).toEqual([scheduled, waits]);
    expect(idsOf(await list('?status=sent'))).toEqual([out]);
    expect(idsOf(await list('?status=delivered'))).toEqual([done, archived]);
    expect(idsOf(await list('?status=dropped'))).toEqual([dropped]);
    expect(idsOf(await list('?limit=2'))).toEqual([done, scheduled]);
    const future = new Date(Date.now() + 60_000).toISOString();
    const past = new Date(Date.now() - 60 * 60_000).toISOString();
    expect(idsOf(await list(`?from=${future}`))).toEqual([]);
    expect(idsOf(await list(`?to=${past}`))).toEqual([]);
    expect(idsOf(await list(`?from=${past}&to=${future}&account=bank`))).toEqual([scheduled, dropped, archived]);
  });

  test('shows a frontend its own and what is for it, and a viewer no texts', async () => {
    const gateway = new RestClient(node, KEYS.gateway);
    const own = await gateway.submit(message('+33700900002', { source_smsc: 'gateway' }));
    const forIt = await ops.submit(message('77', { dest_smsc: 'gateway' }));
    expect(idsOf(await list('', gateway))).toEqual([forIt, own]);
    const [foreign, unknown] = [await list('?account=bank', gateway), await list('?account=nobody', gateway)];
    expect([foreign, unknown]).toEqual([[], []]);
    expect(idsOf(await list('?account=shop', gateway))).toEqual([forIt]);
    const seen = await list('?limit=1000', new RestClient(node, KEYS.eyes));
    expect(seen.length).toBeGreaterThan(2);
    expect(new Set(seen.map(view => view['message_body']))).toEqual(new Set([null]));
    expect((await new RestClient(node, '').request('/api/messages')).status).toBe(401);
  });

  test('page by page, over queue and archive and all workers, while more come and go', async () => {
    const ids: number[] = [];
    for (let i = 0; i < 8; i++) {
      const some = Array.from({ length: 20 }, (_, n) =>
        message(n % 2 === 0 ? '+33700900003' : '999', { source_msisdn: 'Pages' }),
      );
      ids.push(...(await Promise.all(some.map(one => ops.submit(one)))));
    }
    const reading = { over: false };
    const more = (async () => {
      while (!reading.over) await ops.submit(message('999', { source_msisdn: 'Pages' }));
    })();
    const seen: unknown[] = [];
    const times: string[] = [];
    let next: string | undefined = '/api/messages?source=Pages&limit=25';
    for (let pages = 0; next !== undefined; pages++) {
      const answer: Answer = await ops.request(next);
      const page = views(answer);
      expect(page.length).toBeLessThanOrEqual(25);
      seen.push(...idsOf(page));
      times.push(...page.map(view => view['inserted_at'] as string));
      next = nextOf(answer);
      expect(pages).toBeLessThan(200);
    }
    reading.over = true;
    await more;
    expect(new Set(seen).size).toBe(seen.length);
    expect(ids.filter(id => !seen.includes(id))).toEqual([]);
    expect(times).toEqual(times.toSorted().toReversed());
  });

  test('names what is wrong with a request', async () => {
    const { status, json } = await ops.request('/api/messages?limit=1001&from=now');
    expect([status, json['type']]).toEqual([400, 'urn:heliograph:problem:bad-request']);
    expect(json['detail']).toBe(
      'from: expected a time such as 2026-05-31T10:30:00Z, got "now"; limit: expected a whole number from 1 to 1000, got "1001"',
    );
  });

  test('says that the archive cannot be asked, and lists what is queued', async () => {
    const waits = await ops.submit(message('+33700900004'));
    const folder = encodeURIComponent(join(dataDir, 'postgres/run'));
    const url = `postgres:///postgres?host=${folder}&user=postgres`;
    await using session = new Session(url, { applicationName: 'test', statementTimeoutMs: 60_000 });
    await session.transaction(async tx => {
      await tx`LOCK TABLE messages IN ACCESS EXCLUSIVE MODE`;
      const answer = await ops.request('/api/messages?limit=1');
      expect(idsOf(views(answer))).toEqual([waits]);
      expect(answer.headers.get('warning')).toMatch(/^199 - "the archive cannot be asked now/);
    });
    const after = await ops.request('/api/messages?limit=1');
    expect([idsOf(views(after)), after.headers.get('warning')]).toEqual([[waits], null]);
  });
});
