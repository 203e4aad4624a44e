import { type EventEmitter, once } from 'node:events';
import { createRequire } from 'node:module';

/** A PDU as the npm package `smpp` reads it; which fields there are depends on the command. */
export interface ClientPdu {
  readonly command: string;
  readonly command_status: number;
  readonly sequence_number: number;
  readonly system_id?: string;
  readonly message_id: string;
  readonly source_addr: string;
  readonly source_addr_ton: number;
  readonly destination_addr: string;
  readonly dest_addr_ton: number;
  readonly esm_class: number;
  readonly data_coding: number;
  readonly short_message: { readonly message: string; readonly udh?: readonly Buffer[] };
  readonly message_payload?: { readonly message: string };
  readonly receipted_message_id?: string;
  readonly message_state?: number;
  readonly sc_interface_version?: number;
  response(fields?: object): ClientPdu;
}

interface Session extends EventEmitter {
  send(pdu: ClientPdu, response?: (pdu: ClientPdu) => void): boolean;
  destroy(): void;
}

const { connect, PDU } = createRequire(import.meta.url)('smpp') as {
  connect: (options: { host: string; port: number }) => Session;
  PDU: new (command: string, fields: object) => ClientPdu;
};

export type BindCommand = 'bind_transceiver' | 'bind_transmitter' | 'bind_receiver';

/** An ESME that is not ours: a second opinion on everything an SMSC of ours writes. */
export class NodeSmppClient {
  readonly #session: Session;
  /** deliver_sm in the order they came. */
  readonly deliveries: ClientPdu[] = [];
  /** The command_status a deliver_sm is answered with; undefined: it is not answered. */
  answer: (pdu: ClientPdu) => number | undefined = () => 0;
  closed = false;

  private constructor(session: Session) {
    this.#session = session;
    session.on('close', () => (this.closed = true));
    session.on('error', () => (this.closed = true));
    session.on('deliver_sm', (pdu: ClientPdu) => {
      this.deliveries.push(pdu);
      const status = this.answer(pdu);
      if (status !== undefined) this.reply(pdu, status);
    });
  }

  static async connect(port: number): Promise<NodeSmppClient> {
    const session = connect({ host: '127.0.0.1', port });
    const client = new NodeSmppClient(session);
    await once(session, 'connect');
    return client;
  }

  /** Connects and binds; the answer is in `bound`. */
  static async bind(
    port: number,
    command: BindCommand = 'bind_transceiver',
    fields: object = {},
  ): Promise<NodeSmppClient> {
    const client = await NodeSmppClient.connect(port);
    const { command_status } = await client.request(command, { system_id: 'r', password: 'r', ...fields });
    if (command_status !== 0) throw new Error(`${command} was refused with status ${command_status}`);
    return client;
  }

  /** Sends a request. Resolves with its response; rejects when the session ends without one. */
  request(command: string, fields: object = {}): Promise<ClientPdu> {
    const { promise, resolve, reject } = Promise.withResolvers<ClientPdu>();
    const closed = (): void => reject(new Error(`${command} was not answered: the session has ended`));
    this.#session.once('close', closed);
    this.#session.send(new PDU(command, fields), response => {
      this.#session.off('close', closed);
      resolve(response);
    });
    return promise;
  }

  submit(fields: object = {}): Promise<ClientPdu> {
    return this.request('submit_sm', {
      source_addr: 'ACME',
      source_addr_ton: 5,
      destination_addr: '447700900123',
      dest_addr_ton: 1,
      dest_addr_npi: 1,
      short_message: 'Hello',
      registered_delivery: 1,
      ...fields,
    });
  }

  /** Submits so many at once. */
  submitMany(count: number, fields: object = {}): Promise<ClientPdu[]> {
    this.#session.setMaxListeners(count + 20);
    return Promise.all(Array.from({ length: count }, () => this.submit(fields)));
  }

  /** Answers a request of the peer, one that `answer` left. */
  reply(pdu: ClientPdu, status: number): void {
    this.#session.send(pdu.response({ command_status: status }));
  }

  /** Calls `take` with each request of this kind. */
  on(command: string, take: (pdu: ClientPdu) => void): void {
    this.#session.on(command, take);
  }

  /** Cuts the connection. */
  destroy(): void {
    this.#session.destroy();
  }
}
