import { connect, type Socket } from 'node:net';
import { COMMAND_ID } from '../adapters/smpp/codec/command-id.ts';
import { encodePdu } from '../adapters/smpp/codec/encode.ts';
import { Framer, type FrameSink } from '../adapters/smpp/codec/framer.ts';

export interface RehearsalOffer {
  readonly port: number;
  readonly account: string;
  /** Messages to send. */
  readonly messages: number;
  /** Most of them without a response. */
  readonly window: number;
  /** Receipts have come; whose they are is not asked: an account's sessions share them. */
  readonly receipts: (count: number) => void;
}

const TEXT = 'Your code is 000000. It is valid for ten minutes; nobody of our staff will ever ask you for it. Bye.';
/** Where the text's digits are, from its end, and how many. */
const DIGITS_FROM_END = TEXT.length - TEXT.indexOf('000000');
/** What messages say how long they are valid: nothing mostly, or an hour, or two. */
const VALIDITIES = ['', '', '', '', '000000010000000R', '', '', '000000020000000R'];
const RESPONSE_OCTETS = 17;
const MOST_PDU = 4096;

/** An application that submits messages over loopback and takes their receipts, in the least code that does. */
export class RehearsalClient implements FrameSink {
  readonly #offer: RehearsalOffer;
  readonly #socket: Socket;
  readonly #framer = new Framer(MOST_PDU);
  readonly #submits: readonly Buffer[];
  /** Written a turn later. */
  #tail: Buffer | undefined;
  #out: Buffer[] = [];
  #sent = 0;
  #answered = 0;
  #receipts = 0;

  /** Binds, and sends once it is bound. */
  constructor(offer: RehearsalOffer) {
    this.#offer = offer;
    this.#submits = VALIDITIES.map(validity_period =>
      encodePdu({
        command: 'submit_sm',
        sequence_number: 0,
        source_addr_ton: 5,
        source_addr: 'Rehearsal',
        dest_addr_ton: 1,
        dest_addr_npi: 1,
        destination_addr: '447700900000',
        validity_period,
        registered_delivery: 1,
        short_message: Buffer.from(TEXT),
      }),
    );
    this.#socket = connect({ host: '127.0.0.1', port: offer.port, noDelay: true });
    this.#socket.write(
      encodePdu({ command: 'bind_transceiver', sequence_number: 1, system_id: offer.account, interface_version: 0x34 }),
    );
    this.#socket.on('data', chunk => this.#read(chunk));
    this.#socket.on('error', () => undefined);
  }

  close(): void {
    this.#socket.destroy();
  }

  frame(buf: Buffer, at: number): boolean {
    const command = buf.readUInt32BE(at + 4);
    if (command === COMMAND_ID.submit_sm_resp) this.#answered++;
    else if (command === COMMAND_ID.deliver_sm) this.#take(buf.readUInt32BE(at + 12));
    return true;
  }

  #read(chunk: Buffer): void {
    this.#framer.push(chunk, this);
    while (this.#sent < this.#offer.messages && this.#sent - this.#answered < this.#offer.window) this.#send();
    if (this.#out.length > 0) this.#write(Buffer.concat(this.#out));
    this.#out = [];
    if (this.#receipts > 0) this.#offer.receipts(this.#receipts);
    this.#receipts = 0;
  }

  /** As networks do: what is written together arrives in pieces, that end anywhere. */
  #write(octets: Buffer): void {
    const cut = Math.max(0, octets.length - 1 - (this.#sent % 100));
    if (this.#tail) this.#socket.write(this.#tail);
    else setImmediate(() => this.#writeTail());
    this.#socket.write(octets.subarray(0, cut));
    this.#tail = octets.subarray(cut);
  }

  #writeTail(): void {
    if (this.#tail && !this.#socket.destroyed) this.#socket.write(this.#tail);
    this.#tail = undefined;
  }

  #send(): void {
    const pdu = Buffer.from(this.#submits[this.#sent % this.#submits.length]!);
    pdu.writeUInt32BE(++this.#sent + 1, 12);
    pdu.latin1Write(String(this.#sent % 1_000_000).padStart(6, '0'), pdu.length - DIGITS_FROM_END);
    this.#out.push(pdu);
  }

  #take(sequence: number): void {
    const response = Buffer.alloc(RESPONSE_OCTETS);
    response.writeUInt32BE(RESPONSE_OCTETS, 0);
    response.writeUInt32BE(COMMAND_ID.deliver_sm_resp, 4);
    response.writeUInt32BE(sequence, 12);
    this.#out.push(response);
    this.#receipts++;
  }
}
