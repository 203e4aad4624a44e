import { afterAll, beforeAll, expect, test } from 'vitest';
import { startNode, type NodeProcess } from '../../support/node-process.ts';
import { answer, deliverPdu, ScriptedCarrier } from '../../support/scripted-carrier.ts';
import { RestClient } from '../../support/rest-client.ts';
import { waitUntil } from '../../support/wait-until.ts';

/** Messages from one carrier to another. */

const KEY = 'a-key-of-the-operators-of-this-node';
const carriers: Record<string, ScriptedCarrier> = {};
let node: NodeProcess;

beforeAll(async () => {
  const settings = [];
  for (const name of ['east', 'west', 'south']) {
    const carrier = (carriers[name] = await ScriptedCarrier.listen());
    settings.push({ name, protocol: 'smpp', host: '127.0.0.1', port: carrier.port, system_id: 'r', password: 'r' });
  }
  node = await startNode({
    config: {
      workers: 2,
      api_keys: [{ name: 'ops', key: KEY, role: 'operator' }],
      messages: { hops_max: 4 },
      carriers: settings,
      routes: [
        // As Kannel's reroute-receiver, and reroute-smsc-id.
        { source_smsc: 'east', called_prefix: '777', dest_smsc: 'south' },
        { source_smsc: 'east', dest_smsc: 'west' },
        { source_smsc: 'west', dest_smsc: 'east' },
      ],
    },
  });
  for (const [name, carrier] of Object.entries(carriers)) {
    await waitUntil(`the bind of ${name}`, () => carrier.open(9).length === 1);
  }
}, 60_000);

afterAll(async () => {
  await node?.[Symbol.asyncDispose]();
  for (const carrier of Object.values(carriers)) await carrier[Symbol.asyncDispose]();
});

/** A message from a phone, by that carrier. */
const bring = (name: string, to: string, text: string, sequence: number): void =>
  void carriers[name]!.open(9)[0]!.socket.write(deliverPdu(sequence, '447700900123', to, text, 0));

/** command_status of the answers to what a carrier brought. */
const told = (name: string): number[] =>
  carriers[name]!.open(9)[0]!
    .pdus.filter(pdu => pdu.readUInt32BE(4) === 0x80000005)
    .map(pdu => pdu.readUInt32BE(8));

test('go to the other one, or by their number to a third', async () => {
  bring('east', '999', 'to the west', 501);
  bring('east', '777', 'to the south', 502);
  await waitUntil('one each', () => carriers['west']!.submitted.length + carriers['south']!.submitted.length === 2);
  expect(carriers['west']!.texts(/to the \w+/)).toEqual(['to the west']);
  expect(carriers['south']!.texts(/to the \w+/)).toEqual(['to the south']);
  for (const name of ['west', 'south']) for (const one of carriers[name]!.submitted.splice(0)) answer(one, 0, 'x');
  await node.statusWhen('nothing is left', ({ queues }) => queues.every(q => q.ready + q.parked + q.inFlight === 0));
});

test('that come back again and again end after so many passages, and are named', async () => {
  let passages = 0;
  const bounce = (name: string): void => {
    for (const one of carriers[name]!.submitted.splice(0)) {
      answer(one, 0, `p${passages}`);
      passages++;
      bring(name, '999', 'round and round', 600 + passages);
    }
  };
  bring('east', '999', 'round and round', 600);
  await waitUntil('the end of the loop', () => {
    bounce('west');
    bounce('east');
    return node.logs('loop between carriers: a message that went round was given up').length > 0;
  });
  expect(passages).toBe(4);
  const [line] = node.logs('loop between carriers: a message that went round was given up');
  expect([line!['carrier'], line!['to']]).toEqual(['east', 'west']);
  // It is kept as undeliverable: the carrier has no reason to bring it once more.
  await waitUntil('answers', () => told('east').length + told('west').length === 7);
  expect([...told('east'), ...told('west')]).toEqual([0, 0, 0, 0, 0, 0, 0]);
  const { body } = await new RestClient(node, KEY).request('/metrics');
  expect(body).toMatch(/smsc_messages_looped_total 1\n/);
  await node.statusWhen('nothing is left', ({ queues }) => queues.every(q => q.ready + q.parked + q.inFlight === 0));
});
