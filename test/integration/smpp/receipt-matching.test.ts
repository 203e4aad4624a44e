import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startNode, type NodeProcess } from '../../support/node-process.ts';
import { cut, headerPdu, RawPeer, submitPdu } from '../../support/raw-peer.ts';
import {
  answer,
  deliverPdu,
  receiptText,
  ScriptedCarrier,
  tlv,
  type CarrierPeer,
  type Submitted,
} from '../../support/scripted-carrier.ts';
import { withLength } from '../../support/smpp-wire.ts';
import { waitUntil } from '../../support/wait-until.ts';

/**
 * Which receipts find their message: each way to write the id, in text or TLV or both, before and after the response, on the
 * session of the message, on another bind of the carrier, on a session that was opened later, on another carrier of its
 * group. Several thousand ids are near each other, so a wrong reading of one would find another's message.
 */

const MODES = {
  'as-is': {
    given: (n: number) => (0xabcdef0 + n).toString(16),
    told: {
      'as it was': (id: string) => id,
      'in upper case': (id: string) => id.toUpperCase(),
      'with leading zeros': (id: string) => `000${id}`,
      'in upper case with leading zeros': (id: string) => `0000${id.toUpperCase()}`,
    },
  },
  'hex-to-decimal': {
    given: (n: number) => (0x100 + n).toString(16).toUpperCase(),
    told: {
      'in decimal': (id: string) => BigInt(`0x${id}`).toString(),
      'in decimal with leading zeros': (id: string) => `00${BigInt(`0x${id}`)}`,
      'as it was all the same': (id: string) => id,
      'as it was, in lower case with leading zeros': (id: string) => `0${id.toLowerCase()}`,
    },
  },
  'decimal-to-hex': {
    given: (n: number) => String(1000 + n),
    told: {
      'in hexadecimal': (id: string) => BigInt(id).toString(16),
      'in hexadecimal, upper case, leading zeros': (id: string) => `00${BigInt(id).toString(16).toUpperCase()}`,
      'as it was all the same': (id: string) => id,
    },
  },
} as const;

const ORDERS = ['before its response', 'after it'] as const;
const PLACES = ['on its session', 'on another bind', 'on a later session', 'on another carrier of the group'] as const;
const CARRIED = {
  'in the text': (id: string) => ({ text: id, tlv: '' }),
  'in the TLV': (id: string) => ({ text: '', tlv: id }),
  'in both': (id: string) => ({ text: id, tlv: id }),
  'in the TLV, another one in the text': (id: string) => ({ text: 'fedcba9876', tlv: id }),
  'in the text, another one in the TLV': (id: string) => ({ text: id, tlv: 'fedcba9876' }),
} as const;

type Mode = keyof typeof MODES;
const modes = Object.keys(MODES) as Mode[];
const cases = modes.flatMap(mode =>
  Object.keys(MODES[mode].told).flatMap(told =>
    ORDERS.flatMap(order =>
      PLACES.flatMap(place =>
        Object.keys(CARRIED).map(carried => ({ mode, told, order, place, carried: carried as keyof typeof CARRIED })),
      ),
    ),
  ),
);
const phoneOf = (n: number): string => `44${modes.indexOf(cases[n]!.mode)}7700${String(100_000 + n)}`;
const givenId = (n: number): string => MODES[cases[n]!.mode].given(n);
const toldId = (n: number): string => {
  const { mode, told } = cases[n]!;
  return (MODES[mode].told as Record<string, (id: string) => string>)[told]!(givenId(n));
};

const SEPARATE = { bind: 'separate', window: 2000, reconnect_seconds: 0.05 };
let node: NodeProcess;
let shop: RawPeer;
const carriers: Record<string, ScriptedCarrier> = {};
/** The message id that the customer was given, by case. */
const acked: string[] = [];
/** Receipts that the customer got, by that id. */
const got = new Map<string, string[]>();
let lines: string[] = [];

beforeAll(async () => {
  const settings = [];
  const routes = [];
  for (const [i, mode] of modes.entries()) {
    for (const kind of ['own', 'kin'] as const) {
      const name = `${mode}-${kind}`;
      carriers[name] = await ScriptedCarrier.listen();
      const { port } = carriers[name];
      const common = { name, protocol: 'smpp', host: '127.0.0.1', port, system_id: 'r', password: 'r' };
      settings.push({ ...common, ...SEPARATE, receipt_id: mode, receipt_group: mode });
    }
    carriers[`${mode}-trx`] = await ScriptedCarrier.listen();
    const trx = { name: `${mode}-trx`, protocol: 'smpp', host: '127.0.0.1', port: carriers[`${mode}-trx`]!.port };
    settings.push({ ...trx, system_id: 'r', password: 'r', window: 2000, receipt_id: mode });
    routes.push({ called_prefix: `44${i}`, dest_smsc: `${mode}-own` });
  }
  // By the place: those whose receipt comes on the session of the message go by a transceiver.
  const byTrx = cases.flatMap((c, n) =>
    c.place === 'on its session' ? [{ called_prefix: phoneOf(n), dest_smsc: `${c.mode}-trx` }] : [],
  );
  node = await startNode({
    config: {
      accounts: [{ system_id: 'shop', password: 'shop', window: 5000, deliver_window: 2000 }],
      carriers: settings,
      routes: [...routes, ...byTrx],
    },
  });
  await run();
}, 60_000);

afterAll(async () => {
  shop?.[Symbol.dispose]();
  await node?.[Symbol.asyncDispose]();
  for (const carrier of Object.values(carriers)) await carrier[Symbol.asyncDispose]();
});

/** The session of the carrier that receives. */
const receiver = (name: string): CarrierPeer => carriers[name]!.open(1).at(-1) ?? carriers[name]!.open(9)[0]!;

async function run(): Promise<void> {
  for (const mode of modes) {
    for (const kind of ['own', 'kin'] as const) {
      const carrier = carriers[`${mode}-${kind}`]!;
      await waitUntil(`the binds of ${mode}-${kind}`, () => carrier.open(1).length + carrier.open(2).length === 2);
    }
    await waitUntil(`the bind of ${mode}-trx`, () => carriers[`${mode}-trx`]!.open(9).length === 1);
  }
  shop = await RawPeer.bind(node.ports['smpp']!, 'shop');
  collect();
  shop.send(Buffer.concat(cases.map((_, n) => submitPdu(n + 2, phoneOf(n), `case-${n}.`, 1))));
  const submitted: Submitted[] = [];
  await waitUntil('all messages', () => {
    for (const carrier of Object.values(carriers)) {
      for (const message of carrier.submitted.splice(0)) {
        submitted[Number(/case-(\d+)\./.exec(message.pdu.toString('latin1'))![1])] = message;
      }
    }
    return Object.keys(submitted).length === cases.length && acked.filter(Boolean).length === cases.length;
  });

  // Later sessions: the receivers of today go, others take their place.
  const first = modes.flatMap(mode => carriers[`${mode}-own`]!.open(1));
  for (const { socket } of first) socket.destroy();
  await waitUntil('later sessions', () =>
    modes.every(mode => carriers[`${mode}-own`]!.open(1).some(peer => !first.includes(peer))),
  );
  const early: number[] = [];
  const late: number[] = [];
  cases.forEach(({ order }, n) => (order === 'after it' ? late : early).push(n));
  for (const n of early) tell(n);
  // The node has read all of them when it has answered what came behind them.
  for (const peer of new Set(early.map(n => peerOf(n)))) {
    const before = peer.pdus.length;
    peer.socket.write(headerPdu(0x15, 0, 9_999_999));
    await waitUntil('an enquire_link_resp', () =>
      peer.pdus.slice(before).some(pdu => pdu.readUInt32BE(4) === 0x80000015),
    );
  }
  expect(got.size).toBe(0);
  for (const n of [...early, ...late].toReversed()) answer(submitted[n]!, 0, givenId(n));
  for (const n of late) tell(n);
  await waitUntil('all receipts', () => got.size >= cases.length, 15_000).catch(() => undefined);
  lines = cases.map((_, n) => (got.get(acked[n]!) ?? []).join(' and '));
}

function peerOf(n: number): CarrierPeer {
  const { mode, place } = cases[n]!;
  if (place === 'on its session') return receiver(`${mode}-trx`);
  return receiver(place === 'on another carrier of the group' ? `${mode}-kin` : `${mode}-own`);
}

/** The carrier's receipt for case `n`. */
function tell(n: number): void {
  const { text, tlv: tagged } = CARRIED[cases[n]!.carried](toldId(n));
  const said = text === '' ? 'stat:DELIVRD' : receiptText(text);
  const tlvs = tagged === '' ? Buffer.alloc(0) : Buffer.concat([tlv(0x001e, tagged), tlv(0x0427, Buffer.from([2]))]);
  peerOf(n).socket.write(deliverPdu(n + 100, phoneOf(n), 'ACME', said, 0x04, tlvs));
}

/** Reads what the customer is sent, and answers it. */
function collect(): void {
  let rest: Buffer = Buffer.alloc(0);
  shop.socket.on('data', (chunk: Buffer) => {
    rest = Buffer.concat([rest, chunk]);
    for (const pdu of cut(rest)) {
      rest = rest.subarray(pdu.length);
      const sequence = pdu.readUInt32BE(12);
      if (pdu.readUInt32BE(4) === 0x80000004) acked[sequence - 2] = pdu.toString('latin1', 16, pdu.length - 1);
      if (pdu.readUInt32BE(4) !== 5) continue;
      shop.send(withLength(Buffer.concat([headerPdu(0x80000005, 0, sequence), Buffer.from([0])])));
      const said = pdu.toString('latin1');
      const id = /id:(\d+) /.exec(said)![1]!;
      got.set(id, [...(got.get(id) ?? []), `${/44\d+/.exec(said)![0]} ${/stat:(\w+)/.exec(said)![1]}`]);
    }
  });
}

describe.each(modes)('receipt_id %s', mode => {
  describe.each(Object.keys(MODES[mode].told))('the id %s', told => {
    test.each(cases.map((c, n) => ({ ...c, n })).filter(c => c.mode === mode && c.told === told))(
      '$carried, $order, $place',
      ({ n }) => {
        expect(lines[n]).toBe(`${phoneOf(n)} DELIVRD`);
      },
    );
  });
});

test('no receipt is left over, and none was told twice', async () => {
  const { receipts } = await node.status();
  expect(receipts).toMatchObject({ delivered: cases.length, unmatched: 0, awaited: 0, passedOn: cases.length });
});
