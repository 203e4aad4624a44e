/** Takes the frames the framer finds. Must not throw. */
export interface FrameSink {
  /**
   * One whole PDU, buf[at..end). The range is valid during the call only: copy what must outlive it.
   * @returns false to stop here, for example until a bind has been checked; the rest is kept
   */
  frame(buf: Buffer, at: number, end: number): boolean;
}

/**
 * `more`: everything was taken; `stopped`: the sink said stop, `push` again (an empty chunk will do) to go on;
 * `unframeable`: a command_length that cannot be, see `Framer.fault`; nothing more is read from this stream.
 */
export type FramerResult = 'more' | 'stopped' | 'unframeable';

/** The header that could not be framed, as far as it had come: what is missing is 0 (v3.4 §4.3.1). */
export type FrameFault = {
  readonly command_length: number;
  readonly command_id: number;
  readonly sequence_number: number;
};

const EMPTY = Buffer.alloc(0);
const HEADER_LENGTH = 16;
const KEPT_PART = 1024;

/**
 * Cuts a stream of octets into PDUs (v3.4 §3.2.2).
 *
 *     chunk    ┌──── PDU ────┬──── PDU ────┬─ PD            whole ones: given out where they are, not copied
 *                                          └─ copied into #part
 *     chunk    U ──┬──── PDU ────┬ …
 *              └─ completes #part
 *
 * Bounds: a command_length below 16 or above `maxLength` is reported as soon as its four octets are there, before
 * anything is kept for it. #part grows with what has arrived, not with what was announced, so a peer that announces
 * much and sends little holds little, and one octet at a time costs a constant per octet.
 */
export class Framer {
  /**
   * Most octets of a PDU. May be changed at any time, from inside the sink too, and holds for every frame whose
   * length has not been looked at yet: small before a bind, large after it.
   */
  maxLength: number;
  fault: FrameFault | undefined;
  /** The start of a frame whose end has not come: #part[0..#partLength). */
  #part: Buffer = EMPTY;
  #partLength = 0;
  /** What was left over when the sink said stop. */
  #rest: Buffer = EMPTY;

  constructor(maxLength: number) {
    this.maxLength = maxLength;
  }

  /** Octets of a frame that is not whole yet: more than 0 for long means a peer that stalls in mid-PDU. */
  get pending(): number {
    return this.#partLength;
  }

  /** Takes the next chunk of the stream. The chunk may be reused by the caller afterwards. */
  push(chunk: Buffer, sink: FrameSink): FramerResult {
    if (this.fault !== undefined) return 'unframeable';
    if (this.#rest.length > 0) {
      chunk = Buffer.concat([this.#rest, chunk]);
      this.#rest = EMPTY;
    }
    const { length } = chunk;
    let at = 0;
    if (this.#partLength > 0) {
      at = this.#completePart(chunk);
      if (at < 0) return 'unframeable';
      if (at === 0) return 'more';
      const end = this.#partLength;
      const part = this.#part;
      this.#partLength = 0;
      // An idle session must not sit on the memory of its one long message.
      if (part.length > KEPT_PART) this.#part = EMPTY;
      if (!sink.frame(part, 0, end)) return this.#stop(chunk, at);
    }
    while (at + 4 <= length) {
      const frameLength = ((chunk[at]! << 24) | (chunk[at + 1]! << 16) | (chunk[at + 2]! << 8) | chunk[at + 3]!) >>> 0;
      if (frameLength < HEADER_LENGTH || frameLength > this.maxLength) {
        return this.#unframeable(chunk, at, length);
      }
      const end = at + frameLength;
      if (end > length) break;
      if (!sink.frame(chunk, at, end)) return this.#stop(chunk, end);
      at = end;
    }
    if (at < length) this.#keep(chunk, at, length);
    return 'more';
  }

  /** Adds to #part what it lacks. Returns how much of the chunk that took, 0 when it is still not whole, -1 for a fault. */
  #completePart(chunk: Buffer): number {
    let at = 0;
    if (this.#partLength < 4) {
      at = Math.min(4 - this.#partLength, chunk.length);
      this.#keep(chunk, 0, at);
      if (this.#partLength < 4) return 0;
      const announced = this.#part.readUInt32BE(0);
      if (announced < HEADER_LENGTH || announced > this.maxLength) {
        // For the header in the report: it may be in this chunk.
        this.#keep(chunk, at, Math.min(at + 12, chunk.length));
        this.#unframeable(this.#part, 0, this.#partLength);
        return -1;
      }
    }
    const lacking = this.#part.readUInt32BE(0) - this.#partLength;
    const end = Math.min(at + lacking, chunk.length);
    this.#keep(chunk, at, end);
    return end - at === lacking ? end : 0;
  }

  #keep(chunk: Buffer, at: number, end: number): void {
    const length = this.#partLength + end - at;
    if (length > this.#part.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(64, length, 2 * this.#partLength));
      this.#part.copy(larger, 0, 0, this.#partLength);
      this.#part = larger;
    }
    chunk.copy(this.#part, this.#partLength, at, end);
    this.#partLength = length;
  }

  #stop(chunk: Buffer, at: number): FramerResult {
    if (at < chunk.length) this.#rest = Buffer.from(chunk.subarray(at));
    return 'stopped';
  }

  #unframeable(buf: Buffer, at: number, end: number): FramerResult {
    const word = (from: number): number => (from + 4 <= end ? buf.readUInt32BE(from) : 0);
    this.fault = { command_length: word(at), command_id: word(at + 4), sequence_number: word(at + 12) };
    this.#part = EMPTY;
    this.#partLength = 0;
    return 'unframeable';
  }
}
