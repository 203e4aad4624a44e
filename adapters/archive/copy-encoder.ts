/**
 * Writes PostgreSQL's binary COPY format (PostgreSQL manual, COPY, "Binary Format"): big-endian, each field an i32 of
 * its octets (-1 = NULL) and the value. Binary, because the server then parses no text: half its CPU per row.
 */
const SIGNATURE = Buffer.from('PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0', 'latin1');
const TRAILER = 0xffff;

/** ms from 1970 to 2000, where PostgreSQL's times start. */
const EPOCH_MS = 946_684_800_000;
const EPOCH_DAYS = 10_957;
const DAY_MS = 86_400_000;
const TWO_32 = 4_294_967_296;

/** Days since 2000-01-01 of the UTC day that `ms` is in: PostgreSQL's binary `date`. */
export const pgDay = (ms: number): number => Math.floor(ms / DAY_MS) - EPOCH_DAYS;
/** `2026-11-21` for a `pgDay`. */
export const dayText = (day: number): string => new Date((day + EPOCH_DAYS) * DAY_MS).toISOString().slice(0, 10);

/** One growing buffer; `take` gives what is in it and starts anew in the same memory. */
export class CopyEncoder {
  buffer = Buffer.allocUnsafeSlow(512 * 1024);
  #view = new DataView(this.buffer.buffer);
  at = 0;

  /** Starts a COPY. */
  begin(): void {
    this.at = SIGNATURE.copy(this.buffer, 0);
  }

  end(): void {
    this.reserve(2);
    this.#view.setUint16(this.at, TRAILER);
    this.at += 2;
  }

  /** What was written since the last `take`: good until the next write. */
  take(): Buffer {
    const piece = this.buffer.subarray(0, this.at);
    this.at = 0;
    return piece;
  }

  /** Makes room for `octets` more: call it before the writes below, which check nothing. */
  reserve(octets: number): void {
    if (this.at + octets <= this.buffer.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(this.buffer.length * 2, this.at + octets));
    this.buffer.copy(larger, 0, 0, this.at);
    this.buffer = larger;
    this.#view = new DataView(larger.buffer);
  }

  setInt16(at: number, value: number): void {
    this.#view.setInt16(at, value);
  }
  setInt32(at: number, value: number): void {
    this.#view.setInt32(at, value);
  }
  /** Whole numbers of up to 2^53. */
  setInt64(at: number, value: number): void {
    const high = Math.floor(value / TWO_32);
    this.#view.setInt32(at, high);
    this.#view.setUint32(at + 4, value - high * TWO_32);
  }
  /** `ms` since 1970 as a timestamptz. */
  setInstant(at: number, ms: number): void {
    this.setInt64(at, Math.round((ms - EPOCH_MS) * 1000));
  }

  nullField(): void {
    this.#view.setInt32(this.at, -1);
    this.at += 4;
  }
  /** NULL for 0: the wire formats and the ledger have no other way to say "none". */
  instantOrNull(ms: number): void {
    if (ms === 0) return this.nullField();
    this.#view.setInt32(this.at, 8);
    this.setInstant(this.at + 4, ms);
    this.at += 12;
  }
  int64OrNull(value: number): void {
    if (value === 0) return this.nullField();
    this.#view.setInt32(this.at, 8);
    this.setInt64(this.at + 4, value);
    this.at += 12;
  }

  /** A bytea. */
  octets(from: Buffer, at: number, length: number): void {
    this.#view.setInt32(this.at, length);
    this.at += 4;
    this.raw(from, at, length);
  }

  /** Copies as it is. For a few octets a loop is faster than a call into the runtime. */
  raw(from: Buffer, at: number, length: number): void {
    if (length < 32) {
      const { buffer } = this;
      for (let i = 0; i < length; i++) buffer[this.at + i] = from[at + i]!;
    } else {
      from.copy(this.buffer, this.at, at, at + length);
    }
    this.at += length;
  }

  /**
   * Octets that should be ASCII (addresses, ids) as a text: those above 127 as Latin-1, and NUL, which PostgreSQL's text
   * cannot hold, as U+FFFD. Needs room for 4 + 3 x length.
   */
  latin1(from: Buffer, at: number, length: number): void {
    const { buffer } = this;
    const start = this.at + 4;
    let to = start;
    for (let i = 0; i < length; i++) {
      const octet = from[at + i]!;
      if (octet > 127) {
        buffer[to++] = 0xc0 | (octet >> 6);
        buffer[to++] = 0x80 | (octet & 0x3f);
      } else if (octet === 0) {
        buffer[to++] = 0xef;
        buffer[to++] = 0xbf;
        buffer[to++] = 0xbd;
      } else {
        buffer[to++] = octet;
      }
    }
    this.#view.setInt32(this.at, to - start);
    this.at = to;
  }

  /** Needs room for 4 + 3 x text.length. `text` must be free of U+0000. */
  utf8(text: string): void {
    const length = this.buffer.write(text, this.at + 4);
    this.#view.setInt32(this.at, length);
    this.at += 4 + length;
  }
}
