import { connect, type Socket } from 'node:net';
import { encodePdu } from '../../adapters/smpp/codec/encode.ts';
import { bindPdu } from './bind-probe.ts';
import type { Extras } from './node-process.ts';
import { pause, until } from './wait.ts';

/**
 * Two customers whose programs are broken, with accounts of their own. Each is brought into its worst state before the
 * others are measured, stays in it, and comes back when it is thrown out.
 */
const DEAF = 'deaf';
const MUTE = 'mute';

const DELIVER_SM = 5;
const DELIVER_WINDOW = 100;
const PER_WRITE = 500;
/** A write that the kernel has not taken for so long: the node reads no more. */
const STUCK_MS = 1000;
const STATE_LIMIT_MS = 60_000;
const AGAIN_MS = 200;
/** Messages a second that the mute peer goes on submitting. */
const MUTE_RATE = 100;

/** What the node's configuration needs for them: their messages go nowhere near the measured carrier. */
export const BAD_PEERS: Extras = {
  accounts: [DEAF, MUTE].map(system_id => ({
    system_id,
    password: system_id,
    binds: 1,
    window: 1000,
    deliver_window: DELIVER_WINDOW,
  })),
  carriers: [{ name: 'phones', protocol: 'simulator', receipt_delay_ms: 0 }],
  routes: [
    { called_prefix: '98', drop: true },
    { called_prefix: '99', dest_smsc: 'phones' },
  ],
  // So short that unanswered receipts time out and go again while the others are measured.
  smpp: { response_timeout_seconds: 2 },
};

function submits(first: number, count: number, prefix: string): Buffer {
  return Buffer.concat(
    Array.from({ length: count }, (_, i) =>
      encodePdu({
        command: 'submit_sm',
        sequence_number: first + i,
        source_addr: 'ACME',
        dest_addr_ton: 1,
        dest_addr_npi: 1,
        destination_addr: `${prefix}${String((first + i) % 100_000_000).padStart(8, '0')}`,
        registered_delivery: 1,
        short_message: Buffer.alloc(100, 'x'),
      }),
    ),
  );
}

/** Submits as fast as it is let and reads nothing: no answer, no receipt. */
export class DeafPeer implements Disposable {
  readonly #port: number;
  #socket!: Socket;
  #sequence = 2;
  #wroteAt = performance.now();
  #ended = false;
  /** Times it was thrown out. */
  thrownOut = 0;

  constructor(port: number) {
    this.#port = port;
    this.#open();
  }

  /** Resolves when the node reads no more of what it submits. */
  stuck(): Promise<void> {
    return until('the node stops reading the peer that does not read', () => this.#isStuck, STATE_LIMIT_MS);
  }

  /** Messages it has got rid of. */
  get submitted(): number {
    return this.#sequence - 2;
  }

  get #isStuck(): boolean {
    return performance.now() - this.#wroteAt > STUCK_MS;
  }

  [Symbol.dispose](): void {
    this.#ended = true;
    this.#socket.destroy();
  }

  #open(): void {
    const socket = connect(this.#port, '127.0.0.1');
    this.#socket = socket;
    socket.pause();
    socket.on('error', () => undefined);
    socket.on('close', () => {
      if (this.#ended) return;
      this.thrownOut++;
      setTimeout(() => this.#ended || this.#open(), AGAIN_MS);
    });
    socket.on('connect', () => {
      socket.write(bindPdu(DEAF));
      this.#write();
    });
  }

  #write(): void {
    this.#socket.write(submits(this.#sequence, PER_WRITE, '98'), error => {
      if (error || this.#ended) return;
      this.#sequence += PER_WRITE;
      this.#wroteAt = performance.now();
      this.#write();
    });
  }
}

/** Reads everything and answers nothing, so the receipts of its messages wait for ever. */
export class MutePeer implements Disposable {
  readonly #port: number;
  readonly #timer: NodeJS.Timeout;
  #socket!: Socket;
  #sequence = 2;
  #ended = false;
  #rest: Buffer = Buffer.alloc(0);
  thrownOut = 0;
  /** Receipts it has been sent, and not answered. */
  receipts = 0;

  constructor(port: number) {
    this.#port = port;
    this.#open();
    this.#timer = setInterval(() => this.#submit(MUTE_RATE / 10), 100);
  }

  /** Resolves when as many receipts wait for its answer as its window takes. */
  full(): Promise<void> {
    return until(
      'the peer that does not answer has its window full',
      () => this.receipts >= DELIVER_WINDOW,
      STATE_LIMIT_MS,
    );
  }

  [Symbol.dispose](): void {
    this.#ended = true;
    clearInterval(this.#timer);
    this.#socket.destroy();
  }

  #open(): void {
    const socket = connect(this.#port, '127.0.0.1');
    this.#socket = socket;
    this.#rest = Buffer.alloc(0);
    socket.on('error', () => undefined);
    socket.on('close', () => {
      if (this.#ended) return;
      this.thrownOut++;
      setTimeout(() => this.#ended || this.#open(), AGAIN_MS);
    });
    socket.on('connect', () => {
      socket.write(bindPdu(MUTE));
      this.#submit(DELIVER_WINDOW * 2);
    });
    socket.on('data', chunk => this.#read(chunk));
  }

  #submit(count: number): void {
    if (this.#socket.readyState !== 'open') return;
    this.#socket.write(submits(this.#sequence, count, '99'));
    this.#sequence += count;
  }

  #read(chunk: Buffer): void {
    const data = this.#rest.length > 0 ? Buffer.concat([this.#rest, chunk]) : chunk;
    let at = 0;
    while (data.length - at >= 16) {
      const length = data.readUInt32BE(at);
      if (data.length - at < length) break;
      if (data.readUInt32BE(at + 4) === DELIVER_SM) this.receipts++;
      at += length;
    }
    this.#rest = data.subarray(at);
  }
}

/** Both, in their worst state. */
export async function badPeers(port: number): Promise<{ deaf: DeafPeer; mute: MutePeer }> {
  const deaf = new DeafPeer(port);
  const mute = new MutePeer(port);
  await Promise.all([deaf.stuck(), mute.full()]);
  // What their arrival has cost is not the others' rate.
  await pause(STUCK_MS);
  return { deaf, mute };
}
