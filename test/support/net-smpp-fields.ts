import type { PduInput } from '../../adapters/smpp/codec/pdus.ts';
import { tlvName } from '../../adapters/smpp/codec/tlvs.ts';

type Fields = Record<string, unknown>;

/** What Net::SMPP's method of this name is to be told so that it writes the same PDU as `encodePdu`. */
export function netSmppFields(pdu: PduInput): Fields {
  const { command: _, sequence_number: seq, command_status: status, tlvs = [], ...fields } = pdu;
  const told: Fields = { ...fields, seq };
  if (status !== undefined) told['status'] = status;
  if (Buffer.isBuffer(told['short_message'])) told['short_message'] = told['short_message'].toString('latin1');
  // Lists of addresses are told as one list for each field.
  for (const list of ['dest_address', 'unsuccess_sme']) {
    const rows = told[list] as Fields[] | undefined;
    delete told[list];
    for (const name of rows === undefined ? [] : columnsOf(rows)) {
      told[name] = rows!.map(row => row[name] ?? (name === 'destination_addr' ? row['dl_name'] : 0));
    }
  }
  for (const { tag, value } of tlvs) told[tlvName(tag)!] = value.toString('latin1');
  return told;
}

function columnsOf(rows: readonly Fields[]): string[] {
  return [...new Set(rows.flatMap(row => Object.keys(row)))].filter(name => name !== 'dl_name');
}
