import { Duplex } from 'node:stream';
import type { Socket } from 'node:net';
import type { MessagePort } from 'node:worker_threads';

/** Octets under way between two threads, each way, at which the one that sends them waits. */
const AHEAD = 256 * 1024;
/** The other thread hears of octets that were taken in steps of so many. */
const STEP = AHEAD / 4;
/** How long a peer that does not read is given for what was said last, ms. */
const LAST_WORDS_MS = 5000;

/** What passes: octets, how many of the other's were taken, "that is all", and why the connection was lost. */
type Said = Uint8Array | number | 'end' | { readonly lost: string };

/** What a session needs of its socket. */
export type SessionSocket = Duplex & Pick<Socket, 'destroySoon'> & { setNoDelay(noDelay: boolean): unknown };

/**
 * A socket of another thread: Node.js cannot move one. The thread that has it passes on what it reads and writes what it
 * is given (`LentSockets`). A chunk, which under load is hundreds of PDUs, costs one message; both ways wait where the
 * other does not keep up.
 */
export class RemoteSocket extends Duplex {
  readonly #port: MessagePort;
  /** Octets read, of which the other thread has not heard. */
  #taken = 0;
  /** Octets said, of which the other thread has not said that they are written. */
  #unwritten = 0;
  #whenWritten: (() => void) | undefined;

  constructor(port: MessagePort) {
    super({ allowHalfOpen: false, highWaterMark: STEP });
    this.#port = port;
    port.on('message', (said: Said) => this.#heard(said));
    port.on('close', () => this.destroy());
  }

  /** It has it already. */
  setNoDelay(): this {
    return this;
  }

  destroySoon(): void {
    if (this.writable) this.end();
    if (this.writableFinished) this.destroy();
    else this.once('finish', () => this.destroy());
  }

  override _read(): void {
    if (this.#taken < STEP) return;
    this.#port.postMessage(this.#taken);
    this.#taken = 0;
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    post(this.#port, chunk);
    this.#unwritten += chunk.length;
    if (this.#unwritten < AHEAD) done();
    else this.#whenWritten = done;
  }

  override _final(done: () => void): void {
    this.#port.postMessage('end' satisfies Said);
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#port.close();
    done(error);
  }

  #heard(said: Said): void {
    if (said instanceof Uint8Array) {
      this.#taken += said.length;
      if (this.push(Buffer.from(said.buffer, said.byteOffset, said.length))) this._read();
    } else if (typeof said === 'number') this.#written(said);
    else if (said === 'end') this.push(null);
    else this.destroy(new Error(said.lost));
  }

  #written(octets: number): void {
    this.#unwritten -= octets;
    const done = this.#whenWritten;
    if (!done || this.#unwritten >= AHEAD / 2) return;
    this.#whenWritten = undefined;
    done();
  }
}

/** Sockets of this thread that others have the sessions of. */
export class LentSockets {
  readonly #lent = new Set<Socket>();

  get size(): number {
    return this.#lent.size;
  }

  /** @param port the other end is a `RemoteSocket`'s */
  lend(socket: Socket, port: MessagePort): void {
    this.#lent.add(socket);
    socket.setNoDelay(true);
    let unread = 0;
    let written = 0;
    let ended = false;
    socket.on('data', (chunk: Buffer) => {
      post(port, chunk);
      unread += chunk.length;
      if (unread >= AHEAD) socket.pause();
    });
    socket.on('end', () => port.postMessage('end' satisfies Said));
    socket.on('error', ({ message }) => port.postMessage({ lost: message } satisfies Said));
    socket.on('close', () => {
      this.#lent.delete(socket);
      port.close();
    });
    port.on('message', (said: Said) => {
      if (typeof said === 'number') {
        unread -= said;
        if (unread < AHEAD) socket.resume();
      } else if (said === 'end') {
        ended = true;
        socket.end();
      } else if (said instanceof Uint8Array) {
        const { length } = said;
        socket.write(said, () => {
          written += length;
          if (written < STEP) return;
          port.postMessage(written);
          written = 0;
        });
      }
    });
    port.on('close', () => {
      if (!ended) socket.destroy();
      else {
        socket.destroySoon();
        setTimeout(() => socket.destroy(), LAST_WORDS_MS).unref();
      }
    });
  }
}

/** Octets alone: a view would take all of its buffer with it. */
function post(port: MessagePort, chunk: Uint8Array): void {
  const own = new Uint8Array(chunk);
  port.postMessage(own, [own.buffer]);
}
