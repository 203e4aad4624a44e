import type { MessageId } from './id.ts';

/**
 * The ledger: what happened to messages, as deltas. Entries are written by whoever dispatched a message, flushed by the
 * store in its next group commit, and folded into the archive's row. All entries of one frame concern one destination.
 *
 * One entry, little-endian, version 1 (the store prefixes a version): must never change.
 *
 *     0  f64 message id                 12 u32 error: a command_status, or a receipt's network error
 *     8  u8  what (What)                16 f64 at: when it happened; for `parked` when it is due again. ms since 1970
 *     9  u8  fate (Fate)                24 u8 octets of the carrier's id, 25 u8 error class, 26 u16 0
 *     10 u8  attempts so far            28 the carrier's id as it came (0 to 65 octets)
 *     11 u8  flags (LedgerFlag)
 */
export const L = {
  id: 0,
  what: 8,
  fate: 9,
  attempts: 10,
  flags: 11,
  error: 12,
  at: 16,
  carrierIdLength: 24,
  head: 28,
} as const;

export const What = {
  /** It left, or failed for good: `fate` says which. It will not be dispatched again. */
  settled: 1,
  /** Put aside until `at`, then ready again. */
  parked: 2,
  /** A receipt told the final fate of a message settled before. */
  receipt: 3,
  /** The claim is given back unsent (session lost, drain): ready again at once. */
  released: 4,
  /** Ready again in the queue of another destination, whose name stands where the carrier's id stands otherwise. */
  rerouted: 5,
  /** A receipt of failure that its sender is not told: the message goes by its next route, as the entry after it says. */
  heldBack: 6,
} as const;
export type What = (typeof What)[keyof typeof What];

/** The fate of a message. 2 to 8 are SMPP's message_state (v3.4 §5.2.28). */
export const Fate = {
  queued: 0,
  /** Accepted by the next system; what became of it is not known (yet). */
  sent: 1,
  delivered: 2,
  expired: 3,
  deleted: 4,
  undeliverable: 5,
  accepted: 6,
  unknown: 7,
  rejected: 8,
  /** A route said so. */
  dropped: 10,
  /** Answered by a route's auto-reply. */
  replied: 11,
} as const;
export type Fate = (typeof Fate)[keyof typeof Fate];

export const FATE_NAMES: Readonly<Record<number, string>> = Object.fromEntries(
  Object.entries(Fate).map(([name, value]) => [value, name]),
);

export const LedgerFlag = {
  /** The next system will send a receipt: keep its id until that comes. */
  awaitsReceipt: 1,
  /** With it: a receipt of failure may send the message elsewhere, so all of it is kept until then. */
  mayGoElsewhere: 2,
} as const;

/** Longest carrier id kept: message_id has at most 65 octets with its NUL (SMPP v3.4 §5.2.23). */
export const CARRIER_ID_LIMIT = 64;

/** Collects entries in one growing buffer; `take` hands them over and starts anew. */
export class LedgerWriter {
  #buffer = Buffer.allocUnsafeSlow(16 * 1024);
  #end = 0;
  #count = 0;

  get count(): number {
    return this.#count;
  }

  /** Adds an entry; the carrier's id is copied from `idBuffer` (0 octets when there is none). */
  add(
    id: MessageId,
    what: What,
    fate: Fate,
    attempts: number,
    flags: number,
    error: number,
    at: number,
    idBuffer: Buffer | undefined,
    idAt: number,
    idLength: number,
  ): void {
    const length = Math.min(idLength, CARRIER_ID_LIMIT);
    const start = this.#room(L.head + length);
    const b = this.#buffer;
    b.writeDoubleLE(id, start);
    b[start + L.what] = what;
    b[start + L.fate] = fate;
    b[start + L.attempts] = Math.min(attempts, 255);
    b[start + L.flags] = flags;
    b.writeUInt32LE(error, start + L.error);
    b.writeDoubleLE(at, start + L.at);
    b.writeUInt32LE(length, start + L.carrierIdLength);
    if (idBuffer) for (let i = 0; i < length; i++) b[start + L.head + i] = idBuffer[idAt + i]!;
    this.#count++;
  }

  /** The entries so far, as a copy of its own (transferable); the writer is empty afterwards. */
  take(): Uint8Array<ArrayBuffer> {
    const frame = new Uint8Array(this.#end);
    frame.set(this.#buffer.subarray(0, this.#end));
    this.#end = 0;
    this.#count = 0;
    return frame;
  }

  #room(octets: number): number {
    const start = this.#end;
    if (start + octets > this.#buffer.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(this.#buffer.length * 2, start + octets));
      this.#buffer.copy(larger, 0, 0, start);
      this.#buffer = larger;
    }
    this.#end = start + octets;
    return start;
  }
}

/** Offset after the entry at `at`. */
export const nextEntry = (frame: Buffer, at: number): number => at + L.head + frame[at + L.carrierIdLength]!;
