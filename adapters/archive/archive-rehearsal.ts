import { BatchBuilder } from '../../actors/message/batch.ts';
import { MessageDraft } from '../../actors/message/draft.ts';
import { BATCH_LIMIT, messageId, type PublicIds } from '../../actors/message/id.ts';
import { Fate, LedgerWriter, What } from '../../actors/message/ledger.ts';
import { ArchiveMode, Kind, plainDecisions } from '../../actors/message/record.ts';
import type { OutboxItem } from '../../actors/ports.ts';
import type { DecodeText } from './message-row.ts';
import { ArchiveRows } from './rows.ts';

/** Batches in a chunk. */
const CHUNK = 16;

/**
 * Turns messages of its own making into rows, which nobody gets: V8 compiles what runs often, and without this it does so
 * while the first chunks are written (`docs/adr/0016`).
 *
 * @param isOver asked between two chunks: true ends it
 */
export async function rehearseArchive(
  messages: number,
  ids: PublicIds,
  decode: DecodeText,
  nowMs: () => number,
  isOver: () => boolean,
): Promise<void> {
  const rows = new ArchiveRows(ids, decode);
  const made = new Made();
  for (let done = 0; done < messages && !isOver(); done += CHUNK * BATCH_LIMIT) {
    const items = Array.from({ length: CHUNK }, (_, i) => made.item(done + i, nowMs()));
    const plans = items.map(item => rows.plan(item));
    for (const _piece of rows.messages(plans));
    rows.counts();
    await new Promise(resolve => setImmediate(resolve));
  }
}

/** Short texts to phones, delivered. */
class Made {
  readonly #draft = new MessageDraft();
  readonly #decisions = plainDecisions(Kind.mt, ArchiveMode.full);

  item(number: number, now: number): OutboxItem {
    const builder = new BatchBuilder();
    const ledger = new LedgerWriter();
    const group = builder.group('warm-up-carrier', 'warm-up', 0);
    for (let i = 0; i < BATCH_LIMIT; i++) {
      const id = messageId(number, i);
      this.#say(
        'warm-up',
        `4477${String(id).padStart(8, '0')}`,
        `Message ${id} of a rehearsal, as long as texts mostly are`,
      );
      builder.add(this.#draft, { ...this.#decisions, group, expiresAt: now + 86_400_000 });
      const carrierId = Buffer.from(id.toString(16), 'latin1');
      ledger.add(id, What.settled, Fate.sent, 1, 0, 0, now, carrierId, 0, carrierId.length);
      ledger.add(id, What.receipt, Fate.delivered, 1, 0, 0, now, carrierId, 0, carrierId.length);
    }
    const due = new Uint8Array(BATCH_LIMIT).fill(1);
    return { number, batch: builder.close(number, now, 1), due, ledger: ledger.take() };
  }

  #say(source: string, dest: string, text: string): void {
    const m = this.#draft;
    m.buffer = Buffer.from(source + dest + text, 'latin1');
    m.sourceTon = 5;
    m.sourceLength = source.length;
    [m.destTon, m.destNpi, m.destAt, m.destLength] = [1, 1, source.length, dest.length];
    m.serviceTypeAt = m.textAt = m.destAt + dest.length;
    m.textLength = text.length;
    m.tlvsAt = m.textAt + text.length;
    m.registeredDelivery = 1;
  }
}
