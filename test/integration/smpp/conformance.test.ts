import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { COMMAND_ID, type CommandName, isResponse } from '../../../adapters/smpp/codec/command-id.ts';
import { statusOf } from '../../../adapters/smpp/codec/command-status.ts';
import { readConformance } from '../../support/conformance.ts';
import { startNode, type NodeProcess } from '../../support/node-process.ts';
import { cut, headerPdu, RawPeer } from '../../support/raw-peer.ts';
import { ScriptedCarrier } from '../../support/scripted-carrier.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { VECTORS } from '../../vectors/smpp-pdus.ts';

/** docs/smpp.md says what answers every request, on both sides: here each is sent to a node that is bound, and answered. */
let carrier: ScriptedCarrier;
let node: NodeProcess;
beforeAll(async () => {
  carrier = await ScriptedCarrier.listen();
  const sink = { name: 'sink', protocol: 'smpp', host: '127.0.0.1', port: carrier.port, system_id: 'r', password: 'r' };
  node = await startNode({
    config: {
      // The receipt of a message that nobody has sent is answered when it has waited in vain.
      receipts: { orphan_wait_seconds: 0.1 },
      accounts: [{ system_id: 'shop', password: 'shop' }],
      carriers: [{ ...sink, reconnect_seconds: 0.05, reconnect_max_seconds: 0.05 }],
    },
  });
});
afterAll(async () => {
  await node?.[Symbol.asyncDispose]();
  await carrier?.[Symbol.asyncDispose]();
});

const requests = readConformance()
  .get('Commands')!
  .filter(({ name }) => !isResponse(COMMAND_ID[name as CommandName]))
  .map(({ name, cells }) => ({ command: name as CommandName, smsc: cells[1]!, esme: cells[2]! }));

/** The first words of a cell, "`data_sm_resp` ESME_RINVBNDSTS: …", as an answer is shown here. */
function said(cell: string): string {
  return cell.split(/[:.]/)[0]!.replaceAll('`', '');
}

/** "data_sm_resp ESME_RINVBNDSTS"; without the status where the statement leaves it open. */
function shown(answer: Buffer | undefined, as: string): string {
  if (answer === undefined) return 'nothing';
  const id = answer.readUInt32BE(4);
  const name = Object.entries(COMMAND_ID).find(([, value]) => value === id)?.[0];
  return as.includes(' ') ? `${name} ${statusOf(answer.readUInt32BE(8)).name}` : `${name}`;
}

/** A PDU of that command out of the specification, with this sequence_number. */
function pdu(command: CommandName, sequence: number): Buffer {
  const { hex } = VECTORS.find(vector => vector.pdu.command === command)!;
  const copy = Buffer.from(hex);
  copy.writeUInt32BE(sequence, 12);
  return copy;
}

const LAST = headerPdu(COMMAND_ID.enquire_link, 0, 78);
const answered = (sequence: number) => (answer: Buffer) => answer.readUInt32BE(12) === sequence;

/** Sends it, and an enquire_link, whose answer shows that there is none to come. Resolves with the answer. */
async function ask(command: CommandName, cell: string, send: (octets: Buffer) => unknown, came: () => Buffer[]) {
  send(Buffer.concat([pdu(command, 77), LAST]));
  const last = said(cell) === 'nothing' ? 78 : 77;
  await waitUntil(`an answer to ${command}`, () => came().some(answered(last)));
  return shown(came().find(answered(77)), said(cell));
}

describe.each(requests)('$command', ({ command, smsc, esme }) => {
  test('an application', async () => {
    using peer = await RawPeer.bind(node.ports['smpp']!, 'shop');
    const answer = await ask(
      command,
      smsc,
      octets => peer.send(octets),
      () => cut(peer.received),
    );
    expect(answer).toBe(said(smsc));
  });

  test('a carrier', async () => {
    await waitUntil('a session', () => carrier.open(9).length > 0);
    const session = carrier.open(9)[0]!;
    session.pdus.length = 0;
    const answer = await ask(
      command,
      esme,
      octets => session.socket.write(octets),
      () => session.pdus,
    );
    expect(answer).toBe(said(esme));
    if (command === 'unbind') await waitUntil('the end of the session', () => !session.isOpen);
  });
});
