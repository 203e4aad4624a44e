import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { messageId, stripeOf } from '../../../../actors/message/id.ts';
import { What } from '../../../../actors/message/ledger.ts';
import type { Claimed, LedgerFrame, MessageStore, Tenure } from '../../../../actors/ports.ts';
import type { ClaimedFrom } from '../../../../actors/store/peer-claims.ts';
import { StripedStore } from '../../../../actors/store/striped-store.ts';
import { LmdbStore } from '../../../../adapters/store-lmdb/lmdb-store.ts';
import { RuntimeError } from '../../../../runtime/errors.ts';
import { appendAs, claimed, frame, messagesIn, receiptFor, sent, sentAs, SENT } from '../../../contract/engine.ts';
import { waitUntil } from '../../../support/wait-until.ts';

let folder: string;
const stores: LmdbStore[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'heliograph-striped-'));
});
afterEach(async () => {
  for (const store of stores.splice(0)) await store.close();
  rmSync(folder, { recursive: true });
});

function stripe(number: number): LmdbStore {
  const settings = { maxQueued: 1e6, maxOutbox: 1e9, diskReserveOctets: 1024 * 1024, lingerMs: 0, reserveOctets: 0 };
  const store = new LmdbStore(
    join(folder, String(number)),
    settings,
    {
      now: () => Date.now(),
      monotonic: () => performance.now(),
      atDisk: () => undefined,
      fatal: (line, error) => {
        throw new Error(line, { cause: error });
      },
      alarm: () => undefined,
      ready: () => undefined,
    },
    number,
  );
  stores.push(store);
  return store;
}

const tenure = (): { holds: boolean; isOver: boolean } => ({ holds: true, isOver: false });
const peerOf = (store: MessageStore, of: Tenure = tenure()): ClaimedFrom => ({ store, tenureOf: () => of });

const append = (store: MessageStore, number: number, text: string, more = {}): ReturnType<typeof appendAs> =>
  appendAs(store, number, Date.now(), [sent(text)], [], more);

test('fates that come with receipts are recorded in the stripes of their messages, whichever takes the receipts', async () => {
  const [zero, one] = [stripe(0).claimant().store, stripe(1).claimant().store];
  const store = new StripedStore(
    new Map([
      [0, zero],
      [1, one],
    ]),
    'waits',
  );
  const number = await one.allocate(1);
  await append(one, number, 'of stripe one');
  expect(stripeOf(number)).toBe(1);
  const [message] = await claimed(store, 'sink');
  const ledger = [frame('sink', [[message!.id, sentAs('c1')]])];
  expect(await append(store, await store.allocate(1), 'a receipt', { ledger, exempt: true })).toMatchObject({
    type: 'done',
  });
  expect([...(await store.correlate('sink', ['c1'])).ids]).toEqual([message!.id]);
  expect((await store.stats()).queues.find(queue => queue.destination === 'sink')).toMatchObject({ claimed: 0 });
  await store.settle([frame('sink', [[message!.id, receiptFor('c1')]])]);
  expect((await store.find(message!.id))?.fate).toBe(2);
});

test('what became of a message waits for whoever has its stripe next; over a link it is refused', async () => {
  const own = new Map<number, MessageStore>([[0, stripe(0).claimant().store]]);
  const store = new StripedStore(own, 'waits');
  const keeper = stripe(1).claimant().store;
  const number = await keeper.allocate(1);
  await append(keeper, number, 'x');
  const frames = [frame('sink', [[messageId(number, 0), SENT]])];
  await expect(new StripedStore(own, 'refused').settle(frames)).rejects.toThrow(RuntimeError);
  let isDone = false;
  const settled = store.settle(frames).then(() => (isDone = true));
  await store.settle([frame('sink', [])]);
  expect(isDone).toBe(false);
  store.connect(1, [1], peerOf(keeper));
  await settled;
  expect((await store.find(messageId(number, 0)))?.fate).toBe(1);
});

test('a peer that does not answer holds up nothing of ours; what it gives late is claimed next', async () => {
  const own = stripe(0).claimant().store;
  const peer = stripe(1).claimant().store;
  const ready: string[] = [];
  const store = new StripedStore(new Map([[0, own]]), 'waits', destinations => ready.push(...destinations));
  const { promise: stuck, resolve: answer } = Promise.withResolvers<void>();
  const claim = async (destination: string, max: number): Promise<readonly Claimed[]> => {
    await stuck;
    return peer.claim(destination, max);
  };
  store.connect('b', [1], peerOf({ ...peer, claim }));
  store.rang('b', ['sink']);
  await append(peer, await peer.allocate(1), 'theirs');
  await append(own, await own.allocate(1), 'ours');
  expect(messagesIn(await store.claim('sink', 10)).map(({ text }) => text)).toEqual(['ours']);
  expect(await store.claim('sink', 10)).toEqual([]);
  answer();
  await waitUntil('it has come', () => ready.includes('sink'));
  expect(messagesIn(await store.claim('sink', 10)).map(({ text }) => text)).toEqual(['theirs']);
});

test('a peer that rings before its empty answer is looked at is asked again', async () => {
  const own = stripe(0).claimant().store;
  const peer = stripe(1).claimant().store;
  const ready: string[] = [];
  const store = new StripedStore(new Map([[0, own]]), 'waits', destinations => ready.push(...destinations));
  const { promise: stuck, resolve: answer } = Promise.withResolvers<readonly Claimed[]>();
  let calls = 0;
  const claim = (destination: string, max: number): Promise<readonly Claimed[]> =>
    calls++ === 0 ? stuck : peer.claim(destination, max);
  store.connect('b', [1], peerOf({ ...peer, claim }));
  store.rang('b', ['sink']);
  expect(await store.claim('sink', 10)).toEqual([]);
  await append(peer, await peer.allocate(1), 'theirs');
  // One frame of the link has both: whoever waits for the answer goes on only afterwards.
  answer([]);
  store.rang('b', ['sink']);
  await waitUntil('the answer has been looked at', () => ready.includes('sink'));
  ready.length = 0;
  expect(await store.claim('sink', 10)).toEqual([]);
  await waitUntil('it has come', () => ready.includes('sink'));
  expect(messagesIn(await store.claim('sink', 10)).map(({ text }) => text)).toEqual(['theirs']);
});

test('a peer that could not be asked is asked again', async () => {
  const peer = stripe(1).claimant().store;
  const ready: string[] = [];
  const store = new StripedStore(new Map(), 'waits', destinations => ready.push(...destinations));
  await append(peer, await peer.allocate(1), 'theirs');
  let calls = 0;
  const claim = (destination: string, max: number): Promise<readonly Claimed[]> =>
    calls++ === 0 ? Promise.reject(new RuntimeError('LINK_FULL', 'full')) : peer.claim(destination, max);
  store.connect('b', [1], peerOf({ ...peer, claim }));
  store.rang('b', ['sink']);
  let texts: string[] = [];
  await waitUntil('it has come', async () => {
    texts = messagesIn(await store.claim('sink', 10)).map(({ text }) => text);
    return texts.length > 0;
  });
  expect(texts).toEqual(['theirs']);
  expect(ready).toContain('sink');
});

test('what comes late and nobody takes is given back', async () => {
  const peer = stripe(1).claimant().store;
  const ready: string[] = [];
  const store = new StripedStore(new Map(), 'waits', destinations => ready.push(...destinations));
  const told: number[] = [];
  const settle = async (frames: readonly LedgerFrame[]): Promise<void> => {
    for (const { entries } of frames) told.push(entries[8]!);
    await peer.settle(frames);
  };
  store.connect('b', [1], peerOf({ ...peer, settle }));
  store.rang('b', ['sink']);
  await append(peer, await peer.allocate(1), 'theirs');
  expect(await store.claim('sink', 10)).toEqual([]);
  await waitUntil('it is given back', () => told.length > 0);
  expect(told).toEqual([What.released]);
  expect(messagesIn(await peer.claim('sink', 10)).map(({ text }) => text)).toEqual(['theirs']);
});

test('what was claimed in a tenure that is over is not given; what another peer has given is', async () => {
  const [b, c] = [stripe(1).claimant().store, stripe(2).claimant().store];
  const ready: string[] = [];
  const store = new StripedStore(new Map(), 'waits', destinations => ready.push(...destinations));
  await append(b, await b.allocate(1), 'of b');
  await append(c, await c.allocate(1), 'of c');
  const tenures = [tenure(), tenure()];
  store.connect('b', [1], peerOf(b, tenures[0]));
  store.connect('c', [2], peerOf(c, tenures[1]));
  for (const peer of ['b', 'c']) store.rang(peer, ['sink']);
  // Each asks one.
  expect(await Promise.all([store.claim('sink', 1), store.claim('sink', 2)])).toEqual([[], []]);
  await waitUntil('both have come', () => ready.length === 2);
  tenures[0]!.isOver = true;
  store.lapsed();
  const claims = await store.claim('sink', 10);
  expect(messagesIn(claims).map(({ text }) => text)).toEqual(['of c']);
  expect(claims[0]!.tenure).toBe(tenures[1]);
});

test('what a peer gave before it told that the stripe is gone is not taken', async () => {
  const b = stripe(1).claimant().store;
  const ready: string[] = [];
  const store = new StripedStore(new Map(), 'waits', destinations => ready.push(...destinations));
  await append(b, await b.allocate(1), 'of b');
  store.connect('b', [1], { store: b, tenureOf: () => undefined });
  store.rang('b', ['sink']);
  expect(await store.claim('sink', 10)).toEqual([]);
  await waitUntil('it has come', () => ready.length > 0);
  expect(await store.claim('sink', 10)).toEqual([]);
});
