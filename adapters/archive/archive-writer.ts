import type { PublicIds } from '../../actors/message/id.ts';
import type { OutboxItem } from '../../actors/ports.ts';
import type { Session, Transaction } from '../../drizzle/session.ts';
import { dayText } from './copy-encoder.ts';
import { copyIn } from './copy-in.ts';
import { MESSAGE_COLUMNS, type DecodeText } from './message-row.ts';
import type { Partitions } from './partitions.ts';
import { ArchiveRows, bitText, RECEIPT_COLUMNS, type BatchPlan, type CountDelta, type KnownBatch } from './rows.ts';

/** What became of one chunk. */
export interface ChunkResult {
  readonly messages: number;
  readonly receipts: number;
  /** Batches whose number is archived with another body: alarms. Their rows are not written. */
  readonly conflicts: readonly number[];
  /** Batches that cannot be read, or that the database refuses for what is in them: alarms, with the reason. */
  readonly refused: readonly { readonly number: number; readonly reason: string }[];
}

const COPY_MESSAGES = `COPY messages (${MESSAGE_COLUMNS.join(', ')}) FROM STDIN (FORMAT binary)`;
const COPY_RECEIPTS = `COPY receipts (${RECEIPT_COLUMNS.join(', ')}) FROM STDIN (FORMAT binary)`;

/** Writes chunks of outbox items, each in one transaction: rows, receipts, counters, and the bits that say so. */
export class ArchiveWriter {
  readonly #session: Session;
  readonly #partitions: Partitions;
  readonly #rows: ArchiveRows;

  constructor(session: Session, partitions: Partitions, ids: PublicIds, decode: DecodeText) {
    this.#session = session;
    this.#partitions = partitions;
    this.#rows = new ArchiveRows(ids, decode);
  }

  /**
   * Resolves when the database has committed all but what the result names.
   * @throws the driver's errors: nothing is certain then, and the same items can be written again
   */
  async write(items: readonly OutboxItem[]): Promise<ChunkResult> {
    const refused: { number: number; reason: string }[] = [];
    const plans = this.#plan(items, refused);
    await this.#partitions.ensure(plans.map(p => p.day));
    try {
      return { ...(await this.#session.transaction(tx => this.#commit(tx, plans))), refused };
    } catch (error) {
      if (isNoPartition(error)) this.#partitions.forget();
      else if (isDataError(error)) return this.#separately(items, error);
      throw error;
    }
  }

  /** After an error that the rows themselves caused: finds which, and writes the others. */
  async #separately(items: readonly OutboxItem[], error: unknown): Promise<ChunkResult> {
    if (items.length === 1) {
      const reason = `refused with SQLSTATE ${sqlState(error)}`;
      return { ...NOTHING, refused: [{ number: items[0]!.number, reason }] };
    }
    const results: ChunkResult[] = [];
    for (const item of items) results.push(await this.write([item]));
    return {
      messages: results.reduce((sum, r) => sum + r.messages, 0),
      receipts: results.reduce((sum, r) => sum + r.receipts, 0),
      conflicts: results.flatMap(r => r.conflicts),
      refused: results.flatMap(r => r.refused),
    };
  }

  #plan(items: readonly OutboxItem[], refused: { number: number; reason: string }[]): BatchPlan[] {
    const plans: BatchPlan[] = [];
    for (const item of items) {
      try {
        const plan = this.#rows.plan(item);
        if (plan.fresh.includes(1)) plans.push(plan);
      } catch (error) {
        refused.push({ number: item.number, reason: error instanceof Error ? error.message : String(error) });
      }
    }
    return plans;
  }

  async #commit(tx: Transaction, plans: readonly BatchPlan[]): Promise<Omit<ChunkResult, 'refused'>> {
    if (plans.length === 0) return NOTHING;
    const conflicts = await this.#enter(tx, plans);
    await copyIn(tx, COPY_MESSAGES, this.#rows.messages(plans));
    const receipts = this.#rows.receipts();
    if (receipts) await copyIn(tx, COPY_RECEIPTS, [receipts]);
    await addCounts(tx, this.#rows.counts());
    return { ...this.#rows.written, conflicts };
  }

  /** Enters the batches, and narrows the plans of those known before. Returns the numbers that conflict. */
  async #enter(tx: Transaction, plans: readonly BatchPlan[]): Promise<number[]> {
    // Of two writers at the same batch the second waits here until the first has committed, then finds it known.
    const inserted = await tx<{ number: string }[]>`
      INSERT INTO batches (number, accepted_at, day, fingerprint, written, receipted)
      SELECT number, accepted_at, day, fingerprint, written, receipted
      FROM jsonb_populate_recordset(NULL::batches, ${tx.json(plans.map(batchRow))})
      ON CONFLICT DO NOTHING RETURNING number`;
    if (inserted.length === plans.length) return [];
    const isNew = new Set(inserted.map(row => Number(row.number)));
    const repeated = plans.filter(p => !isNew.has(p.batch.number));
    const known = await knownBatches(tx, repeated);
    const conflicts: number[] = [];
    for (const plan of repeated) {
      if (!this.#rows.narrow(plan, known.get(plan.batch.number)!)) conflicts.push(plan.batch.number);
    }
    await addBits(tx, repeated);
    return conflicts;
  }
}

const NOTHING: ChunkResult = { messages: 0, receipts: 0, conflicts: [], refused: [] };

/** A row of `batches`. Everything that is many goes as one JSON parameter (see `connect`). */
const batchRow = (plan: BatchPlan) => ({
  number: plan.batch.number,
  accepted_at: new Date(plan.batch.createdAt).toISOString(),
  day: dayText(plan.day),
  fingerprint: plan.fingerprint,
  written: bitText(plan.fresh),
  receipted: bitText(plan.receipted),
});

async function knownBatches(tx: Transaction, plans: readonly BatchPlan[]): Promise<Map<number, KnownBatch>> {
  const rows = await tx<(KnownBatch & { number: string })[]>`
    SELECT b.number, b.fingerprint, b.written, b.receipted
    FROM batches b JOIN jsonb_populate_recordset(NULL::batches, ${tx.json(plans.map(batchRow))}) n
      ON b.number = n.number AND b.day = n.day
    FOR UPDATE OF b`;
  return new Map(rows.map(row => [Number(row.number), row]));
}

async function addBits(tx: Transaction, plans: readonly BatchPlan[]): Promise<void> {
  const changed = plans.filter(p => p.fresh.includes(1) || p.late.includes(1));
  if (changed.length === 0) return;
  await tx`
    UPDATE batches b SET written = b.written | n.written, receipted = b.receipted | n.receipted
    FROM jsonb_populate_recordset(NULL::batches, ${tx.json(changed.map(batchRow))}) n
    WHERE b.number = n.number AND b.day = n.day`;
}

async function addCounts(tx: Transaction, counts: readonly CountDelta[]): Promise<void> {
  if (counts.length === 0) return;
  const rows = counts.map(c => ({ ...c, minute: new Date(c.minute).toISOString() }));
  await tx`
    INSERT INTO message_counts AS c (minute, account, destination, status, count)
    SELECT minute, account, destination, status, count
    FROM jsonb_populate_recordset(NULL::message_counts, ${tx.json(rows)})
    ON CONFLICT (minute, account, destination, status) DO UPDATE SET count = c.count + excluded.count`;
}

const sqlState = (error: unknown): string =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
/** "no partition of relation … found for row" comes as a check violation: another node dropped or lacks it. */
const isNoPartition = (error: unknown): boolean => sqlState(error) === '23514';
/** Data exceptions and constraint violations: writing the same again would fail again. */
const isDataError = (error: unknown): boolean => /^(22|23)...$/.test(sqlState(error));
