import { MessageDraft } from '../../actors/message/draft.ts';
import { readExtras } from '../../actors/message/extras.ts';
import { FATE_NAMES, Fate, L, nextEntry, What } from '../../actors/message/ledger.ts';
import { R, readRecord, RecordFlag, validUntil } from '../../actors/message/record.ts';
import type { FoundMessage } from '../../actors/ports.ts';
import { charsetOf, type Charset } from '../../actors/text/data-coding.ts';
import { decodeText } from '../../actors/text/decode.ts';
import { parseUdh, UDHI } from '../../actors/text/udh.ts';
import type { messageFates } from '../../drizzle/schema/archive.ts';
import { isInArchive } from './found-message.ts';
import { extrasSchema, type MessageView } from './schema.ts';
import { isoTime, isoTimeOrNull } from './times.ts';

/** A message as the archive has it (`ArchiveReader.find`). */
export type ArchivedRow = Omit<typeof messageFates.$inferSelect, 'address' | 'day'>;

const INTERNATIONAL = 1; // TON, SMPP v3.4 §5.2.5

/** What became of a message, as far as it is known. */
type Outcome = Pick<MessageView, 'status' | 'deliver_time' | 'sent_time' | 'done_time' | 'error' | 'carrier_id'>;

/** A message in the store. @param readsText false: the caller may not read texts */
export function viewOfFound(found: FoundMessage, publicId: number, readsText: boolean): MessageView {
  const record = asBuffer(found.record);
  const m = new MessageDraft();
  readRecord(m, record, 0);
  const tlvs = record.subarray(m.tlvsAt, m.tlvsAt + m.tlvsLength);
  const isWhole = (m.flags & RecordFlag.whole) !== 0;
  const deliverAfter = found.fate === Fate.queued ? record.readDoubleLE(R.deliverAfter) : 0;
  const { status, deliver_time, sent_time, done_time, error, carrier_id } = outcomeOfFound(found);
  return {
    id: publicId,
    source_msisdn: numberText(record.latin1Slice(m.sourceAt, m.sourceAt + m.sourceLength), m.sourceTon),
    destination_msisdn: numberText(record.latin1Slice(m.destAt, m.destAt + m.destLength), m.destTon),
    dest_smsc: found.destination === '' ? null : found.destination,
    ...bodyView(
      record.subarray(m.textAt, m.textAt + m.textLength),
      m.dataCoding,
      m.esmClass,
      readsText && !isInArchive(found),
    ),
    deliver_time,
    delivery_attempts: found.attempts,
    expires: isoTime(validUntil(record, 0)),
    inserted_at: isoTime(found.createdAt),
    // One that goes in parts is not due itself.
    deliver_after: isWhole ? null : isoTimeOrNull(found.dueAt === 0 ? deliverAfter : found.dueAt),
    status,
    sent_time,
    done_time,
    error,
    account: found.account,
    carrier_id,
    found_in: 'queue',
    ...((m.flags & RecordFlag.extras) === 0 ? {} : extrasView(tlvs)),
  };
}

/** What the store's ledger says of a message. */
export function outcomeOfFound(found: FoundMessage): Outcome {
  const ledger = asBuffer(found.ledger);
  let sentAt = 0;
  // Settled at birth: by the commit that accepted it.
  let doneAt = isFinal(found.fate) ? found.createdAt : 0;
  let error = 0;
  let carrierId = '';
  for (let at = 0; at < ledger.length; at = nextEntry(ledger, at)) {
    const what = ledger[at + L.what];
    if (what === What.rerouted || what === What.released || what === What.heldBack) continue;
    error = ledger.readUInt32LE(at + L.error);
    if (what === What.settled && ledger[at + L.carrierIdLength]! > 0) {
      sentAt = ledger.readDoubleLE(at + L.at);
      carrierId = ledger.latin1Slice(at + L.head, nextEntry(ledger, at));
    }
    if (isFinal(ledger[at + L.fate]!)) doneAt = ledger.readDoubleLE(at + L.at);
  }
  return {
    status: FATE_NAMES[found.fate] ?? 'unknown',
    deliver_time: found.fate === Fate.delivered ? isoTimeOrNull(doneAt) : null,
    sent_time: isoTimeOrNull(sentAt),
    done_time: isoTimeOrNull(doneAt),
    error: error === 0 ? null : error,
    carrier_id: carrierId === '' ? null : carrierId,
  };
}

/** An archived message. @param readsText false: the caller may not read texts */
export function viewOfArchived(row: ArchivedRow, publicId: number, readsText: boolean): MessageView {
  const doneAt = timeOf(row.doneAt ?? (isFinal(row.fate) ? row.settledAt : null));
  const octets = row.body === null ? null : asBuffer(row.body).toString('hex');
  return {
    id: publicId,
    source_msisdn: numberText(row.sourceAddr, row.sourceTon),
    destination_msisdn: numberText(row.destAddr, row.destTon),
    dest_smsc: row.destination === '' ? null : row.destination,
    message_body: readsText ? (row.text ?? octets) : null,
    raw_data_flag: row.text === null && octets !== null,
    tp_dcs_character_set: CHARACTER_SETS[charsetOf(row.dataCoding)] ?? null,
    ...(row.udh === null ? {} : headerView(row.udh)),
    deliver_time: row.fate === Fate.delivered ? doneAt : null,
    delivery_attempts: row.attempts,
    expires: timeOf(row.expiresAt),
    inserted_at: isoTime(row.acceptedAt.getTime()),
    deliver_after: null,
    status: FATE_NAMES[row.fate] ?? 'unknown',
    sent_time: row.carrierId === null ? null : timeOf(row.settledAt),
    done_time: doneAt,
    error: row.error,
    account: row.account,
    carrier_id: row.carrierId,
    found_in: 'archive',
    ...(row.tlvs === null ? {} : extrasView(row.tlvs)),
  };
}

const isFinal = (fate: number): boolean => fate !== Fate.queued && fate !== Fate.sent;

/** An international number as people write it. */
function numberText(number: string, ton: number): string {
  return ton === INTERNATIONAL && /^\d+$/.test(number) ? `+${number}` : number;
}

/** `tp_dcs_character_set` by charset. */
export const CHARACTER_SETS: Partial<Record<Charset, string>> = {
  gsm7: 'gsm7',
  latin1: 'latin1',
  ucs2: 'ucs2',
  binary: '8bit',
};

type BodyView = Pick<MessageView, 'message_body' | 'raw_data_flag' | 'tp_dcs_character_set' | 'tp_user_data_header'>;

function bodyView(octets: Buffer, dataCoding: number, esmClass: number, readsText: boolean): BodyView {
  const hasHeader = (esmClass & UDHI) !== 0;
  const headerLength = hasHeader ? (parseUdh(octets)?.length ?? 0) : 0;
  const text = decodeText(octets, dataCoding, hasHeader);
  const body = text ?? octets.subarray(headerLength).toString('hex');
  return {
    message_body: readsText ? body : null,
    raw_data_flag: text === undefined,
    tp_dcs_character_set: CHARACTER_SETS[charsetOf(dataCoding)] ?? null,
    ...(headerLength === 0 ? {} : headerView(octets)),
  };
}

function headerView(octets: Uint8Array): Pick<MessageView, 'tp_user_data_header'> {
  const header = parseUdh(octets);
  if (!header) return {};
  const elements = header.elements.map(({ id, data }) => [String(id), asBuffer(data).toString('hex')]);
  return { tp_user_data_header: Object.fromEntries(elements) as Record<string, string> };
}

/** Only fields that are ours, of the types they have: the archive cannot tell extras from a peer's TLV of that tag. */
function extrasView(tlvs: Uint8Array): Partial<MessageView> {
  const extras = extrasSchema.safeParse(readExtras(tlvs));
  return extras.success ? extras.data : {};
}

const timeOf = (date: Date | null): string | null => (date === null ? null : isoTime(date.getTime()));

const asBuffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
