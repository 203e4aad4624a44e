import { cut, headerPdu, RawPeer } from './raw-peer.ts';
import { tlv } from './scripted-carrier.ts';
import { withLength } from './smpp-wire.ts';
import { waitUntil } from './wait-until.ts';

/** A deliver_sm as it came. */
export interface Delivered {
  readonly esmClass: number;
  readonly dataCoding: number;
  /** short_message, or message_payload. */
  readonly octets: Buffer;
  /** The octets as Latin-1. */
  readonly text: string;
  readonly pdu: Buffer;
}

export interface SubmitOptions {
  readonly esmClass?: number;
  readonly registered?: number;
  readonly dataCoding?: number;
  readonly tlvs?: Buffer;
  readonly from?: string;
  readonly priority?: number;
}

/** An application with any octets for texts, in message_payload where they are many. It answers every deliver_sm. */
export class LongPeer implements Disposable {
  readonly #peer: RawPeer;
  readonly #answers = new Map<number, (id: string) => void>();
  #delivered: Delivered[] = [];
  #sequence = 10;

  private constructor(peer: RawPeer) {
    this.#peer = peer;
    let rest: Buffer = Buffer.alloc(0);
    const take = (chunk: Buffer): void => {
      rest = Buffer.concat([rest, chunk]);
      for (const pdu of cut(rest)) {
        rest = rest.subarray(pdu.length);
        this.#received(pdu);
      }
    };
    // What waited for it may have come with the answer to its bind.
    take(peer.take());
    peer.socket.on('data', take);
  }

  static async bind(port: number, systemId: string): Promise<LongPeer> {
    return new LongPeer(await RawPeer.bind(port, systemId));
  }

  /** What has been delivered and not been taken. */
  get waiting(): number {
    return this.#delivered.length;
  }

  /** Waits for so many messages, and forgets all there are. */
  async delivered(count: number): Promise<Delivered[]> {
    await waitUntil(`${count} deliver_sm`, () => this.#delivered.length >= count);
    return this.#delivered.splice(0);
  }

  /** Submits a message and waits for its id, or for "status N" when it is refused. */
  submit(to: string, text: string | Buffer, options: SubmitOptions = {}): Promise<string> {
    const octets = typeof text === 'string' ? Buffer.from(text, 'latin1') : text;
    const {
      esmClass = 0,
      registered = 1,
      dataCoding = 0,
      tlvs = Buffer.alloc(0),
      from = 'ACME',
      priority = 0,
    } = options;
    const isShort = octets.length <= 254;
    const sequence = this.#sequence++;
    this.#peer.send(
      withLength(
        Buffer.concat([
          headerPdu(4, 0, sequence),
          Buffer.from(`\0\x05\0${from}\0\x01\x01${to}\0`, 'latin1'),
          Buffer.from([esmClass, 0, priority, 0, 0, registered, 0, dataCoding, 0, isShort ? octets.length : 0]),
          isShort ? octets : tlv(0x0424, octets),
          tlvs,
        ]),
      ),
    );
    return new Promise(resolve => this.#answers.set(sequence, resolve));
  }

  [Symbol.dispose](): void {
    this.#peer[Symbol.dispose]();
  }

  #received(pdu: Buffer): void {
    const command = pdu.readUInt32BE(4);
    const sequence = pdu.readUInt32BE(12);
    if (command === 0x80000004) {
      const status = pdu.readUInt32BE(8);
      this.#answers.get(sequence)?.(status === 0 ? pdu.toString('latin1', 16, pdu.length - 1) : `status ${status}`);
    } else if (command === 5) {
      this.#peer.send(withLength(Buffer.concat([headerPdu(0x80000005, 0, sequence), Buffer.from([0])])));
      this.#delivered.push(deliveredOf(pdu));
    } else if (command === 0x15) this.#peer.send(headerPdu(0x80000015, 0, sequence));
  }
}

/** SMPP v3.4 §4.6.1. */
function deliveredOf(pdu: Buffer): Delivered {
  let at = 16;
  const skip = (): number => (at = pdu.indexOf(0, at) + 1);
  skip();
  at += 2;
  skip();
  at += 2;
  skip();
  const esmClass = pdu[at]!;
  at += 3;
  skip();
  skip();
  const dataCoding = pdu[at + 2]!;
  const length = pdu[at + 4]!;
  at += 5;
  let octets = pdu.subarray(at, at + length);
  for (let t = at + length; t + 4 <= pdu.length; t += 4 + pdu.readUInt16BE(t + 2)) {
    if (pdu.readUInt16BE(t) === 0x0424) octets = pdu.subarray(t + 4, t + 4 + pdu.readUInt16BE(t + 2));
  }
  return { esmClass, dataCoding, octets, text: octets.toString('latin1'), pdu };
}
