import { afterEach, describe, expect, test } from 'vitest';
import { CarrierLine } from '../../support/carrier-line.ts';
import { startNode, type NodeProcess } from '../../support/node-process.ts';
import { RawPeer, submitPdu } from '../../support/raw-peer.ts';
import { answer, ScriptedCarrier } from '../../support/scripted-carrier.ts';
import { waitUntil } from '../../support/wait-until.ts';

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
});

interface Scene {
  readonly node: NodeProcess;
  readonly carriers: Readonly<Record<string, ScriptedCarrier>>;
  readonly lines: Readonly<Record<string, CarrierLine>>;
  readonly shop: RawPeer;
}

/** A carrier for each name, behind a line that can be cut; they answer what comes. */
async function scene(priorities: Readonly<Record<string, number>>, settings: object = {}): Promise<Scene> {
  const carriers: Record<string, ScriptedCarrier> = {};
  const lines: Record<string, CarrierLine> = {};
  for (const name of Object.keys(priorities)) {
    const carrier = (carriers[name] = await ScriptedCarrier.listen());
    const line = (lines[name] = new CarrierLine(carrier.port));
    await line.mend();
    cleanUps.push(
      () => carrier[Symbol.asyncDispose](),
      () => line[Symbol.dispose](),
    );
  }
  const login = { system_id: 'r', password: 'r', reconnect_seconds: 0.05, reconnect_max_seconds: 0.1 };
  const node = await startNode({
    config: {
      workers: 2,
      accounts: [{ system_id: 'shop', password: 'shop', window: 10_000 }],
      carriers: Object.entries(lines).map(([name, { port }]) => ({
        name,
        protocol: 'smpp',
        host: '127.0.0.1',
        port,
        patience_seconds: 0.5,
        ...login,
        ...settings,
      })),
      routes: Object.entries(priorities).map(([name, priority]) => ({
        called_prefix: '44',
        dest_smsc: name,
        priority,
      })),
    },
  });
  cleanUps.push(() => node[Symbol.asyncDispose]());
  await waitUntil('the binds', () => Object.values(carriers).every(carrier => carrier.open(9).length === 1));
  const shop = await RawPeer.bind(node.ports['smpp']!, 'shop');
  cleanUps.push(() => shop[Symbol.dispose]());
  return { node, carriers, lines, shop };
}

let sequence = 2;
const answered = new WeakMap<ScriptedCarrier, number>();

async function submit({ shop }: Scene, count: number, text: string): Promise<void> {
  shop.take();
  const pdus = Array.from({ length: count }, (_, i) => submitPdu(sequence++, '447700900123', `${text} ${i};`));
  shop.send(Buffer.concat(pdus));
  await shop.pdus(count);
}

/** Answers what has come so far. */
function answerAll(carrier: ScriptedCarrier): void {
  const from = answered.get(carrier) ?? 0;
  for (const message of carrier.submitted.slice(from)) answer(message, 0);
  answered.set(carrier, carrier.submitted.length);
}

/** Of the last ones. */
const again = (carrier: ScriptedCarrier): number => carrier.texts(/again/).filter(text => text !== '').length;

const away = (node: NodeProcess, name: string): boolean =>
  node.logs('carrier has no session: its messages go by their next route').some(({ carrier }) => carrier === name);

const queued = async (node: NodeProcess): Promise<Record<string, number>> =>
  Object.fromEntries(
    (await node.status()).queues.flatMap(q => {
      const count = q.ready + q.inFlight + q.parked;
      return count === 0 ? [] : [[q.destination, count]];
    }),
  );

describe('a carrier without a session', () => {
  test('for less than its patience: its messages wait for it', async () => {
    const s = await scene({ a: 1, b: 2 }, { patience_seconds: 600 });
    s.lines['a']!.cut();
    await waitUntil('the session is lost', () => s.node.logs('carrier session lost').length > 0);
    await submit(s, 5, 'patient');
    expect(await queued(s.node)).toEqual({ a: 5 });
    await s.lines['a']!.mend();
    await waitUntil('all came', () => s.carriers['a']!.submitted.length === 5);
    expect(s.carriers['b']!.submitted).toEqual([]);
  });

  test('among equals: their shares are the others’; then the next priority; and back', async () => {
    const s = await scene({ a: 1, b: 1, c: 2 }, { window: 1000 });
    const { a, b, c } = s.carriers as Record<'a' | 'b' | 'c', ScriptedCarrier>;
    await submit(s, 60, 'both');
    await waitUntil('all came', () => a.submitted.length + b.submitted.length === 60);
    expect(Math.min(a.submitted.length, b.submitted.length)).toBeGreaterThan(10);
    for (const carrier of [a, b]) answerAll(carrier);
    await s.node.statusWhen('settled', ({ queues }) => queues.every(q => q.inFlight === 0));

    s.lines['a']!.cut();
    await waitUntil('a is away', () => away(s.node, 'a'));
    const before = b.submitted.length;
    await submit(s, 40, 'one');
    await waitUntil('all came', () => b.submitted.length === before + 40);

    s.lines['b']!.cut();
    await waitUntil('b is away', () => away(s.node, 'b'));
    // Those 40 were not answered: they go to c as well, where new ones go.
    await submit(s, 40, 'none');
    await waitUntil('all came', () => c.submitted.length === 80);
    answerAll(c);

    await s.lines['a']!.mend();
    await waitUntil('a is back', () => s.node.logs('carrier has a session again').length > 0);
    // Until all threads have heard of it.
    const seen = a.submitted.length;
    while (a.submitted.length === seen) await submit(s, 1, 'probe');
    await submit(s, 20, 'again');
    await waitUntil('all came', () => again(a) + again(c) === 20);
    expect(again(c)).toBe(0);
    expect(new Set(c.texts(/(?:one|none) \d+;/).filter(text => text !== '')).size).toBe(80);
  });

  test('what waits for it goes by the next route, each message once, and what has none waits on', async () => {
    const s = await scene({ a: 1, b: 2 }, { window: 5000, patience_seconds: 4 });
    const b = s.carriers['b']!;
    s.lines['a']!.cut();
    await waitUntil('the session is lost', () => s.node.logs('carrier session lost').length > 0);
    await submit(s, 3000, 'moved');
    expect(b.submitted).toEqual([]);
    await waitUntil('all came', () => b.submitted.length >= 3000, 15_000);
    answerAll(b);
    await s.node.statusWhen('all left', ({ queues }) => queues.every(q => q.ready + q.inFlight + q.parked === 0));
    expect(b.submitted).toHaveLength(3000);
    expect(new Set(b.texts(/moved \d+;/)).size).toBe(3000);
    // Both away: they wait for the first, and no work is done for that.
    s.lines['b']!.cut();
    await waitUntil('b is away', () => away(s.node, 'b'));
    await submit(s, 100, 'waits');
    expect(await queued(s.node)).toEqual({ a: 100 });
    await s.lines['b']!.mend();
    await waitUntil('b has them', () => b.submitted.length === 3100);
    expect((await s.node.status()).messages).toMatchObject({ accepted: 3100, failed: 0 });
  });

  test('that is stopped is passed over like any other', async () => {
    const s = await scene({ a: 1, b: 2 });
    expect(await s.node.command('carriers', 'stop', 'a')).toMatchObject({ code: 0 });
    await waitUntil('a is away', () => away(s.node, 'a'));
    await submit(s, 3, 'passed on');
    await waitUntil('all came', () => s.carriers['b']!.submitted.length === 3);
  });
});
