import { createRequire } from 'node:module';
import { afterAll, describe, expect, test } from 'vitest';
import { COMMAND_ID } from '../../../adapters/smpp/codec/command-id.ts';
import { encodePdu } from '../../../adapters/smpp/codec/encode.ts';
import type { PduInput } from '../../../adapters/smpp/codec/pdus.ts';
import { TLVS, tlvName, tlvValues, type TlvName } from '../../../adapters/smpp/codec/tlvs.ts';
import { dissectPdus } from '../../support/dissect.ts';
import { netSmppFields } from '../../support/net-smpp-fields.ts';
import { NetSmppCodec } from '../../support/net-smpp.ts';
import { NET_SMPP_VECTORS, NPM_SMPP_VECTORS } from '../../vectors/smpp-foreign-pdus.ts';
import { VECTORS } from '../../vectors/smpp-pdus.ts';

/** Our codec beside three others: perl's Net::SMPP, the npm package `smpp`, and Wireshark's dissector. */
const perl = new NetSmppCodec();
afterAll(() => perl[Symbol.asyncDispose]());

describe('Net::SMPP', () => {
  test.each(NET_SMPP_VECTORS)('writes the vector again: $name', async ({ hex, pdu }) => {
    expect((await perl.encode(pdu.command, netSmppFields(pdu))).toString('hex')).toBe(hex.toString('hex'));
  });

  // It knows nothing of v5.0, and takes no body for a response with an error to be one without fields.
  const known = [...VECTORS, ...NET_SMPP_VECTORS].filter(
    ({ pdu }) => !pdu.command.includes('broadcast') && !(pdu.command_status && pdu.command !== 'data_sm_resp'),
  );
  test.each(known)('reads what we write: $name', async ({ pdu }) => {
    const read = await perl.decode(encodePdu(pdu));
    expect(read.cmd).toBe(pdu.command);
    const { data_coding: _, ...told } = netSmppFields(onlyOneOfEach(pdu));
    expect(read).toMatchObject(told);
  });
});

/** It keeps the last of several TLVs with one tag, and those of vendors without a name. */
function onlyOneOfEach(pdu: PduInput): PduInput {
  const tlvs = (pdu.tlvs ?? []).filter(
    ({ tag }, i, all) => tlvName(tag) && all.findLastIndex(t => t.tag === tag) === i,
  );
  return { ...pdu, tlvs };
}

const { PDU } = createRequire(import.meta.url)('smpp') as {
  PDU: new (command: string, fields: object) => { toBuffer(): Buffer };
};

/** What the package is to be told so that it writes this PDU: it has TLVs by name, in lists where they may be several. */
function npmFields({ tlvs = [], ...fields }: PduInput): object {
  const REPEATED: readonly TlvName[] = [
    'broadcast_area_identifier',
    'broadcast_error_status',
    'broadcast_area_success',
  ];
  const told: Record<string, unknown> = { ...fields };
  for (const { tag } of tlvs) {
    const name = tlvName(tag)!;
    const values = tlvValues(tlvs, name);
    told[name] = REPEATED.includes(name) ? values : values[0];
  }
  return told;
}

describe('npm smpp', () => {
  test.each(NPM_SMPP_VECTORS)('writes the vector again: $name', ({ hex, pdu }) => {
    expect(new PDU(pdu.command, npmFields(pdu)).toBuffer().toString('hex')).toBe(hex.toString('hex'));
  });
});

/** tshark 4.0 reads one octet of broadcast_rep_num, which has two (v5.0 §4.8.4.12), and goes astray behind it. */
const MISREAD = TLVS.broadcast_rep_num.tag;

test('tshark finds no malformed PDU in what we write, whatever the command', async () => {
  const pdus = [...VECTORS, ...NET_SMPP_VECTORS, ...NPM_SMPP_VECTORS].map(({ pdu }) =>
    encodePdu({ ...pdu, tlvs: (pdu.tlvs ?? []).filter(({ tag }) => tag !== MISREAD) }),
  );
  const { pdus: seen, faults } = await dissectPdus(pdus);
  expect(faults).toEqual([]);
  const count = (id: number): number => pdus.filter(pdu => pdu.readUInt32BE(4) === id).length;
  expect(Object.fromEntries(seen)).toEqual(Object.fromEntries(Object.values(COMMAND_ID).map(id => [id, count(id)])));
});
