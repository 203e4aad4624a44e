import { messageId, type MessageId } from '../message/id.ts';
import { Kind, R, RecordFlag } from '../message/record.ts';
import type { CompiledTable, Origin } from '../routing/compiled.ts';
import { fallbacks } from '../routing/match.ts';
import type { Delivery } from './delivery.ts';

/** Most origins remembered for a table. */
const ORIGINS = 10_000;
const CHAIN_LIMIT = 15;

/**
 * Where a message goes when its destination will not take it: the rules after the one that chose its first destination
 * (`fallbacks` in `routing/match.ts`). The chain of a message is drawn by its id, so that whoever holds it, at whatever
 * time, finds the same one, and nothing about it has to be kept.
 */
export class FallbackChains {
  #table: CompiledTable | undefined;
  readonly #origins = new Map<string, Origin>();
  readonly #chain = new Int32Array(CHAIN_LIMIT);

  useTable(table: CompiledTable): void {
    this.#table = table;
    this.#origins.clear();
  }

  /**
   * The destination after `current`; '' when there is none: the chain has ended, its sender chose the destination, or the
   * rules have changed since it was routed (where it is tried next must not be a second time).
   */
  next(delivery: Delivery, index: number, current: string): string {
    const { buffer, tableVersion, groups, number } = delivery.batch;
    const at = delivery.at(index);
    const { account } = groups[buffer[at + R.group]!]!;
    return this.after(buffer, at, messageId(number, index), account, tableVersion, current, CHAIN_LIMIT);
  }

  /**
   * The same for the record at `at`.
   *
   * @param tableVersion by which it was routed
   * @param hops most destinations after the first
   */
  after(
    buffer: Buffer,
    at: number,
    id: MessageId,
    account: string,
    tableVersion: number,
    current: string,
    hops: number,
  ): string {
    const table = this.#table;
    const first = buffer.readUInt32LE(at + R.route) - 1;
    if (!table || first < 0 || table.version !== tableVersion || buffer[at + R.kind] !== Kind.mt) return '';
    const sourceLength = buffer[at + R.sourceLength]!;
    const sourceAt = at + R.head;
    const count = fallbacks(
      table,
      this.#origin(table, account, buffer.readUInt16LE(at + R.flags)),
      buffer,
      sourceAt + sourceLength,
      buffer[at + R.destLength]!,
      sourceAt,
      sourceLength,
      drawn(id),
      first,
      this.#chain,
    );
    let tried = table.textOf(first);
    for (let i = 0; i < count && i < hops; i++) {
      const destination = table.textOf(this.#chain[i]!);
      if (tried === current) return destination;
      tried = destination;
    }
    return '';
  }

  #origin(table: CompiledTable, account: string, flags: number): Origin {
    const sourceType = (flags & RecordFlag.pull) === 0 ? 'SMPP' : 'HTTP';
    const key = `${account}\0${sourceType}`;
    let origin = this.#origins.get(key);
    if (!origin) {
      if (this.#origins.size >= ORIGINS) this.#origins.clear();
      this.#origins.set(key, (origin = table.origin({ account, sourceSmsc: account, sourceType })));
    }
    return origin;
  }
}

/** A number from 0 (inclusive) to 1 (exclusive) out of an id. */
function drawn(id: number): number {
  let x = Math.imul((id % 0x1_0000_0000) ^ Math.floor(id / 0x1_0000_0000), 0x9e3779b1);
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
  return ((x ^ (x >>> 13)) >>> 0) / 0x1_0000_0000;
}
