import { once } from 'node:events';
import { createRequire } from 'node:module';
import type { AddressInfo, Server } from 'node:net';
import type { EventEmitter } from 'node:events';
import type { ClientPdu } from './node-smpp-client.ts';

interface Session extends EventEmitter {
  send(pdu: object, response?: (pdu: ClientPdu) => void): boolean;
  destroy(): void;
}

const { createServer, PDU } = createRequire(import.meta.url)('smpp') as {
  createServer: (session: (session: Session) => void) => Server;
  PDU: new (command: string, fields: object) => object;
};

/** How a submit_sm is answered: with this status, and these fields. */
export interface CarrierAnswer {
  readonly command_status?: number;
  readonly message_id?: string;
}

/** An SMSC that is not ours, made of the npm package `smpp`: it takes what comes, and says what a test makes it say. */
export class NpmSmppCarrier implements AsyncDisposable {
  readonly #server: Server;
  readonly #sessions: Session[] = [];
  readonly #cameOn = new WeakMap<ClientPdu, Session>();
  /** Every request that came, in order: the binds too. */
  readonly requests: ClientPdu[] = [];
  /** undefined: no answer. */
  answer: (pdu: ClientPdu) => CarrierAnswer | undefined = pdu => ({ message_id: `c${pdu.sequence_number}` });
  /** Sends a receipt for each message that is accepted and asks for one. */
  receipts = true;

  private constructor(server: (take: (session: Session) => void) => Server) {
    this.#server = server(session => this.#accept(session));
  }

  static async listen(): Promise<NpmSmppCarrier> {
    const carrier = new NpmSmppCarrier(createServer);
    carrier.#server.listen(0, '127.0.0.1');
    await once(carrier.#server, 'listening');
    return carrier;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }
  get submits(): ClientPdu[] {
    return this.requests.filter(({ command }) => command === 'submit_sm');
  }

  /** Sends a request on its latest session, or on another. Resolves with the response. */
  request(command: string, fields: object = {}, session = this.#sessions.at(-1)): Promise<ClientPdu> {
    const { promise, resolve, reject } = Promise.withResolvers<ClientPdu>();
    if (session === undefined) throw new Error(`no session to send ${command} on`);
    session.once('close', () => reject(new Error(`${command} was not answered: the session has ended`)));
    session.send(new PDU(command, fields), resolve);
    return promise;
  }

  /** A receipt for that message, on its session, as most SMSCs write it (v3.4 Appendix B). */
  receipt(submit: ClientPdu, id: string, state = 'DELIVRD'): Promise<ClientPdu> {
    const text = `id:${id} sub:001 dlvrd:001 submit date:2601311200 done date:2601311201 stat:${state} err:000 text:`;
    const fields = {
      source_addr: submit.destination_addr,
      source_addr_ton: 1,
      source_addr_npi: 1,
      destination_addr: submit.source_addr,
      esm_class: 4,
      short_message: Buffer.from(text),
      receipted_message_id: id,
      message_state: state === 'DELIVRD' ? 2 : 5,
    };
    return this.request('deliver_sm', fields, this.#cameOn.get(submit));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const session of this.#sessions) session.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #accept(session: Session): void {
    session.setMaxListeners(0);
    this.#sessions.push(session);
    session.on('error', () => session.destroy());
    session.on('close', () => this.#sessions.splice(this.#sessions.indexOf(session), 1));
    session.on('pdu', (pdu: ClientPdu) => {
      if (pdu.command.endsWith('_resp') || pdu.command === 'generic_nack') return;
      this.requests.push(pdu);
      this.#cameOn.set(pdu, session);
      const fields = pdu.command === 'submit_sm' ? this.answer(pdu) : {};
      if (fields === undefined || pdu.command === 'alert_notification') return;
      session.send(pdu.response(fields));
      const asks = ((pdu as { registered_delivery?: number }).registered_delivery ?? 0) & 1;
      if (this.receipts && pdu.command === 'submit_sm' && asks === 1 && (fields.command_status ?? 0) === 0) {
        // The session may end before it is answered: whoever waits for the receipt will say so.
        this.receipt(pdu, fields.message_id!).catch(() => undefined);
      }
      if (pdu.command === 'unbind') session.once('send', () => session.destroy());
    });
  }
}
