import { connect } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { STATUS } from '../../../adapters/smpp/codec/command-status.ts';
import type { SimulatorSettings } from '../../../adapters/smpp/simulator/settings.ts';
import { SimulatedCarrier, WAITING_LIMIT } from '../../../adapters/smpp/simulator/simulated-carrier.ts';
import { DELIVER_WINDOW } from '../../../adapters/smpp/simulator/simulator-session.ts';
import { systemClock } from '../../../runtime/clock.ts';
import { Timers } from '../../../runtime/timers.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { NodeSmppClient, type BindCommand, type ClientPdu } from '../../support/node-smpp-client.ts';
import { seededRandom } from '../../support/seeded-random.ts';
import { waitUntil } from '../../support/wait-until.ts';

const SETTINGS: SimulatorSettings = {
  name: 'simulator',
  answer_delay_ms: 0,
  receipt_delay_ms: 0,
  failure_rate: 0,
  throttle_rate: 0,
  mo_per_second: 0,
  mo_from: '447700900999',
  mo_to: '12345',
  mo_text: 'Hello from the simulator',
};

interface Started {
  readonly carrier: SimulatedCarrier;
  readonly port: number;
  readonly clock: ManualClock;
  /** Moves the clock and does what is due then. */
  readonly pass: (ms: number) => void;
}

const clients: NodeSmppClient[] = [];
const ends: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const client of clients.splice(0)) client.destroy();
  for (const end of ends.splice(0)) await end();
});

/** A carrier whose clock only the test moves. */
async function start(settings: Partial<SimulatorSettings> = {}, waitingLimit = WAITING_LIMIT): Promise<Started> {
  const clock = new ManualClock();
  const timers = new Timers(clock, () => () => {});
  const deps = { clock, timers, random: seededRandom(1) };
  const carrier = new SimulatedCarrier({ ...SETTINGS, ...settings }, deps, waitingLimit);
  const port = await carrier.listen();
  ends.push(() => carrier.close());
  const pass = (ms: number): void => {
    clock.advance(ms);
    timers.runDue();
  };
  return { carrier, port, clock, pass };
}

async function bind(port: number, command?: BindCommand, fields?: object): Promise<NodeSmppClient> {
  const client = await NodeSmppClient.bind(port, command, fields);
  clients.push(client);
  return client;
}

const textOf = (pdu: ClientPdu): string => pdu.short_message.message;
const idOf = (pdu: ClientPdu): string => textOf(pdu).slice(3, 15);
const got = (client: NodeSmppClient, count: number): Promise<void> =>
  waitUntil(`${count} deliver_sm`, () => client.deliveries.length === count);

describe('a bind', () => {
  test.each(['bind_transceiver', 'bind_transmitter', 'bind_receiver'] as const)(
    'as %s is accepted, whoever asks, once',
    async command => {
      const { port, carrier } = await start();
      const client = await NodeSmppClient.connect(port);
      clients.push(client);
      const answer = await client.request(command, { system_id: 'any', password: 'thing' });
      expect(answer).toMatchObject({ command: `${command}_resp`, command_status: 0, system_id: 'simulator' });
      // The version it asked for: the package's own, 5.0.
      expect(answer.sc_interface_version).toBe(0x50);
      expect((await client.request(command)).command_status).toBe(STATUS.ESME_RALYBND);
      expect(carrier.sessions).toBe(1);
      expect((await client.request('unbind')).command_status).toBe(0);
      await waitUntil('closed', () => client.closed && carrier.sessions === 0);
    },
  );

  test('is needed for a submit_sm, and not as a receiver', async () => {
    const { port } = await start();
    const unbound = await NodeSmppClient.connect(port);
    clients.push(unbound);
    expect((await unbound.submit()).command_status).toBe(STATUS.ESME_RINVBNDSTS);
    const receiver = await bind(port, 'bind_receiver');
    expect((await receiver.submit()).command_status).toBe(STATUS.ESME_RINVBNDSTS);
  });

  test('offers no more than submit_sm, and says so', async () => {
    const { port } = await start();
    const client = await bind(port);
    expect((await client.request('enquire_link')).command).toBe('enquire_link_resp');
    for (const command of ['query_sm', 'cancel_sm', 'replace_sm', 'data_sm', 'submit_multi']) {
      const { command: name, command_status } = await client.request(command);
      expect([name, command_status]).toEqual([`${command}_resp`, STATUS.ESME_RINVCMDID]);
    }
    expect((await client.submit({ destination_addr: '' })).command_status).toBe(STATUS.ESME_RINVDSTADR);
    expect((await client.submit()).command_status).toBe(0);
  });
});

describe('a receipt', () => {
  test('follows the answer, with the id of the answer', async () => {
    const { port, carrier } = await start();
    const client = await bind(port);
    const { message_id } = await client.submit();
    expect(message_id).toMatch(/^[0-9A-F]{12}$/);
    await got(client, 1);
    const [receipt] = client.deliveries;
    // ManualClock's time.
    expect(textOf(receipt!)).toBe(
      `id:${message_id} sub:001 dlvrd:001 submit date:2311142213 done date:2311142213 stat:DELIVRD err:000 text:Hello`,
    );
    expect(receipt).toMatchObject({
      source_addr: '447700900123',
      destination_addr: 'ACME',
      dest_addr_ton: 5,
      esm_class: 4,
    });
    expect(receipt).toMatchObject({ receipted_message_id: message_id, message_state: 2 });
    await waitUntil('acknowledged', () => carrier.counts.acknowledged === 1);
    expect(carrier.counts).toMatchObject({ accepted: 1, delivered: 1, repeated: 0 });
  });

  test('is sent as far as registered_delivery asks for it', async () => {
    const delivering = await start();
    const failing = await start({ failure_rate: 1 });
    const seen = await Promise.all(
      [delivering, failing].map(async ({ port, carrier }) => {
        const client = await bind(port);
        const answers = await Promise.all(
          [0, 1, 2, 3].map(registered_delivery => client.submit({ registered_delivery })),
        );
        await waitUntil('two receipts', () => carrier.counts.acknowledged === 2);
        const ids = client.deliveries.map(idOf);
        return answers.map(({ message_id }) => ids.includes(message_id));
      }),
    );
    expect(seen).toEqual([
      [false, true, false, true],
      [false, true, true, false],
    ]);
  });

  test('has no TLVs for a peer of version 3.3', async () => {
    const { port } = await start();
    const client = await bind(port, 'bind_transceiver', { interface_version: 0x33 });
    await client.submit();
    await got(client, 1);
    expect(client.deliveries[0]!.receipted_message_id).toBeUndefined();
  });

  test('waits for receipt_delay_ms after the answer, which waits for answer_delay_ms', async () => {
    const { port, pass, carrier } = await start({ answer_delay_ms: 200, receipt_delay_ms: 300 });
    const client = await bind(port);
    let answered = false;
    const answer = client.submit().then(pdu => {
      answered = true;
      return pdu;
    });
    await waitUntil('submitted', () => carrier.waiting === 2);
    pass(195);
    await client.request('enquire_link');
    expect(answered).toBe(false);
    pass(5);
    const { message_id } = await answer;
    pass(295);
    await client.request('enquire_link');
    expect(client.deliveries).toEqual([]);
    pass(5);
    await got(client, 1);
    expect(idOf(client.deliveries[0]!)).toBe(message_id);
    expect(carrier.waiting).toBe(0);
  });

  test('goes to a receiver when the session that submitted is a transmitter', async () => {
    const { port } = await start();
    const transmitter = await bind(port, 'bind_transmitter');
    const receivers = [await bind(port, 'bind_receiver'), await bind(port, 'bind_transceiver')];
    await transmitter.submitMany(20);
    await waitUntil('all', () => receivers.reduce((sum, { deliveries }) => sum + deliveries.length, 0) === 20);
    expect(receivers.map(({ deliveries }) => deliveries.length)).toEqual([10, 10]);
    expect(transmitter.deliveries).toEqual([]);
    await receivers[1]!.submitMany(20);
    await got(receivers[1]!, 30);
  });

  test('waits for a receiver when none is bound', async () => {
    const { port, carrier, pass } = await start();
    const transmitter = await bind(port, 'bind_transmitter');
    const { message_id } = await transmitter.submit();
    pass(60_000);
    expect(carrier.waiting).toBe(1);
    const receiver = await bind(port, 'bind_receiver');
    await got(receiver, 1);
    expect(textOf(receiver.deliveries[0]!)).toContain(
      `id:${message_id} sub:001 dlvrd:001 submit date:2311142213 done date:2311142214`,
    );
  });

  test('is sent no faster than the window allows', async () => {
    const { port, carrier } = await start();
    const client = await bind(port);
    const held: ClientPdu[] = [];
    client.answer = pdu => {
      if (held.length >= DELIVER_WINDOW) return 0;
      held.push(pdu);
      return undefined;
    };
    await client.submitMany(DELIVER_WINDOW + 100);
    await got(client, DELIVER_WINDOW);
    expect(carrier.waiting).toBe(100);
    await client.request('enquire_link');
    expect(client.deliveries.length).toBe(DELIVER_WINDOW);
    const [first] = held;
    client.reply(first!, 0);
    await got(client, DELIVER_WINDOW + 100);
    expect(carrier.counts.acknowledged).toBeGreaterThan(0);
  });

  test('that was not acknowledged is sent again on the next bind, the others are not', async () => {
    const { port, carrier } = await start();
    const first = await bind(port);
    const answered: string[] = [];
    first.answer = pdu => {
      if (first.deliveries.length % 2 === 0) return undefined;
      answered.push(idOf(pdu));
      return 0;
    };
    const answers = await first.submitMany(100);
    await waitUntil('half of them', () => first.deliveries.length === 100 && carrier.counts.acknowledged === 50);
    first.destroy();
    await waitUntil('ended', () => carrier.sessions === 0);
    expect(carrier.waiting).toBe(50);
    const second = await bind(port);
    await waitUntil('the rest', () => carrier.counts.acknowledged === 100);
    const ids = answers.map(({ message_id }) => message_id);
    expect(second.deliveries.map(idOf)).toEqual(ids.filter(id => !answered.includes(id)));
    expect(carrier.counts).toMatchObject({ delivered: 150, repeated: 50, abandoned: 0 });
    expect(carrier.waiting).toBe(0);
  });

  test('is taken by another session when its own ends', async () => {
    const { port, carrier, pass } = await start();
    const silent = await bind(port);
    silent.answer = () => undefined;
    await silent.submitMany(10);
    await got(silent, 10);
    const other = await bind(port);
    silent.destroy();
    await waitUntil('ended', () => carrier.sessions === 1);
    pass(10);
    await got(other, 10);
  });

  test('is given again a second later when the peer has no room, eleven times at most; not when it refuses', async () => {
    const { port, carrier, pass } = await start();
    const client = await bind(port);
    client.answer = () => STATUS.ESME_RX_T_APPN;
    await client.submit();
    for (let times = 1; times <= 10; times++) {
      await waitUntil('given back', () => carrier.counts.repeated === times && carrier.waiting === 1);
      pass(999);
      expect(carrier.waiting).toBe(1);
      pass(1);
      await got(client, times + 1);
    }
    await waitUntil('given up', () => carrier.counts.abandoned === 1);
    expect(carrier.waiting).toBe(0);
    client.answer = () => STATUS.ESME_RX_P_APPN;
    await client.submit();
    await waitUntil('refused', () => carrier.counts.abandoned === 2);
    expect(client.deliveries.length).toBe(12);
  });
});

describe('a share of the messages', () => {
  const COUNT = 2000;

  test('is throttled and another fails, as the random numbers say', async () => {
    const { port, carrier } = await start({ throttle_rate: 0.3, failure_rate: 0.2 });
    const client = await bind(port);
    const answers = await client.submitMany(COUNT);
    await waitUntil('all receipts', () => carrier.counts.acknowledged === carrier.counts.accepted);

    const random = seededRandom(1);
    const expected = Array.from({ length: COUNT }, () => {
      if (random() < 0.3) return 'throttled';
      return random() < 0.2 ? 'UNDELIV' : 'DELIVRD';
    });
    const stats = new Map(client.deliveries.map(pdu => [idOf(pdu), / stat:(\w+) /.exec(textOf(pdu))![1]]));
    const seen = answers.map(({ command_status, message_id }) =>
      command_status === STATUS.ESME_RTHROTTLED ? 'throttled' : stats.get(message_id),
    );
    expect(seen).toEqual(expected);
    const count = (what: string): number => expected.filter(one => one === what).length;
    expect(carrier.counts).toMatchObject({
      throttled: count('throttled'),
      failed: count('UNDELIV'),
      accepted: COUNT - count('throttled'),
    });
    expect(Math.abs(count('throttled') / COUNT - 0.3)).toBeLessThan(0.05);
  });

  test('follows the settings while it runs', async () => {
    const { port, carrier } = await start();
    const client = await bind(port);
    const statuses = async (): Promise<number[]> => (await client.submitMany(3)).map(pdu => pdu.command_status);
    expect(await statuses()).toEqual([0, 0, 0]);
    carrier.apply({ ...SETTINGS, throttle_rate: 1 });
    expect(await statuses()).toEqual([STATUS.ESME_RTHROTTLED, STATUS.ESME_RTHROTTLED, STATUS.ESME_RTHROTTLED]);
    carrier.apply(SETTINGS);
    expect(await statuses()).toEqual([0, 0, 0]);
  });

  test('is refused when too many receipts wait', async () => {
    const { port, carrier, pass } = await start({ receipt_delay_ms: 1000 }, 10);
    const client = await bind(port);
    const statuses = (await client.submitMany(15)).map(pdu => pdu.command_status);
    expect(statuses).toEqual([...Array(10).fill(0), ...Array(5).fill(STATUS.ESME_RMSGQFUL)]);
    expect([carrier.counts.full, carrier.waiting]).toEqual([5, 10]);
    pass(1000);
    await got(client, 10);
    expect((await client.submit()).command_status).toBe(0);
  });
});

describe('messages from phones', () => {
  test('come at their rate while somebody takes them', async () => {
    const { port, carrier, pass } = await start({ mo_per_second: 10 });
    pass(60_000);
    await bind(port, 'bind_transmitter');
    pass(60_000);
    expect(carrier.counts.mo).toBe(0);
    const client = await bind(port);
    for (let i = 0; i < 20; i++) pass(100);
    await got(client, 20);
    expect(client.deliveries[0]).toMatchObject({
      source_addr: '447700900999',
      source_addr_ton: 1,
      destination_addr: '12345',
      dest_addr_ton: 0,
      esm_class: 0,
      data_coding: 1,
    });
    expect(textOf(client.deliveries[0]!)).toBe('Hello from the simulator');
    await waitUntil('acknowledged', () => carrier.counts.acknowledged === 20);
    expect(carrier.counts.mo).toBe(20);
  });

  test('are made up no more while nobody acknowledges them, and not made up for afterwards', async () => {
    const { port, carrier, pass } = await start({ mo_per_second: 1000 });
    const silent = await bind(port);
    silent.answer = () => undefined;
    for (let i = 0; i < 20; i++) pass(100);
    await got(silent, DELIVER_WINDOW);
    expect(carrier.counts.mo).toBe(DELIVER_WINDOW);
    silent.destroy();
    await waitUntil('ended', () => carrier.sessions === 0);
    pass(1000);
    const client = await bind(port);
    await got(client, DELIVER_WINDOW);
    await waitUntil('acknowledged', () => carrier.counts.acknowledged === DELIVER_WINDOW);
    expect(carrier.counts).toMatchObject({ mo: DELIVER_WINDOW, repeated: DELIVER_WINDOW });
    expect(textOf(client.deliveries[0]!)).toBe('Hello from the simulator');
  });

  test('are in UCS-2 where ASCII does not do', async () => {
    const { port, pass } = await start({ mo_per_second: 1, mo_text: 'Grüße ☎' });
    const client = await bind(port);
    pass(10);
    pass(1000);
    await got(client, 1);
    expect(client.deliveries[0]!.data_coding).toBe(8);
    expect(textOf(client.deliveries[0]!)).toBe('Grüße ☎');
  });

  test('of a length that needs a TLV go only to those that know TLVs', async () => {
    const { port, pass, carrier } = await start({ mo_per_second: 1, mo_text: 'ü'.repeat(160) });
    const old = await bind(port, 'bind_transceiver', { interface_version: 0x33 });
    pass(10);
    pass(1000);
    expect(carrier.counts.mo).toBe(0);
    const client = await bind(port);
    pass(1000);
    pass(1000);
    await waitUntil('taken', () => client.deliveries.length > 0);
    expect(client.deliveries[0]!.message_payload!.message).toBe('ü'.repeat(160));
    expect(old.deliveries).toEqual([]);
  });
});

test('a peer that sends what is no PDU is told so and cut off', async () => {
  const { port, carrier } = await start();
  const socket = connect(port, '127.0.0.1');
  const chunks: Buffer[] = [];
  socket.on('data', chunk => chunks.push(chunk));
  socket.write(Buffer.from('00000008000000040000000000000007', 'hex'));
  await new Promise(resolve => socket.once('close', resolve));
  expect(Buffer.concat(chunks).toString('hex')).toBe('00000010800000000000000200000007');
  await waitUntil('ended', () => carrier.sessions === 0);
});

test('close ends the sessions, with whatever still waits', async () => {
  const { port, carrier } = await start({ receipt_delay_ms: 1000 });
  const client = await bind(port);
  await client.submit();
  await carrier.close();
  await waitUntil('closed', () => client.closed);
  await expect(NodeSmppClient.connect(port)).rejects.toThrow('ECONNREFUSED');
});

test('with the clock of the machine, receipts come after their delay', async () => {
  const timers = new Timers(systemClock);
  ends.push(() => timers.close());
  const settings = { ...SETTINGS, receipt_delay_ms: 50 };
  const carrier = new SimulatedCarrier(settings, { clock: systemClock, timers, random: Math.random });
  ends.push(() => carrier.close());
  const client = await bind(await carrier.listen());
  const startMs = performance.now();
  await client.submitMany(50);
  await got(client, 50);
  expect(performance.now() - startMs).toBeGreaterThan(49);
});
