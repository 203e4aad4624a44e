import { afterEach, describe, expect, test } from 'vitest';
import { startNode, type NodeProcess } from '../../support/node-process.ts';
import { headerPdu, RawPeer, submitPdu } from '../../support/raw-peer.ts';
import { answer, deliverPdu, receiptText, ScriptedCarrier, type Submitted } from '../../support/scripted-carrier.ts';
import { withLength } from '../../support/smpp-wire.ts';
import { waitUntil } from '../../support/wait-until.ts';

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
});

interface Scene {
  readonly node: NodeProcess;
  readonly carriers: readonly ScriptedCarrier[];
  /** The customer, bound. */
  readonly shop: RawPeer;
}

/** A node with these carriers, tried in this order. */
async function scene(...settings: readonly object[]): Promise<Scene> {
  const carriers = await Promise.all(settings.map(() => ScriptedCarrier.listen()));
  const names = ['first', 'second', 'third'];
  const node = await startNode({
    config: {
      workers: 2,
      retry: { base_seconds: 0.02, factor: 1, limit: 2 },
      accounts: [{ system_id: 'shop', password: 'shop' }],
      carriers: carriers.map(({ port }, i) => ({
        name: names[i],
        protocol: 'smpp',
        host: '127.0.0.1',
        port,
        system_id: 'r',
        password: 'r',
        reconnect_seconds: 0.05,
        ...settings[i],
      })),
      routes: carriers.map((_, i) => ({ called_prefix: '44', dest_smsc: names[i], priority: 10 * i })),
    },
  });
  await waitUntil('the binds', () => carriers.every(carrier => carrier.open(9).length === 1));
  const shop = await RawPeer.bind(node.ports['smpp']!, 'shop');
  cleanUps.push(
    ...carriers.map(carrier => () => carrier[Symbol.asyncDispose]()),
    () => node[Symbol.asyncDispose](),
    () => shop[Symbol.dispose](),
  );
  return { node, carriers, shop };
}

/** The n-th message that the carrier was sent (from 1). */
async function message(carrier: ScriptedCarrier, n = 1): Promise<Submitted> {
  await waitUntil(`message ${n}`, () => carrier.submitted.length >= n);
  return carrier.submitted[n - 1]!;
}

/** What the customer is told of its message: the receipt's stat and err. */
async function told(shop: RawPeer): Promise<string> {
  const [, receipt] = await shop.pdus(2);
  const [, stat, err] = /stat:(\w+) err:(\d+)/.exec(receipt!.toString('latin1'))!;
  shop.send(withLength(Buffer.concat([headerPdu(0x80000005, 0, receipt!.readUInt32BE(12)), Buffer.from([0])])));
  return `${stat} ${err}`;
}

const submit = ({ shop }: Scene): void => shop.send(submitPdu(2, '447700900123', 'where to', 1));

describe('a message that a carrier refuses', () => {
  test('goes by the next route, and its sender hears of the last one alone', async () => {
    const s = await scene({}, {}, {});
    const [first, second, third] = s.carriers;
    submit(s);
    // ESME_RSUBMITFAIL, then an error of the vendor's own.
    answer(await message(first!), 0x45);
    answer(await message(second!), 0x0400);
    const taken = await message(third!);
    answer(taken, 0, 'abc');
    expect(taken.pdu.subarray(16)).toEqual(first!.submitted[0]!.pdu.subarray(16));
    taken.session.socket.write(deliverPdu(1, '447700900123', 'ACME', receiptText('abc'), 4));
    expect(await told(s.shop)).toBe('DELIVRD 000');
    const status = await s.node.status();
    expect(status.messages).toMatchObject({ sent: 3, retried: 0, failed: 0 });
    expect(status.receipts).toMatchObject({ delivered: 1, undelivered: 0, passedOn: 1 });
  });

  test('by all of them is undeliverable, with the last status', async () => {
    const s = await scene({}, {});
    submit(s);
    answer(await message(s.carriers[0]!), 0x45);
    answer(await message(s.carriers[1]!), 0x0b);
    expect(await told(s.shop)).toBe('UNDELIV 011');
    expect(s.carriers.map(({ submitted }) => submitted.length)).toEqual([1, 1]);
  });

  test('because of the message itself is undeliverable at once', async () => {
    const s = await scene({}, {});
    submit(s);
    // ESME_RINVMSGLEN: no carrier takes it.
    answer(await message(s.carriers[0]!), 0x01);
    expect(await told(s.shop)).toBe('UNDELIV 001');
    expect(s.carriers[1]!.submitted).toEqual([]);
  });

  test('for a time is tried again there, then by the next route', async () => {
    const s = await scene({}, {});
    submit(s);
    // ESME_RSYSERR: retry.limit is 2. ESME_RTHROTTLED is no failure.
    for (const n of [1, 2, 3]) answer(await message(s.carriers[0]!, n), 0x08);
    answer(await message(s.carriers[1]!), 0x58);
    answer(await message(s.carriers[1]!, 2), 0);
    await s.node.statusWhen('it has left', ({ queues }) => queues.every(q => q.ready + q.inFlight + q.parked === 0));
    expect(s.carriers[0]!.submitted).toHaveLength(3);
  });
});

describe('`errors` of a carrier', () => {
  test('later: as often and as far apart as it says, also for one that is throttled', async () => {
    const s = await scene({ errors: [{ status: 0x58, action: 'later', retries: 3, seconds: 0.05 }] }, {});
    submit(s);
    const at: number[] = [];
    for (const n of [1, 2, 3, 4]) {
      const submitted = await message(s.carriers[0]!, n);
      // Before the answer: what comes next comes later than that by the whole pause.
      at.push(performance.now());
      answer(submitted, 0x58);
    }
    await message(s.carriers[1]!);
    for (const [i, time] of at.slice(1).entries()) expect(time - at[i]!).toBeGreaterThan(45);
    expect(s.carriers[0]!.submitted).toHaveLength(4);
  });

  test('elsewhere: at once, what would be tried again', async () => {
    const s = await scene({ errors: [{ status: 8, action: 'elsewhere' }] }, {});
    submit(s);
    answer(await message(s.carriers[0]!), 8);
    await message(s.carriers[1]!);
    expect(s.carriers[0]!.submitted).toHaveLength(1);
  });

  test('never: no other route', async () => {
    const s = await scene({ errors: [{ status: 0x45, action: 'never' }] }, {});
    submit(s);
    answer(await message(s.carriers[0]!), 0x45);
    expect(await told(s.shop)).toBe('UNDELIV 069');
    expect(s.carriers[1]!.submitted).toEqual([]);
  });
});

describe('no answer in time', () => {
  const overdue = { response_timeout_seconds: 1 };

  test('reroute: it goes by the next route', async () => {
    const s = await scene({ ...overdue, no_answer: 'reroute' }, {});
    submit(s);
    await message(s.carriers[0]!);
    await message(s.carriers[1]!);
  });

  test('reroute, and there is none: again', async () => {
    const s = await scene({ ...overdue, no_answer: 'reroute' });
    submit(s);
    await message(s.carriers[0]!, 2);
  });

  test('reconnect: the session ends, all that was in flight goes again by another', async () => {
    const s = await scene({ ...overdue, no_answer: 'reconnect' });
    submit(s);
    const first = await message(s.carriers[0]!);
    const again = await message(s.carriers[0]!, 2);
    expect(again.session).not.toBe(first.session);
    await waitUntil('its end, here and in the log', () => {
      return !first.session.isOpen && s.node.logs('carrier session lost').length > 0;
    });
    expect(s.node.logs('carrier session lost')[0]).toMatchObject({ reason: 'a message was not answered in time' });
  });

  test('wait: a late answer counts', async () => {
    const s = await scene({ ...overdue, no_answer: 'wait', enquire_link_seconds: 1 });
    submit(s);
    const late = await message(s.carriers[0]!);
    // Twice the time, by the carrier's own account.
    const asked = (): number => late.session.pdus.filter(pdu => pdu.readUInt32BE(4) === 0x15).length;
    await waitUntil('two enquire_links', () => asked() === 2);
    answer(late, 0, 'late');
    late.session.socket.write(deliverPdu(1, '447700900123', 'ACME', receiptText('late'), 4));
    expect(await told(s.shop)).toBe('DELIVRD 000');
    expect(s.carriers[0]!.submitted).toHaveLength(1);
  });

  test('fail: it is given up, and its fate is unknown', async () => {
    const s = await scene({ ...overdue, no_answer: 'fail' }, {});
    submit(s);
    await message(s.carriers[0]!);
    expect(await told(s.shop)).toBe('UNKNOWN 000');
    expect(s.carriers[1]!.submitted).toEqual([]);
  });
});

const many = (from: number, count: number): Buffer =>
  Buffer.concat(Array.from({ length: count }, (_, i) => submitPdu(from + i, '447700900123', `n${from + i}.`)));

test('a carrier whose queue is above its mark gets no new messages until it is below the other', async () => {
  const s = await scene({ window: 1, overload_threshold: 3, normal_threshold: 1 }, {});
  const [first, second] = s.carriers;
  s.shop.send(many(2, 5));
  const warned = (): number => s.node.logs('carrier overloaded: new messages go elsewhere').length;
  // Each worker finds it out by itself.
  await waitUntil('both workers know', () => warned() === 2);
  s.shop.send(many(10, 3));
  await waitUntil('three messages at the second', () => second!.submitted.length === 3);
  expect(second!.texts(/n\d+/).toSorted()).toEqual(['n10', 'n11', 'n12']);
  for (let n = 1; n <= 5; n++) answer(await message(first!, n), 0);
  await waitUntil('it is known', () => s.node.logs('carrier takes new messages again').length === 2);
  s.shop.send(many(20, 1));
  await waitUntil('the next one', () => first!.submitted.length === 6);
  expect(first!.texts(/n\d+/).at(-1)).toBe('n20');
});
