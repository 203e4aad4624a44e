import { encodeFrame } from './bus-message.ts';
import type { Frame } from './frame.ts';
import type { FramePort } from './link.ts';

export interface BusPortDeps {
  /** Resolves with whether they are on their way to the peer. */
  readonly publish: (sequence: number, frames: readonly Buffer[]) => Promise<boolean>;
  /** It cannot go on. */
  readonly closed: () => void;
}

/**
 * Octets that wait to be taken by Redis. A peer that does not read is dropped by Redis itself
 * (`client-output-buffer-limit pubsub`), which closes its links.
 */
const MOST_OUTSTANDING = 32 * 1024 * 1024;

/** One end of a link between nodes. What is said in one turn of the loop is one message. */
export class BusPort implements FramePort {
  readonly #deps: BusPortDeps;
  #frames: Buffer[] = [];
  #outstanding = 0;
  #sequence = 0;
  #closed = false;
  #onMessage: (frame: Frame) => void = () => undefined;
  #onClose: () => void = () => undefined;

  constructor(deps: BusPortDeps) {
    this.#deps = deps;
  }

  on(event: 'message' | 'close', told: ((frame: Frame) => void) & (() => void)): void {
    if (event === 'message') this.#onMessage = told;
    else this.#onClose = told;
  }

  postMessage(frame: Frame): void {
    if (this.#closed) return;
    const encoded = encodeFrame(frame);
    this.#outstanding += encoded.length;
    if (this.#frames.length === 0) setImmediate(() => void this.#flush());
    this.#frames.push(encoded);
  }

  arrived(frame: Frame): void {
    if (!this.#closed) this.#onMessage(frame);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#frames = [];
    this.#onClose();
    this.#deps.closed();
  }

  async #flush(): Promise<void> {
    const frames = this.#frames;
    this.#frames = [];
    if (frames.length === 0) return;
    if (this.#outstanding > MOST_OUTSTANDING) {
      this.close();
      return;
    }
    const octets = frames.reduce((sum, frame) => sum + frame.length, 0);
    const isOnItsWay = await this.#deps.publish(++this.#sequence, frames);
    this.#outstanding -= octets;
    if (!isOnItsWay) this.close();
  }
}
