import type { Batch, Group } from '../../actors/message/batch.ts';
import { messageId, type PublicIds } from '../../actors/message/id.ts';
import { ArchiveMode, R, RecordFlag, validUntil } from '../../actors/message/record.ts';
import { CopyEncoder, pgDay } from './copy-encoder.ts';
import type { Fold } from './fold.ts';

/**
 * The text of a message's octets in a data_coding (SMPP v3.4 §5.2.19), after the user data header where there is one;
 * undefined when they are not text. What cannot be read in it is U+FFFD.
 */
export type DecodeText = (octets: Buffer, dataCoding: number, udhPresent: boolean) => string | undefined;

/**
 * Rows of `messages` in COPY's binary format. What never changes in a row lies in a template of fixed offsets: it is
 * copied and patched, so a row costs a copy and a few stores.
 */

/** Fixed columns in the order of COPY, with their octets. */
const FIXED = [
  ['address', 8],
  ['id', 8],
  ['accepted_at', 8],
  ['day', 4],
  ['route', 4],
  ['table_version', 4],
  ['kind', 2],
  ['fate', 2],
  ['attempts', 2],
  ['priority', 2],
  ['data_coding', 2],
  ['esm_class', 2],
  ['protocol_id', 2],
  ['registered_delivery', 2],
  ['source_ton', 2],
  ['source_npi', 2],
  ['dest_ton', 2],
  ['dest_npi', 2],
  ['receipt_as', 2],
] as const;

/** The others, in the order in which `write` gives them. */
const VARIABLE = [
  'account',
  'destination',
  'source_addr',
  'dest_addr',
  'service_type',
  'settled_at',
  'done_at',
  'expires_at',
  'error',
  'carrier_id',
  'text',
  'body',
  'udh',
  'tlvs',
] as const;

export const MESSAGE_COLUMNS: readonly string[] = [...FIXED.map(([name]) => name), ...VARIABLE];

/** Offset in the template of each fixed column's value. */
const F = {} as Record<(typeof FIXED)[number][0], number>;
const TEMPLATE = layTemplate();

/** Octets of a record that are one octet in the row, too: [column's offset, record's offset]. */
const BYTES: readonly (readonly [number, number])[] = [
  [F.kind, R.kind],
  [F.priority, R.priority],
  [F.data_coding, R.dataCoding],
  [F.esm_class, R.esmClass],
  [F.protocol_id, R.protocolId],
  [F.registered_delivery, R.registeredDelivery],
  [F.source_ton, R.sourceTon],
  [F.source_npi, R.sourceNpi],
  [F.dest_ton, R.destTon],
  [F.dest_npi, R.destNpi],
];

/** Room for all but addresses, ids and bodies. */
const SLACK = 512;
const UDH_INDICATOR = 0x40; // esm_class, SMPP v3.4 §5.2.12

/** Octets that are the same character in GSM 03.38, ASCII and Latin-1: text of these alone needs no decoding. */
const PLAIN = new Uint8Array(256);
for (const c of '\n\r !"#%&\'()*+,-./0123456789:;<=>?ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz') {
  PLAIN[c.charCodeAt(0)] = 1;
}

export class MessageRows {
  readonly encoder = new CopyEncoder();
  readonly #ids: PublicIds;
  readonly #decode: DecodeText;
  readonly #template = Buffer.from(TEMPLATE);
  readonly #templateView = new DataView(this.#template.buffer, this.#template.byteOffset, this.#template.length);
  #batch: Batch | undefined;
  #fold: Fold | undefined;
  #ledger: Buffer = this.#template;
  /** Per group of the batch: its account and destination as fields. */
  #groupFields: Buffer[] = [];

  constructor(ids: PublicIds, decode: DecodeText) {
    this.#ids = ids;
    this.#decode = decode;
  }

  /** The rows that follow are of this batch. */
  start(batch: Batch, fold: Fold, ledger: Buffer): void {
    this.#batch = batch;
    this.#fold = fold;
    this.#ledger = ledger;
    this.#groupFields = batch.groups.map(groupFields);
    const scratch = this.encoder;
    scratch.reserve(16);
    scratch.setInstant(scratch.at, batch.createdAt);
    scratch.buffer.copy(this.#template, F.accepted_at, scratch.at, scratch.at + 8);
    this.#templateView.setInt32(F.day, pgDay(batch.createdAt));
    this.#templateView.setInt32(F.table_version, batch.tableVersion);
  }

  /** Writes the row of message `index`, which must be in the batch. `fate`: its last one. */
  write(index: number, fate: number): void {
    const batch = this.#batch!;
    const fold = this.#fold!;
    const b = batch.buffer;
    const record = batch.offsets[index]!;
    const e = this.encoder;
    const fields = this.#groupFields[b[record + R.group]!]!;
    e.reserve(TEMPLATE.length + fields.length + 3 * b.readUInt32LE(record) + SLACK);
    const row = e.at;
    e.raw(this.#template, 0, TEMPLATE.length);
    const address = messageId(batch.number, index);
    e.setInt64(row + F.address, address);
    e.setInt64(row + F.id, this.#ids.toPublic(address));
    e.setInt32(row + F.route, b.readUInt32LE(record + R.route));
    const out = e.buffer;
    for (const [column, field] of BYTES) out[row + column + 1] = b[record + field]!;
    const hasReceipt = (b.readUInt16LE(record + R.flags) & (RecordFlag.pull | RecordFlag.part)) === 0;
    e.setInt16(row + F.receipt_as, hasReceipt ? b[record + R.sibling]! : -1);
    out[row + F.fate + 1] = fate;
    out[row + F.attempts + 1] = fold.attempts[index]!;
    e.raw(fields, 0, fields.length);

    let at = record + R.head;
    const sourceLength = b[record + R.sourceLength]!;
    e.latin1(b, at, sourceLength);
    at += sourceLength;
    const destLength = b[record + R.destLength]!;
    e.latin1(b, at, destLength);
    at += destLength;
    const serviceTypeLength = b[record + R.serviceTypeLength]!;
    if (serviceTypeLength === 0) e.nullField();
    else e.latin1(b, at, serviceTypeLength);
    at += serviceTypeLength;

    this.#outcome(index, batch.createdAt);
    e.instantOrNull(validUntil(b, record));
    const failed = fold.receipt[index] === 1 ? fold.receiptError[index]! : fold.settledError[index]!;
    e.int64OrNull(failed);
    const carrierIdLength = fold.carrierIdLength[index]!;
    if (carrierIdLength === 0) e.nullField();
    else e.latin1(this.#ledger, fold.carrierIdAt[index]!, carrierIdLength);

    const stub = (b.readUInt16LE(record + R.flags) & RecordFlag.stub) !== 0;
    if (b[record + R.archiveMode] === ArchiveMode.full && !stub) this.#content(b, record, at);
    else for (let i = 0; i < 4; i++) e.nullField();
  }

  /** settled_at and done_at. */
  #outcome(index: number, createdAt: number): void {
    const fold = this.#fold!;
    const settledAt = fold.settledAt[index]!;
    // No entry: settled at birth.
    this.encoder.instantOrNull(settledAt === 0 ? createdAt : settledAt);
    this.encoder.instantOrNull(fold.receipt[index] === 1 ? fold.receiptAt[index]! : 0);
  }

  /** text, body, udh, tlvs. */
  #content(b: Buffer, record: number, textAt: number): void {
    const e = this.encoder;
    const textLength = b.readUInt32LE(record + R.textLength);
    const tlvsLength = b.readUInt32LE(record + R.tlvsLength);
    let udhLength = 0;
    if ((b[record + R.esmClass]! & UDH_INDICATOR) !== 0 && textLength > 0 && b[textAt]! < textLength) {
      udhLength = 1 + b[textAt]!;
    }
    const from = textAt + udhLength;
    const length = textLength - udhLength;
    const dataCoding = b[record + R.dataCoding]!;
    if (length === 0) {
      e.nullField();
      e.nullField();
    } else if (udhLength === 0 && isPlain(b, from, length, dataCoding)) {
      e.octets(b, from, length);
      e.nullField();
    } else {
      this.#decoded(b.subarray(textAt, textAt + textLength), udhLength, dataCoding);
    }
    e.reserve(udhLength + tlvsLength + SLACK);
    if (udhLength === 0) e.nullField();
    else e.octets(b, textAt, udhLength);
    if (tlvsLength === 0) e.nullField();
    else e.octets(b, textAt + textLength, tlvsLength);
  }

  /** text; and body, unless the text tells all: there is none, or one that PostgreSQL cannot hold, or not all is read. */
  #decoded(octets: Buffer, udhLength: number, dataCoding: number): void {
    const e = this.encoder;
    const text = this.#decode(octets, dataCoding, udhLength > 0);
    const usable = text !== undefined && !text.includes('\0');
    e.reserve((usable ? 3 * text.length : 0) + octets.length + SLACK);
    if (usable) e.utf8(text);
    else e.nullField();
    if (usable && !text.includes('\ufffd')) e.nullField();
    else e.octets(octets, udhLength, octets.length - udhLength);
  }
}

/** data_coding 0, 1 and 3 (SMPP v3.4 §5.2.19), and nothing in the text on which alphabets differ. */
function isPlain(b: Buffer, at: number, length: number, dataCoding: number): boolean {
  if (dataCoding > 3 || dataCoding === 2) return false;
  for (let i = at; i < at + length; i++) if (PLAIN[b[i]!] === 0) return false;
  return true;
}

function groupFields(group: Group): Buffer {
  const account = Buffer.from(group.account);
  const destination = Buffer.from(group.destination);
  const out = Buffer.alloc(8 + account.length + destination.length);
  out.writeInt32BE(account.length, 0);
  account.copy(out, 4);
  out.writeInt32BE(destination.length, 4 + account.length);
  destination.copy(out, 8 + account.length);
  return out;
}

function layTemplate(): Buffer {
  const length = 2 + FIXED.reduce((sum, [, octets]) => sum + 4 + octets, 0);
  const out = Buffer.alloc(length);
  let at = out.writeInt16BE(MESSAGE_COLUMNS.length, 0);
  for (const [name, octets] of FIXED) {
    at = out.writeInt32BE(octets, at);
    F[name] = at;
    at += octets;
  }
  return out;
}
