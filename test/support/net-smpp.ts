import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { waitUntil } from './wait-until.ts';

const DRIVER = fileURLToPath(new URL('net-smpp.pl', import.meta.url));

/** A PDU as Net::SMPP reads it. Octets are characters U+0000 to U+00FF; which fields there are depends on `cmd`. */
export interface PerlPdu {
  readonly cmd: string;
  readonly status: number;
  readonly seq: number;
  readonly message_id: string;
  readonly short_message: string;
  /** By the tag in decimal. */
  readonly tlvs: Readonly<Record<string, string>>;
  readonly [field: string]: unknown;
}

type Arguments = Readonly<Record<string, unknown>>;

/** perl's Net::SMPP in a process of its own, driven by lines of JSON (`net-smpp.pl`). */
class Driver {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #line: (line: object) => void;
  #said = '';
  closed = false;

  constructor(mode: readonly string[], line: (line: object) => void) {
    this.#line = line;
    this.#child = spawn('perl', [DRIVER, ...mode]);
    this.#child.stderr.setEncoding('utf8').on('data', (text: string) => (this.#said += text));
    this.#child.on('close', () => (this.closed = true));
    this.#child.on('error', error => (this.#said += error.message));
    this.#child.stdin.on('error', () => undefined);
    createInterface({ input: this.#child.stdout }).on('line', text => this.#line(JSON.parse(text) as object));
  }

  send(line: object): void {
    this.#child.stdin.write(`${JSON.stringify(line)}\n`);
  }

  /** Waits for what its lines bring about. @throws Error with what perl said when it ended before */
  async until(description: string, condition: () => boolean): Promise<void> {
    await waitUntil(description, () => condition() || this.closed, 20_000);
    if (!condition()) throw new Error(`Net::SMPP ended before ${description}: ${this.#said}`);
  }

  async end(): Promise<void> {
    this.#child.stdin.end();
    await waitUntil('perl ends', () => this.closed);
  }
}

const call = (method: string, fields: Arguments): object => ({ call: method, args: Object.entries(fields).flat() });

/** An ESME made of Net::SMPP. */
export class NetSmppClient implements AsyncDisposable {
  readonly #driver: Driver;
  /** The sequence_numbers of its requests, in order. */
  readonly #sent: number[] = [];
  /** Every PDU that came, in order; the last one has the `cmd` "closed" when the node has hung up. */
  readonly pdus: PerlPdu[] = [];

  constructor(port: number) {
    this.#driver = new Driver(['session', String(port)], line => {
      if ('sent' in line) this.#wrote(line as { sent: number; call: string });
      else this.#came(line as PerlPdu);
    });
  }

  /** Connects and binds. @throws Error when it is refused */
  static async bind(port: number, command: string, fields: Arguments): Promise<NetSmppClient> {
    const client = new NetSmppClient(port);
    const { status } = await client.request(command, fields);
    if (status !== 0) throw new Error(`${command} was refused with status ${status}`);
    return client;
  }

  get deliveries(): PerlPdu[] {
    return this.pdus.filter(({ cmd }) => cmd === 'deliver_sm');
  }

  /** Sends a request. Resolves with its response, or with the generic_nack it got. */
  async request(command: string, fields: Arguments = {}): Promise<PerlPdu> {
    const before = this.#sent.length;
    this.#driver.send(call(command, fields));
    await this.#driver.until(`${command} is sent`, () => this.#sent.length > before);
    const sequence = this.#sent[before]!;
    const isAnswer = (pdu: PerlPdu): boolean =>
      pdu.seq === sequence && (pdu.cmd === `${command}_resp` || pdu.cmd === 'generic_nack');
    await this.#driver.until(`${command} is answered`, () => this.pdus.some(isAnswer));
    return this.pdus.find(isAnswer)!;
  }

  until(description: string, condition: () => boolean): Promise<void> {
    return this.#driver.until(description, condition);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#driver.end();
  }

  #wrote({ sent, call: method }: { sent: number; call: string }): void {
    if (!method.endsWith('_resp')) this.#sent.push(sent);
  }

  /** What a node asks of it is answered at once. */
  #came(pdu: PerlPdu): void {
    this.pdus.push(pdu);
    const { cmd, seq } = pdu;
    if (cmd === 'deliver_sm' || cmd === 'data_sm') this.#driver.send(call(`${cmd}_resp`, { message_id: '', seq }));
    else if (cmd === 'enquire_link' || cmd === 'unbind') this.#driver.send(call(`${cmd}_resp`, { seq }));
  }
}

/** Net::SMPP's encoder and decoder alone. */
export class NetSmppCodec implements AsyncDisposable {
  readonly #lines: object[] = [];
  readonly #driver = new Driver(['codec'], line => this.#lines.push(line));

  /** What it writes for this. */
  async encode(method: string, fields: Arguments): Promise<Buffer> {
    const { octets } = (await this.#ask(call(method, fields))) as { octets: string };
    return Buffer.from(octets, 'latin1');
  }

  async decode(pdu: Buffer): Promise<PerlPdu> {
    return (await this.#ask({ decode: pdu.toString('latin1') })) as PerlPdu;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#driver.end();
  }

  async #ask(line: object): Promise<object> {
    const before = this.#lines.length;
    this.#driver.send(line);
    await this.#driver.until('its answer', () => this.#lines.length > before);
    return this.#lines[before]!;
  }
}
