import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { Bus } from '../../../runtime/link/bus.ts';
import { Link, LinkClosed } from '../../../runtime/link/link.ts';
import { parseRedisAddress } from '../../../runtime/redis/address.ts';
import { CuttingProxy } from '../../support/cutting-proxy.ts';
import { startRedis, startRedisCluster, type TestRedis } from '../../support/test-redis.ts';
import { waitUntil } from '../../support/wait-until.ts';

const LEASE_MS = 800;

let redis: TestRedis;
const opened: TestBus[] = [];
const proxies: CuttingProxy[] = [];

beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.remove());
afterEach(async () => {
  for (const { bus } of opened.splice(0)) bus.close();
  for (const proxy of proxies.splice(0)) await proxy.close();
});

interface TestBus {
  readonly bus: Bus;
  /** The latest link, which answers 1 with what it was asked and never answers 2. */
  link: Link | undefined;
  links: number;
  closed: number;
  over: number;
  readonly notices: unknown[];
}

function open(url = redis.url): TestBus {
  const bus = new Bus({
    address: parseRedisAddress(url),
    settings: { deadlineMs: 400, insecure: false },
    cluster: 'bus',
    leaseMs: LEASE_MS,
    clock: () => performance.now(),
    linked: (peer, port) => {
      tested.links++;
      tested.link = new Link(port, {
        peer,
        service: {
          request: (verb, body) => (verb === 1 ? body : new Promise(() => undefined)),
          notice: (_verb, body) => void tested.notices.push(body),
        },
        closed: () => tested.closed++,
      });
      return () => void tested.over++;
    },
  });
  const tested: TestBus = { bus, link: undefined, links: 0, closed: 0, over: 0, notices: [] };
  opened.push(tested);
  return tested;
}

async function pair(url = redis.url): Promise<[TestBus, TestBus]> {
  const a = open();
  const b = open(url);
  introduce(a, b);
  await waitUntil('they are linked', () => a.link?.open === true && b.link?.open === true);
  return [a, b];
}

function introduce(...all: readonly TestBus[]): void {
  for (const one of all) {
    one.bus.usePeers(new Set(all.filter(other => other !== one).map(({ bus }) => bus.life)));
  }
}

/** Both speak over it all the time, as nodes do. */
function speaking(...all: readonly TestBus[]): () => void {
  const timer = setInterval(() => all.forEach(({ link }) => link?.notify(3, 'beat')), LEASE_MS / 8);
  return () => clearInterval(timer);
}

test('what is asked is answered, in order, whatever it is made of', async () => {
  const [a, b] = await pair();
  const body = { bytes: Uint8Array.of(1, 2, 3), times: Float64Array.of(1.5), name: 'x', none: undefined };
  expect(await a.link!.request(1, body)).toEqual(body);
  const numbers = Array.from({ length: 500 }, (_, i) => i);
  expect(await Promise.all(numbers.map(i => b.link!.request<number>(1, i)))).toEqual(numbers);
  const large = Buffer.alloc(3_000_000, 7);
  expect(Buffer.compare((await b.link!.request<Uint8Array>(1, large)) as Buffer, large)).toBe(0);
  expect([a.links, b.links, a.over, b.over]).toEqual([1, 1, 0, 0]);
});

test('of a peer that has ended nothing holds any more, at once', async () => {
  const [a, b] = await pair();
  const asked = a.link!.request(2, 'never').catch((error: unknown) => error);
  a.bus.usePeers(new Set());
  expect(await asked).toBeInstanceOf(LinkClosed);
  expect([a.closed, a.over]).toEqual([1, 1]);
  await waitUntil('the other hears of it', () => b.over === 1);
});

test('a connection that is lost closes the link on both sides, and another is made', async () => {
  const proxy = await CuttingProxy.to(redis.port);
  proxies.push(proxy);
  const [a, b] = await pair(`redis://127.0.0.1:${proxy.port}`);
  const stop = speaking(a, b);
  const asked = a.link!.request(2, 'never').catch((error: unknown) => error);
  proxy.cutAll();
  expect(await asked).toBeInstanceOf(LinkClosed);
  await waitUntil('they are linked again', () => a.links > 1 && b.links > 1 && a.link!.open && b.link!.open);
  expect(await b.link!.request(1, 'again')).toBe('again');
  expect([a.over, b.over]).toEqual([a.closed, b.closed]);
  stop();
});

test('a peer that falls silent is given up after its lease, not before', async () => {
  const proxy = await CuttingProxy.to(redis.port);
  proxies.push(proxy);
  const [a, b] = await pair(`redis://127.0.0.1:${proxy.port}`);
  const stop = speaking(a, b);
  const since = performance.now();
  proxy.set('silence');
  await waitUntil('it is over', () => a.over === 1);
  const took = performance.now() - since;
  expect(took).toBeGreaterThan(LEASE_MS * 0.85);
  expect(took).toBeLessThan(LEASE_MS * 2);
  await waitUntil('the other has noticed too', () => b.closed === 1);
  stop();
});

test('in a Redis Cluster', async () => {
  const nodes = await startRedisCluster(2);
  try {
    const url = `redis+cluster://127.0.0.1:${nodes[0]!.port}`;
    const a = open(url);
    const b = open(url);
    introduce(a, b);
    await waitUntil('they are linked', () => a.link?.open === true && b.link?.open === true);
    expect(await a.link!.request(1, 'x')).toBe('x');
  } finally {
    for (const { bus } of opened.splice(0)) bus.close();
    for (const node of nodes) await node.remove();
  }
});
