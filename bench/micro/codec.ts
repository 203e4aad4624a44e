/**
 * Codec, PDUs a second of one core: `node bench/micro/codec.ts [seconds a case]`.
 *
 * 1,000 submit_sm (numbers of 11 digits, texts of 20 to 160 octets, one in ten with TLVs) as they would stand in chunks
 * of 64 KiB. Prints the median and the extremes of five runs a case. It says nothing about sockets, garbage
 * collection under load or cache misses of a busy process: those are the scenarios' business.
 */
import { createRequire } from 'node:module';
import { cpus } from 'node:os';
import { MessageDraft } from '../../actors/message/draft.ts';
import { COMMAND_ID } from '../../adapters/smpp/codec/command-id.ts';
import { decodePdu } from '../../adapters/smpp/codec/decode.ts';
import { encodePdu } from '../../adapters/smpp/codec/encode.ts';
import { Framer } from '../../adapters/smpp/codec/framer.ts';
import { IdRange, readSm, readSmRespId } from '../../adapters/smpp/codec/hot-read.ts';
import { writeDeliverSmResp, writeSm, writeSmResp } from '../../adapters/smpp/codec/hot-write.ts';
import type { PduOf } from '../../adapters/smpp/codec/pdus.ts';
import { tlv } from '../../adapters/smpp/codec/tlvs.ts';

type NodeSmpp = { PDU: new (a: Buffer | string, fields?: object) => { toBuffer(): Buffer } };
const nodeSmpp = createRequire(import.meta.url)('smpp') as NodeSmpp;

const PDUS = 1000;
const RUNS = 5;
const seconds = Number(process.argv[2] ?? 0.5);

const pdus = Array.from({ length: PDUS }, (_, i) =>
  encodePdu({
    command: 'submit_sm',
    sequence_number: i + 1,
    source_addr_ton: 1,
    source_addr_npi: 1,
    source_addr: String(44_700_000_000 + i * 7919),
    dest_addr_ton: 1,
    dest_addr_npi: 1,
    destination_addr: String(49_151_000_000 + i * 104_729),
    registered_delivery: 1,
    data_coding: 4,
    short_message: Buffer.alloc(20 + ((i * 37) % 141), 0x61 + (i % 26)),
    tlvs: i % 10 === 0 ? [tlv('user_message_reference', i), tlv('source_port', 9200)] : [],
  }),
);
const stream = Buffer.concat(pdus);
const ends = pdus.reduce<number[]>((all, pdu) => [...all, (all.at(-1) ?? 0) + pdu.length], []);
const decoded = pdus.map(pdu => decodePdu(pdu, 0, pdu.length) as PduOf<'submit_sm'>);
const drafts = pdus.map(pdu => {
  const draft = new MessageDraft();
  readSm(draft, pdu, 0, pdu.length);
  return draft;
});
const responses = pdus.map((_, i) =>
  encodePdu({ command: 'submit_sm_resp', sequence_number: i + 1, message_id: String(4_503_599_627_370_496 + i) }),
);
const out = Buffer.alloc(1 << 20);
let sink = 0;

/** Each case handles all PDUs once. */
const CASES: Readonly<Record<string, () => void>> = {
  'hot decode submit_sm': () => {
    const draft = new MessageDraft();
    let at = 0;
    for (let i = 0; i < PDUS; i++) {
      const end = ends[i]!;
      sink += readSm(draft, stream, at, end) + draft.textLength;
      at = end;
    }
  },
  'framer + hot decode, 64 KiB chunks': () => {
    const draft = new MessageDraft();
    const framer = new Framer(66_560);
    const take = {
      frame(buf: Buffer, at: number, end: number): boolean {
        sink += readSm(draft, buf, at, end) + draft.textLength;
        return true;
      },
    };
    for (let at = 0; at < stream.length; at += 65_536) framer.push(stream.subarray(at, at + 65_536), take);
  },
  'hot encode submit_sm': () => {
    let at = 0;
    for (let i = 0; i < PDUS; i++) at = writeSm(out, at, COMMAND_ID.submit_sm, i, drafts[i]!);
    sink += at;
  },
  'hot encode submit_sm_resp, 16 digits': () => {
    let at = 0;
    for (let i = 0; i < PDUS; i++) {
      at = writeSmResp(out, at, COMMAND_ID.submit_sm_resp, 0, i, 4_503_599_627_370_496 + i);
    }
    sink += at;
  },
  'hot decode submit_sm_resp': () => {
    const id = new IdRange();
    for (const response of responses) {
      readSmRespId(response, 0, response.length, id);
      sink += id.length;
    }
  },
  'hot encode deliver_sm_resp': () => {
    let at = 0;
    for (let i = 0; i < PDUS; i++) at = writeDeliverSmResp(out, at, 0, i);
    sink += at;
  },
  'table decode submit_sm': () => {
    for (const pdu of pdus) sink += decodePdu(pdu, 0, pdu.length).sequence_number;
  },
  'table encode submit_sm': () => {
    for (const pdu of decoded) sink += encodePdu(pdu).length;
  },
  'npm smpp decode submit_sm': () => {
    for (const pdu of pdus) sink += Object.keys(new nodeSmpp.PDU(pdu)).length;
  },
  'npm smpp encode submit_sm': () => {
    for (const { command, ...fields } of decoded) sink += new nodeSmpp.PDU(command, fields).toBuffer().length;
  },
};

function perSecond(run: () => void): number {
  const start = performance.now();
  let rounds = 0;
  while (performance.now() - start < seconds * 1000) {
    run();
    rounds++;
  }
  return (rounds * PDUS * 1000) / (performance.now() - start);
}

console.log(`${cpus()[0]?.model ?? 'unknown cpu'}, Node ${process.version}, ${RUNS} runs of ${seconds} s, PDUs/s`);
for (const [name, run] of Object.entries(CASES)) {
  perSecond(run); // warm
  const rates = Array.from({ length: RUNS }, () => perSecond(run)).sort((a, b) => a - b);
  const [low, median, high] = [rates[0]!, rates[RUNS >> 1]!, rates[RUNS - 1]!].map(r => Math.round(r).toLocaleString());
  console.log(`${name.padEnd(38)} ${median!.padStart(12)}   ${low} to ${high}`);
}
if (sink < 0) console.log(sink);
