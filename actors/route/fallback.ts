import { messageId, type MessageId } from '../message/id.ts';
import { Kind, R, RecordFlag } from '../message/record.ts';
import type { CompiledTable, Origin } from '../routing/compiled.ts';
import { fallbacks, lookup, NO_ROUTE } from '../routing/match.ts';
import type { Delivery } from './delivery.ts';

/** Most origins remembered for a table. */
const ORIGINS = 10_000;
const CHAIN_LIMIT = 15;

/**
 * Where a message goes when its destination will not take it: the rules after the one that chose its first destination
 * (`fallbacks` in `routing/match.ts`). The chain of a message is drawn by its id, so that whoever holds it, at whatever
 * time, finds the same one, and nothing about it has to be kept. The parts of a long message have one chain.
 */
export class FallbackChains {
  #table: CompiledTable | undefined;
  #avoided: ReadonlySet<string> = new Set();
  readonly #origins = new Map<string, Origin>();
  readonly #chain = new Int32Array(CHAIN_LIMIT);

  useTable(table: CompiledTable): void {
    this.#table = table;
    this.#origins.clear();
  }

  /** Destinations that are to get nothing now, where another one can have it. */
  avoid(destinations: ReadonlySet<string>): void {
    this.#avoided = destinations;
  }

  /**
   * The destination after `current`, past those that are to be avoided, unless all are; '' when there is none: the chain
   * has ended, its sender chose the destination, or the rules have changed since it was routed (where it is tried next must
   * not be a second time).
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
    const count = Math.min(hops, this.#draw(table, buffer, at, id, account, first));
    let isPast = table.textOf(first) === current;
    let avoided = '';
    for (let i = 0; i < count; i++) {
      const destination = table.textOf(this.#chain[i]!);
      if (isPast && !this.#avoided.has(destination)) return destination;
      if (isPast && avoided === '') avoided = destination;
      isPast ||= destination === current;
    }
    return avoided;
  }

  /**
   * Where a message can go instead that waits for `current`, which takes none: the next of its chain that is not to be
   * avoided, or, where the rules have changed since it was routed, the first by today's. '' when there is none.
   */
  instead(delivery: Delivery, index: number, current: string): string {
    const table = this.#table;
    const { buffer, tableVersion, groups, number } = delivery.batch;
    const at = delivery.at(index);
    if (!table || buffer.readUInt32LE(at + R.route) === 0 || buffer[at + R.kind] !== Kind.mt) return '';
    if (table.version === tableVersion) {
      const next = this.next(delivery, index, current);
      return this.#avoided.has(next) ? '' : next;
    }
    const { account } = groups[buffer[at + R.group]!]!;
    const id = messageId(number, index);
    const first = this.#lookUp(table, buffer, at, id, account);
    if (first === NO_ROUTE || table.actionOf(first) !== 'forward') return '';
    const count = this.#draw(table, buffer, at, id, account, first);
    for (let i = -1; i < count; i++) {
      const destination = table.textOf(i < 0 ? first : this.#chain[i]!);
      if (destination !== current && !this.#avoided.has(destination)) return destination;
    }
    return '';
  }

  /** False when no rule leads to any destination but `current` and those to be avoided. */
  leadsPast(current: string): boolean {
    for (const destination of this.#table?.destinations() ?? []) {
      if (destination !== current && !this.#avoided.has(destination)) return true;
    }
    return false;
  }

  /** Fills `#chain` with the rules after `first`. @returns how many */
  #draw(table: CompiledTable, b: Buffer, at: number, id: MessageId, account: string, first: number): number {
    const sourceAt = at + R.head;
    const sourceLength = b[at + R.sourceLength]!;
    const destAt = sourceAt + sourceLength;
    const destLength = b[at + R.destLength]!;
    const origin = this.#origin(table, account, b.readUInt16LE(at + R.flags));
    const random = drawn(id - b[at + R.part]!);
    return fallbacks(table, origin, b, destAt, destLength, sourceAt, sourceLength, random, first, this.#chain);
  }

  #lookUp(table: CompiledTable, b: Buffer, at: number, id: MessageId, account: string): number {
    const sourceAt = at + R.head;
    const sourceLength = b[at + R.sourceLength]!;
    const destAt = sourceAt + sourceLength;
    const origin = this.#origin(table, account, b.readUInt16LE(at + R.flags));
    const random = drawn(id - b[at + R.part]!);
    return lookup(table, origin, b, destAt, b[at + R.destLength]!, sourceAt, sourceLength, random);
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
