import { Socket } from 'node:net';
import { expect, test } from 'vitest';
import { BatchBuilder, readBatch } from '../../../../actors/message/batch.ts';
import { PublicIds } from '../../../../actors/message/id.ts';
import { ArchiveMode, Kind } from '../../../../actors/message/record.ts';
import { Delivery } from '../../../../actors/route/delivery.ts';
import { DraftWriter } from '../../../../adapters/http/draft-writer.ts';
import { submitSchema } from '../../../../adapters/http/schema.ts';
import { COMMAND_ID } from '../../../../adapters/smpp/codec/command-id.ts';
import { decodePdu } from '../../../../adapters/smpp/codec/decode.ts';
import { MessageWriter } from '../../../../adapters/smpp/mapping.ts';
import { Output } from '../../../../adapters/smpp/output.ts';

/** The submit_sm that a carrier gets of a message that came by REST. */
function submitSmOf(fields: object): ReturnType<typeof decodePdu> {
  const least = { source_msisdn: '1', destination_msisdn: '44', message_body: 'Hi', source_smsc: 'x' };
  const draft = new DraftWriter().fill(submitSchema.parse({ ...least, ...fields }), 0);
  const builder = new BatchBuilder();
  const group = builder.group('sink', 'x', 0);
  const own = { kind: Kind.mt, group, fateAtBirth: 0, archiveMode: ArchiveMode.full, flags: 0 };
  builder.add(draft, { ...own, expiresAt: 1, deliverAfter: 0, route: 1, hops: 0, part: 0, parts: 0, gathered: 0 });
  const delivery = new Delivery(readBatch(builder.close(1, 0, 1), true), new Uint8Array(0), 1);
  const out = new Output(new Socket());
  new MessageWriter(new PublicIds(Buffer.alloc(16)), Date.now).write(out, COMMAND_ID.submit_sm, 7, delivery, 0, true);
  return decodePdu(out.room(0), 0, out.at);
}

test('extras of a message stay here: no SMPP peer gets them', () => {
  const pdu = submitSmOf({ source_imsi: '234150999999999', raw_sip_flag: true });
  expect(pdu).toMatchObject({ command: 'submit_sm', destination_addr: '44', tlvs: [] });
});

test('a text that short_message does not hold goes as message_payload, with extras or without', () => {
  for (const extras of [{}, { dest_imsi: '234150999999999' }]) {
    const pdu = submitSmOf({ message_body: 'x'.repeat(300), ...extras });
    const tlvs = (pdu as { tlvs: { tag: number; value: unknown }[] }).tlvs;
    expect(tlvs.map(({ tag }) => tag)).toEqual([0x0424]);
  }
});
