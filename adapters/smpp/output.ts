import type { SessionSocket } from '../../runtime/remote-socket.ts';

/** Octets of one piece of output: what a session has to say in one turn usually fits. */
const PIECE = 64 * 1024;
/** Octets the peer may leave unread before it gets no more. */
const UNREAD_LIMIT = 512 * 1024;

/** A right that a session lives by, in a cluster: a carrier's slot, the claims on messages. */
export interface Gate {
  /** False once it has run out: whatever was to be said is another node's to say. */
  readonly isOpen: boolean;
  /** True when it will have run out soon, if nothing happens. */
  readonly isEnding: boolean;
  /** How often to look whether it is ending, ms. */
  readonly lookMs: number;
  /** Why a session ends without it, for people. */
  readonly reason: string;
}

/**
 * What a session has to say: PDUs are written into one buffer, and the socket gets it once a turn. One write for hundreds
 * of PDUs is what makes a Node server fast: each write costs about 12 µs.
 */
export class Output {
  readonly #socket: SessionSocket;
  #buffer: Buffer | undefined;
  #end = 0;
  readonly #gate: Gate | undefined;
  readonly #guardsAll: boolean;
  #guarded: boolean;
  /** Is shown what leaves, before it does. */
  tap: ((octets: Buffer) => void) | undefined;

  /**
   * @param gate undefined: there is none, it may always speak
   * @param guardsAll nothing at all is to leave once the gate has closed, not only what `guard` is called for
   */
  constructor(socket: SessionSocket, gate?: Gate, guardsAll = false) {
    this.#socket = socket;
    this.#gate = gate;
    this.#guardsAll = gate !== undefined && guardsAll;
    this.#guarded = this.#guardsAll;
  }

  /** What was written just now must not leave once the gate has closed. */
  guard(): void {
    this.#guarded = this.#gate !== undefined;
  }

  /** The buffer with room for `octets` more after `at`. */
  room(octets: number): Buffer {
    let buffer = this.#buffer;
    if (buffer && this.#end + octets <= buffer.length) return buffer;
    if (buffer) this.flush();
    this.#end = 0;
    buffer = octets <= PIECE ? spares.pop() : undefined;
    this.#buffer = buffer ??= Buffer.allocUnsafeSlow(Math.max(PIECE, octets));
    return buffer;
  }

  /** Where to write in `room`'s buffer. */
  get at(): number {
    return this.#end;
  }

  /** Something was written up to `end`. */
  wrote(end: number): void {
    this.#end = end;
  }

  /** The peer leaves too much unread. The socket's `drain` event tells when it has read all of it. */
  get blocked(): boolean {
    return this.#socket.writableLength >= UNREAD_LIMIT;
  }

  flush(): void {
    const buffer = this.#buffer;
    if (!buffer || this.#end === 0) return;
    if (this.#guarded && !this.#gate!.isOpen) {
      this.#end = 0;
      this.#socket.destroy(new Error(this.#gate!.reason));
      return;
    }
    const said = buffer.subarray(0, this.#end);
    this.tap?.(said);
    this.#end = 0;
    this.#buffer = undefined;
    this.#guarded = this.#guardsAll;
    // It will wait behind what waits already: a few octets must not keep a whole piece alive meanwhile.
    const waits = this.#socket.writableLength > 0 && said.length < buffer.length / 2;
    this.#socket.write(waits ? Buffer.from(said) : said);
    // All of it is in the kernel, or was copied: the buffer is free again, for whichever session speaks next.
    if ((waits || this.#socket.writableLength === 0) && buffer.length === PIECE && spares.length < SPARES) {
      spares.push(buffer);
    }
  }
}

/**
 * Pieces that are not in use. Memory outside V8's heap that comes and goes makes it collect garbage: thrown away pieces
 * were the cause of a quarter of a loaded node's CPU time.
 */
const spares: Buffer[] = [];
const SPARES = 64;
