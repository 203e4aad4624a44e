import type { Batch } from '../message/batch.ts';
import type { MessageId } from '../message/id.ts';
import { RECEIPT_TEXT } from '../message/receipt.ts';
import { copyStub, stubLength } from '../message/record.ts';
import type { Correlated } from '../ports.ts';

/** Where records are put together: kept, since memory that comes and goes makes V8 collect garbage. */
let scratch = Buffer.allocUnsafeSlow(64 * 1024);

/** Puts together the answer of a correlation. */
export class CorrelatedBuilder {
  readonly #ids: Float64Array;
  readonly #final: Uint8Array;
  readonly #submittedAt: Float64Array;
  readonly #account: Uint16Array;
  readonly #offsets: Uint32Array;
  readonly #accounts: string[] = [];
  #held: Uint32Array | undefined;
  #end = 0;

  constructor(count: number) {
    this.#ids = new Float64Array(count);
    this.#final = new Uint8Array(count);
    this.#submittedAt = new Float64Array(count);
    this.#account = new Uint16Array(count);
    this.#offsets = new Uint32Array(count);
  }

  add(
    place: number,
    id: MessageId,
    final: boolean,
    submittedAt: number,
    account: string,
    batch: Batch,
    index: number,
  ): void {
    this.#ids[place] = id;
    this.#final[place] = final ? 1 : 0;
    this.#submittedAt[place] = submittedAt;
    let known = this.#accounts.indexOf(account);
    if (known < 0) known = this.#accounts.push(account) - 1;
    this.#account[place] = known;
    this.#offsets[place] = this.#end;
    this.#addRecord(batch.buffer, batch.offsets[index]!);
  }

  /** All of the message is kept. @param tableVersion by which it was routed */
  hold(place: number, tableVersion: number): void {
    this.#held ??= new Uint32Array(this.#ids.length);
    this.#held[place] = tableVersion;
  }

  done(): Correlated {
    return {
      ids: this.#ids,
      final: this.#final,
      submittedAt: this.#submittedAt,
      account: this.#account,
      accounts: this.#accounts,
      records: Uint8Array.from(scratch.subarray(0, this.#end)),
      offsets: this.#offsets,
      held: this.#held,
    };
  }

  #addRecord(b: Buffer, at: number): void {
    const length = stubLength(b, at, RECEIPT_TEXT);
    const start = this.#end;
    if (start + length > scratch.length) {
      const larger = Buffer.allocUnsafeSlow(scratch.length * 2 + length);
      scratch.copy(larger, 0, 0, start);
      scratch = larger;
    }
    this.#end = copyStub(scratch, start, b, at, RECEIPT_TEXT);
  }
}

/** Of so many ids none is known. */
export const correlatedNothing = (count: number): Correlated => new CorrelatedBuilder(count).done();

/** Places that were asked for and not found. */
export function missing(found: Correlated): number[] {
  const places: number[] = [];
  for (let i = 0; i < found.ids.length; i++) if (found.ids[i] === 0) places.push(i);
  return places;
}

/** Puts what another stripe has found into the places where this one had nothing. */
export function mergeCorrelated(found: Correlated, places: readonly number[], more: Correlated): Correlated {
  if (!more.ids.some(id => id !== 0)) return found;
  const accounts = [...found.accounts];
  const held = more.held ? (found.held ?? new Uint32Array(found.ids.length)) : found.held;
  for (let i = 0; i < places.length; i++) {
    if (more.ids[i] === 0) continue;
    const place = places[i]!;
    found.ids[place] = more.ids[i]!;
    found.final[place] = more.final[i]!;
    found.submittedAt[place] = more.submittedAt[i]!;
    found.offsets[place] = found.records.length + more.offsets[i]!;
    if (more.held) held![place] = more.held[i]!;
    const account = more.accounts[more.account[i]!]!;
    let known = accounts.indexOf(account);
    if (known < 0) known = accounts.push(account) - 1;
    found.account[place] = known;
  }
  const records = new Uint8Array(found.records.length + more.records.length);
  records.set(found.records);
  records.set(more.records, found.records.length);
  return { ...found, accounts, records, held };
}
