import { BatchBuilder } from '../../actors/message/batch.ts';
import { MessageDraft } from '../../actors/message/draft.ts';
import { messageId } from '../../actors/message/id.ts';
import { LedgerWriter, What, type Fate } from '../../actors/message/ledger.ts';
import { ArchiveMode, Kind } from '../../actors/message/record.ts';
import type { OutboxItem } from '../../actors/ports.ts';

/** Outbox items made to measure. */

export interface TestMessage {
  readonly text?: Buffer | string;
  readonly source?: Buffer | string;
  readonly dest?: Buffer | string;
  readonly serviceType?: string;
  readonly tlvs?: Buffer;
  readonly account?: string;
  readonly destination?: string;
  readonly kind?: Kind;
  readonly mode?: ArchiveMode;
  readonly fateAtBirth?: number;
  readonly expiresAt?: number;
  readonly deliverAfter?: number;
  readonly lane?: number;
  readonly dataCoding?: number;
  readonly esmClass?: number;
}

export interface TestEntry {
  readonly index: number;
  readonly what: What;
  readonly fate?: Fate;
  readonly attempts?: number;
  readonly error?: number;
  readonly at?: number;
  readonly carrierId?: string;
}

const octets = (value: Buffer | string): Buffer => (typeof value === 'string' ? Buffer.from(value, 'latin1') : value);

export function batchOf(number: number, createdAt: number, messages: readonly TestMessage[]): Buffer {
  const builder = new BatchBuilder();
  for (const m of messages) {
    const draft = new MessageDraft();
    const parts = [
      octets(m.source ?? 'ACME'),
      octets(m.dest ?? '447700900123'),
      octets(m.serviceType ?? ''),
      octets(m.text ?? 'hello'),
      m.tlvs ?? Buffer.alloc(0),
    ] as const;
    const [source, dest, serviceType, text, tlvs] = parts;
    draft.buffer = Buffer.concat(parts);
    draft.sourceTon = 5;
    draft.sourceLength = source.length;
    draft.destTon = 1;
    draft.destNpi = 1;
    draft.destAt = source.length;
    draft.destLength = dest.length;
    draft.serviceTypeAt = draft.destAt + dest.length;
    draft.serviceTypeLength = serviceType.length;
    draft.textAt = draft.serviceTypeAt + serviceType.length;
    draft.textLength = text.length;
    draft.tlvsAt = draft.textAt + text.length;
    draft.tlvsLength = tlvs.length;
    draft.dataCoding = m.dataCoding ?? 0;
    draft.esmClass = m.esmClass ?? 0;
    draft.registeredDelivery = 1;
    builder.add(draft, {
      kind: m.kind ?? Kind.mt,
      group: builder.group(m.destination ?? 'sink', m.account ?? 'load', m.lane ?? 0),
      fateAtBirth: m.fateAtBirth ?? 0,
      archiveMode: m.mode ?? ArchiveMode.full,
      flags: 0,
      expiresAt: m.expiresAt ?? 0,
      deliverAfter: m.deliverAfter ?? 0,
      route: 3,
      hops: 0,
      part: 0,
      parts: 0,
      gathered: 0,
    });
  }
  return builder.close(number, createdAt, 9);
}

export function ledgerOf(number: number, entries: readonly TestEntry[]): Uint8Array {
  const writer = new LedgerWriter();
  for (const e of entries) {
    const id = Buffer.from(e.carrierId ?? '', 'latin1');
    writer.add(
      messageId(number, e.index),
      e.what,
      e.fate ?? 1,
      e.attempts ?? 1,
      0,
      e.error ?? 0,
      e.at ?? 0,
      id,
      0,
      id.length,
    );
  }
  return writer.take();
}

/** A batch all of which is due. */
export function itemOf(
  number: number,
  createdAt: number,
  messages: readonly TestMessage[],
  entries: readonly TestEntry[],
): OutboxItem {
  return {
    number,
    batch: batchOf(number, createdAt, messages),
    due: new Uint8Array(messages.length).fill(1),
    ledger: ledgerOf(number, entries),
  };
}

/** `count` messages sent to `sink`, each with a carrier id. */
export function sentItem(number: number, createdAt: number, count: number): OutboxItem {
  const messages = Array.from({ length: count }, (_, i) => ({ text: `message ${number}/${i}` }));
  const entries = messages.map((_, index) => ({
    index,
    what: What.settled,
    fate: 1 as Fate,
    at: createdAt + 10,
    carrierId: `c${number}-${index}`,
  }));
  return itemOf(number, createdAt, messages, entries);
}
