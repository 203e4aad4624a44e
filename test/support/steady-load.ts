import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { once } from 'node:events';
import { bindPdu, cut, headerPdu, submitPdu } from './raw-peer.ts';
import { waitUntil } from './wait-until.ts';

const SUBMIT_SM = 4;
const SUBMIT_SM_RESP = 0x80000004;
const UNBIND = 6;
const UNBIND_RESP = 0x80000006;

/** Cuts what arrives into PDUs. */
function eachPdu(socket: Socket, each: (pdu: Buffer) => void): void {
  let rest: Buffer = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => {
    const octets = rest.length > 0 ? Buffer.concat([rest, chunk]) : chunk;
    let used = 0;
    for (const pdu of cut(octets)) {
      each(pdu);
      used += pdu.length;
    }
    rest = octets.subarray(used);
  });
  socket.on('error', () => undefined);
}

/** A carrier that takes everything, and remembers the text of each message. */
export class Sink implements Disposable {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  /** How often each came, by the first three digits of its number and its text. */
  readonly texts = new Map<string, number>();
  /** Binds, in all. */
  binds = 0;
  /** Called with each submit_sm: false leaves it unanswered. */
  answers: (pdu: Buffer) => boolean = () => true;

  private constructor() {
    this.#server = createServer(socket => this.#connected(socket));
  }

  static async listen(): Promise<Sink> {
    const sink = new Sink();
    sink.#server.listen(0, '127.0.0.1');
    await once(sink.#server, 'listening');
    return sink;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }
  /** Sessions that are connected now. */
  get sessions(): number {
    return this.#sockets.size;
  }
  /** Messages that came more than once. */
  get duplicates(): number {
    return [...this.texts.values()].filter(times => times > 1).length;
  }

  [Symbol.dispose](): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #connected(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    let id = 0;
    eachPdu(socket, pdu => {
      const command = pdu.readUInt32BE(4);
      const sequence = pdu.readUInt32BE(12);
      if (command === SUBMIT_SM) {
        if (!this.answers(pdu)) return;
        count(this.texts, `${destIn(pdu).slice(0, 3)} ${textIn(pdu)}`);
        const answer = Buffer.concat([headerPdu(SUBMIT_SM_RESP, 0, sequence), Buffer.from(`${++id}\0`)]);
        answer.writeUInt32BE(answer.length, 0);
        socket.write(answer);
      } else if (command < 0x80000000) {
        if (command === 9) this.binds++;
        // A bind, an unbind, an enquire_link: each response may do without a body here.
        socket.write(headerPdu((command | 0x80000000) >>> 0, 0, sequence));
        if (command === 6) socket.end();
      }
    });
  }
}

function count(texts: Map<string, number>, text: string): void {
  texts.set(text, (texts.get(text) ?? 0) + 1);
}

const skip = (pdu: Buffer, at: number): number => pdu.indexOf(0, at) + 1;

/** destination_addr of a submit_sm or deliver_sm (v3.4 §4.4.1). */
function destIn(pdu: Buffer): string {
  const at = skip(pdu, skip(pdu, 16) + 2) + 2;
  return pdu.toString('latin1', at, pdu.indexOf(0, at));
}

/** short_message of a submit_sm or deliver_sm (v3.4 §4.4.1). */
function textIn(pdu: Buffer): string {
  const destAt = skip(pdu, skip(pdu, 16) + 2) + 2;
  const lengthAt = skip(pdu, skip(pdu, skip(pdu, destAt) + 3)) + 4;
  return pdu.toString('latin1', lengthAt + 1, lengthAt + 1 + pdu[lengthAt]!);
}

const TEXT_LENGTH = 12;
const textOf = (number: number): string => `M${String(number).padStart(TEXT_LENGTH - 1, '0')}`;
const TICK_MS = 10;

export interface Offered {
  readonly acked: number;
  readonly refused: number;
  /** Acknowledged a second, from the first message to the last answer. */
  readonly perSecond: number;
}

/** One customer that offers messages at a rate, whatever comes back: an open loop, with a bound far away. */
export class SteadyLoad implements Disposable {
  readonly #socket: Socket;
  #sequence = 1;
  /** The node has unbound it: it sends nothing more, and says goodbye when all it has sent is answered. */
  unbound = false;
  #unbind = -1;
  acked = 0;
  refused = 0;
  /** The command_status of what was refused. */
  readonly refusals = new Set<number>();
  readonly ackedTexts: string[] = [];
  /** Texts of the deliver_sm it was sent, and how often each. */
  readonly delivered = new Map<string, number>();

  private constructor(socket: Socket) {
    this.#socket = socket;
    eachPdu(socket, pdu => {
      const command = pdu.readUInt32BE(4);
      if (command === SUBMIT_SM_RESP) {
        if (pdu.readUInt32BE(8) === 0) {
          this.acked++;
          this.ackedTexts.push(textOf(pdu.readUInt32BE(12) - 1));
        } else {
          this.refused++;
          this.refusals.add(pdu.readUInt32BE(8));
        }
        this.#leave();
      } else if (command === UNBIND) {
        this.unbound = true;
        this.#unbind = pdu.readUInt32BE(12);
        this.#leave();
      } else if (command < 0x80000000) {
        socket.write(headerPdu((command | 0x80000000) >>> 0, 0, pdu.readUInt32BE(12)));
        if (command === 5) count(this.delivered, textIn(pdu));
      }
    });
  }

  static async bind(port: number, systemId: string): Promise<SteadyLoad> {
    const socket = connect({ host: '127.0.0.1', port });
    await once(socket, 'connect');
    socket.write(bindPdu(systemId, systemId));
    const [answer] = (await once(socket, 'data')) as [Buffer];
    if (answer.readUInt32BE(8) !== 0) throw new Error(`bind refused: ${answer.toString('hex')}`);
    return new SteadyLoad(socket);
  }

  /** Messages offered so far: their texts are numbered from 0. */
  get offered(): number {
    return this.#sequence - 1;
  }

  /** Offers at `rate` a second for `seconds`, to numbers that begin with `prefix`, and waits for all answers. */
  async run(rate: number, seconds: number, prefix: string): Promise<Offered> {
    const { acked, refused } = this;
    const startMs = performance.now();
    const first = this.#sequence;
    const count = rate * seconds;
    while (this.#sequence - first < count && !this.unbound) {
      const due = Math.min(count, Math.ceil(((performance.now() - startMs) / 1000) * rate));
      const pdus: Buffer[] = [];
      while (this.#sequence - first < due) {
        pdus.push(submitPdu(this.#sequence, `${prefix}7700900123`, textOf(this.#sequence - 1)));
        this.#sequence++;
      }
      if (pdus.length > 0) this.#socket.write(Buffer.concat(pdus));
      await new Promise(resolve => setTimeout(resolve, TICK_MS));
    }
    await waitUntil(
      'all that was offered is answered',
      () => this.#socket.destroyed || this.acked + this.refused - acked - refused === this.#sequence - first,
      30_000,
    );
    const ms = performance.now() - startMs;
    return {
      acked: this.acked - acked,
      refused: this.refused - refused,
      perSecond: ((this.acked - acked) / ms) * 1000,
    };
  }

  #leave(): void {
    if (this.#unbind >= 0 && this.acked + this.refused === this.offered) {
      this.#socket.write(headerPdu(UNBIND_RESP, 0, this.#unbind));
      this.#unbind = -1;
    }
  }

  [Symbol.dispose](): void {
    this.#socket.destroy();
  }
}
