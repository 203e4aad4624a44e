import type { Socket } from 'node:net';

/** Octets of one piece of output: what a session has to say in one turn usually fits. */
const PIECE = 64 * 1024;

/**
 * What a session has to say: PDUs are written into one buffer, and the socket gets it once a turn. One write for hundreds
 * of PDUs is what makes a Node server fast: each write costs about 12 µs.
 */
export class Output {
  readonly #socket: Socket;
  #buffer: Buffer | undefined;
  #end = 0;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** The buffer with room for `octets` more after `at`. */
  room(octets: number): Buffer {
    let buffer = this.#buffer;
    if (buffer && this.#end + octets <= buffer.length) return buffer;
    if (buffer) this.flush();
    this.#end = 0;
    this.#buffer = buffer = spare && octets <= PIECE ? spare : Buffer.allocUnsafeSlow(Math.max(PIECE, octets));
    if (buffer === spare) spare = undefined;
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

  /** Octets that the peer has not taken yet. */
  get waiting(): number {
    return this.#socket.writableLength;
  }

  flush(): void {
    const buffer = this.#buffer;
    if (!buffer || this.#end === 0) return;
    this.#socket.write(this.#end === buffer.length ? buffer : buffer.subarray(0, this.#end));
    this.#end = 0;
    this.#buffer = undefined;
    // All of it is in the kernel: the buffer is free again, for whichever session speaks next.
    if (this.#socket.writableLength === 0 && buffer.length === PIECE) spare = buffer;
  }
}

let spare: Buffer | undefined;
