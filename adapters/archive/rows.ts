import { crc32 } from 'node:zlib';
import { readBatch, type Batch } from '../../actors/message/batch.ts';
import { messageId, type PublicIds } from '../../actors/message/id.ts';
import { FATE_NAMES } from '../../actors/message/ledger.ts';
import { ArchiveMode, Kind, R } from '../../actors/message/record.ts';
import type { OutboxItem } from '../../actors/ports.ts';
import { CopyEncoder, pgDay } from './copy-encoder.ts';
import { Fold } from './fold.ts';
import { MessageRows, type DecodeText } from './message-row.ts';

/**
 * From outbox items to rows. Pure: no database, no clock.
 *
 * The rule. A message that is due (and is no receipt record: those are deliveries to customers, the archive has no rows
 * for them) is
 *   - new, when `batches.written` lacks it: its row is written with all that the ledger says so far, a receipt
 *     included, and counted under that fate. Archive mode `metadata` leaves text, UDH and TLVs out, `counters` the row;
 *   - known otherwise: the store offers it again. With a receipt that is in neither its row nor `receipts`
 *     (`batches.receipted` lacks it), that receipt is written to `receipts` and its count moves from the old fate to
 *     the new one. With nothing new, after a crash between our commit and the store's, nothing is written.
 * A message has one final receipt, so two bits a message decide everything, in every mode: the archive is idempotent
 * without reading a row back.
 */
export interface BatchPlan {
  readonly item: OutboxItem;
  readonly batch: Batch;
  readonly ledger: Buffer;
  readonly day: number;
  readonly fingerprint: number;
  /** By index: 1 = to be written as new. */
  readonly fresh: Uint8Array;
  /** By index: 1 = due, and the ledger has its receipt. */
  readonly receipted: Uint8Array;
  /** By index: 1 = its receipt goes to `receipts`. */
  readonly late: Uint8Array;
}

/** What `batches` has of a batch. */
export interface KnownBatch {
  readonly fingerprint: number;
  /** '0' and '1' by index. */
  readonly written: string;
  readonly receipted: string;
}

export interface CountDelta {
  readonly minute: number;
  readonly account: string;
  readonly destination: string;
  readonly status: string;
  count: number;
}

const MINUTE_MS = 60_000;
const PIECE = 256 * 1024;
const FATES = 256;

export const RECEIPT_COLUMNS: readonly string[] = ['address', 'day', 'fate', 'done_at', 'error'];

/** Turns one chunk after another into rows; its buffers are reused. */
export class ArchiveRows {
  readonly #rows: MessageRows;
  readonly #receipts = new CopyEncoder();
  readonly #fold = new Fold();
  #counts = new Map<string, CountDelta>();
  #groupCounts = new Int32Array(FATES);
  #messages = 0;
  #late = 0;

  constructor(ids: PublicIds, decode: DecodeText) {
    this.#rows = new MessageRows(ids, decode);
  }

  /**
   * What an item asks for, as if its batch were new.
   * @throws DamagedBatchError, RangeError when the item cannot be read
   */
  plan(item: OutboxItem): BatchPlan {
    const batch = readBatch(item.batch, true);
    if (batch.number !== item.number || !Number.isFinite(batch.createdAt)) {
      throw new RangeError(`outbox item ${item.number}: its batch says ${batch.number}, of ${batch.createdAt}`);
    }
    const ledger = asBuffer(item.ledger);
    const fold = this.#fold;
    fold.read(batch.number, ledger);
    const fresh = new Uint8Array(batch.count);
    const receipted = new Uint8Array(batch.count);
    for (let i = 0; i < batch.count; i++) {
      const at = batch.offsets[i]!;
      if (item.due[i] !== 1 || at === 0 || batch.buffer[at + R.kind] === Kind.receipt) continue;
      fresh[i] = 1;
      receipted[i] = fold.receipt[i]!;
    }
    return {
      item,
      batch,
      ledger,
      day: pgDay(batch.createdAt),
      fingerprint: fingerprintOf(batch),
      fresh,
      receipted,
      late: new Uint8Array(batch.count),
    };
  }

  /** Narrows a plan to what is new beside `known`. False: another body is archived under this number. */
  narrow(plan: BatchPlan, known: KnownBatch): boolean {
    const { count } = plan.batch;
    if (known.fingerprint !== plan.fingerprint || known.written.length !== count) {
      plan.fresh.fill(0);
      plan.receipted.fill(0);
      return false;
    }
    for (let i = 0; i < count; i++) {
      if (known.written[i] === '0' || plan.fresh[i] === 0) continue;
      plan.fresh[i] = 0;
      if (plan.receipted[i] === 1 && known.receipted[i] === '0') plan.late[i] = 1;
    }
    return true;
  }

  /**
   * The COPY of `messages` in pieces, each good until the next is asked for. Afterwards `receipts`, `counts` and
   * `written` tell the rest of the same plans.
   */
  *messages(plans: readonly BatchPlan[]): Generator<Buffer, void> {
    this.#messages = 0;
    this.#late = 0;
    this.#counts = new Map();
    this.#receipts.begin();
    const { encoder } = this.#rows;
    encoder.begin();
    for (const plan of plans) {
      this.#encode(plan);
      if (encoder.at >= PIECE) yield encoder.take();
    }
    encoder.end();
    yield encoder.take();
  }

  /** The COPY of `receipts`; undefined when there are none. */
  receipts(): Buffer | undefined {
    if (this.#late === 0) return undefined;
    this.#receipts.end();
    return this.#receipts.take();
  }

  counts(): readonly CountDelta[] {
    return [...this.#counts.values()].filter(c => c.count !== 0);
  }

  /** Messages and late receipts in the plans last encoded. */
  get written(): { readonly messages: number; readonly receipts: number } {
    return { messages: this.#messages, receipts: this.#late };
  }

  #encode(plan: BatchPlan): void {
    const { batch, fresh, late } = plan;
    const fold = this.#fold;
    fold.read(batch.number, plan.ledger);
    this.#rows.start(batch, fold, plan.ledger);
    this.#startCounts(batch.groups.length);
    const b = batch.buffer;
    for (let i = 0; i < batch.count; i++) {
      if (fresh[i] === 0 && late[i] === 0) continue;
      const at = batch.offsets[i]!;
      const group = b[at + R.group]! * FATES;
      const counted = b[at + R.archiveMode] === ArchiveMode.counters;
      const before = fold.fateBefore(i, b[at + R.fateAtBirth]!);
      const fate = fold.receipt[i] === 1 ? fold.receiptFate[i]! : before;
      this.#groupCounts[group + fate]!++;
      if (fresh[i] === 1) {
        this.#messages++;
        if (!counted) this.#rows.write(i, fate);
      } else {
        this.#late++;
        this.#groupCounts[group + before]!--;
        if (!counted) this.#receipt(batch, i);
      }
    }
    this.#endCounts(batch);
  }

  #receipt(batch: Batch, index: number): void {
    const e = this.#receipts;
    const fold = this.#fold;
    e.reserve(64);
    const row = e.at;
    e.setInt16(row, RECEIPT_COLUMNS.length);
    e.setInt32(row + 2, 8);
    e.setInt64(row + 6, messageId(batch.number, index));
    e.setInt32(row + 14, 4);
    e.setInt32(row + 18, pgDay(batch.createdAt));
    e.setInt32(row + 22, 2);
    e.setInt16(row + 26, fold.receiptFate[index]!);
    e.setInt32(row + 28, 8);
    e.setInstant(row + 32, fold.receiptAt[index]!);
    e.at = row + 40;
    e.int64OrNull(fold.receiptError[index]!);
  }

  #startCounts(groups: number): void {
    if (this.#groupCounts.length < groups * FATES) this.#groupCounts = new Int32Array(groups * FATES);
    else this.#groupCounts.fill(0, 0, groups * FATES);
  }

  #endCounts(batch: Batch): void {
    const minute = Math.floor(batch.createdAt / MINUTE_MS) * MINUTE_MS;
    for (let g = 0; g < batch.groups.length; g++) {
      const { account, destination } = batch.groups[g]!;
      for (let fate = 0; fate < FATES; fate++) {
        const count = this.#groupCounts[g * FATES + fate]!;
        if (count !== 0) this.#count(minute, account, destination, FATE_NAMES[fate] ?? String(fate), count);
      }
    }
  }

  #count(minute: number, account: string, destination: string, status: string, count: number): void {
    const key = `${minute} ${status} ${account}\0${destination}`;
    const entry = this.#counts.get(key);
    if (entry) entry.count += count;
    else this.#counts.set(key, { minute, account, destination, status, count });
  }
}

/** '0' and '1' by index, as PostgreSQL writes a bit string. */
export function bitText(bits: Uint8Array): string {
  let text = '';
  for (let i = 0; i < bits.length; i++) text += bits[i] === 0 ? '0' : '1';
  return text;
}

/**
 * CRC-32, as an int4, of what a batch keeps for life: its count, number, time and table version (`batch.ts`, 16 to 35).
 * Records and groups do not last: the store drops what is archived, and messages are routed anew.
 */
function fingerprintOf(batch: Batch): number {
  return crc32(batch.buffer.subarray(16, 36), batch.count) | 0;
}

function asBuffer(octets: Uint8Array): Buffer {
  return Buffer.isBuffer(octets) ? octets : Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength);
}
