import type { MessageEvent, MessageStory, MessageSummary } from '../actors/node-control.ts';
import type { ArchivedFate } from '../actors/operations/message-desk.ts';
import { FATE_NAMES, Fate, L, nextEntry, What } from '../actors/message/ledger.ts';
import { destOf, sourceOf } from '../actors/message/record.ts';
import type { FoundMessage } from '../actors/ports.ts';
import type { ArchivedMessage } from '../adapters/archive/archive-reader.ts';
import { statusOf } from '../adapters/smpp/codec/command-status.ts';

/** One message's story, from the store's ledger or from the archive's row. */

export function summaryOfFound(found: FoundMessage, publicId: number): MessageSummary {
  const record = asBuffer(found.record);
  return {
    id: publicId,
    acceptedAt: found.createdAt,
    source: found.account,
    from: sourceOf(record, 0),
    to: destOf(record, 0),
    destination: found.destination,
    fate: FATE_NAMES[found.fate] ?? 'queued',
    receipt: receiptOf(found),
  };
}

/** What happened to it, oldest first. */
export function eventsOf(found: FoundMessage): MessageEvent[] {
  const events: MessageEvent[] = [
    { at: found.createdAt, text: `accepted from ${found.account}, for ${found.destination}` },
  ];
  const ledger = asBuffer(found.ledger);
  for (let at = 0; at < ledger.length; at = nextEntry(ledger, at)) {
    events.push({ at: ledger.readDoubleLE(at + L.at), text: eventText(found, ledger, at) });
  }
  return events;
}

export function storyOfArchived(row: ArchivedMessage, publicId: number): MessageStory {
  const fate = FATE_NAMES[row.fate] ?? 'unknown';
  const acceptedAt = row.acceptedAt.getTime();
  const events: MessageEvent[] = [{ at: acceptedAt, text: `accepted from ${row.account}, for ${row.destination}` }];
  if (row.settledAt) {
    const as = row.carrierId ? ` as ${row.carrierId}` : '';
    events.push({ at: row.settledAt.getTime(), text: `settled by ${row.destination}${as}` });
  }
  if (row.doneAt) events.push({ at: row.doneAt.getTime(), text: `receipt: ${fate}` });
  return {
    id: publicId,
    acceptedAt,
    source: row.account,
    from: row.sourceAddr,
    to: row.destAddr,
    destination: row.destination,
    fate,
    receipt: row.doneAt ? fate : '',
    attempts: row.attempts,
    dueAt: 0,
    tableVersion: row.tableVersion,
    foundIn: 'archive',
    events,
  };
}

/** What the sender of an archived message may know of it. */
export function archivedFate(row: ArchivedMessage | undefined): ArchivedFate | undefined {
  if (row?.kind !== 'mt') return undefined;
  const { account, sourceAddr: source, fate, doneAt, settledAt, error } = row;
  const at = doneAt ?? settledAt;
  return { account, source, fate: fate as Fate, doneAt: at ? at.getTime() : 0, error: error ?? 0 };
}

function eventText(found: FoundMessage, ledger: Buffer, at: number): string {
  const carrierId = ledger.latin1Slice(at + L.head, at + L.head + ledger[at + L.carrierIdLength]!);
  const fate = FATE_NAMES[ledger[at + L.fate]!] ?? 'unknown';
  const error = ledger.readUInt32LE(at + L.error);
  const why = error === 0 ? '' : `: ${statusOf(error).name}`;
  switch (ledger[at + L.what] as What) {
    case What.settled:
      return ledger[at + L.fate] === Fate.sent
        ? `sent to ${found.destination}${carrierId ? ` as ${carrierId}` : ''}`
        : `${fate}${why}`;
    case What.parked:
      return `attempt ${ledger[at + L.attempts]} put aside until ${new Date(ledger.readDoubleLE(at + L.at)).toISOString()}${why}`;
    case What.receipt:
      return `receipt: ${fate}`;
    case What.heldBack:
      return `receipt: ${fate}, held back`;
    case What.released:
      return 'back in the queue: its session was lost';
    case What.rerouted:
      return `routed to ${carrierId}${why}`;
    default:
      return 'something this release does not know';
  }
}

function receiptOf(found: FoundMessage): string {
  const ledger = asBuffer(found.ledger);
  for (let at = 0; at < ledger.length; at = nextEntry(ledger, at)) {
    if (ledger[at + L.what] === What.receipt) return FATE_NAMES[ledger[at + L.fate]!] ?? 'unknown';
  }
  return '';
}

const asBuffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
