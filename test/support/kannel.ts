import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../../bench/harness/smppload.ts';

const PATH = `${process.env['PATH']}:/usr/sbin:/sbin`;

/** A request that Kannel made to our web server: a receipt or a message from a phone. */
export type Callback = Readonly<Record<string, string>>;

/**
 * Kannel's bearerbox, bound to a node as an SMSC client, and its smsbox, by whose sendsms it sends; receipts and messages
 * from phones it reports to a web server that this keeps. Everything on 127.0.0.1, everything in a folder of its own.
 */
export class Kannel implements AsyncDisposable {
  readonly #folder = mkdtempSync(join(tmpdir(), 'heliograph-kannel-'));
  readonly #boxes: ChildProcess[] = [];
  #web: Server | undefined;
  #sendsmsPort = 0;
  #adminPort = 0;
  /** What came to the dlr-url, and to the URL of the sms-service, in order. */
  readonly receipts: Callback[] = [];
  readonly messages: Callback[] = [];

  private constructor() {}

  /**
   * Starts both, and waits until the bearerbox is bound.
   *
   * @param separate true: it binds as a transmitter and as a receiver, and speaks 3.3; else as a transceiver of 3.4
   */
  static async start(port: number, login: string, { separate = false } = {}): Promise<Kannel> {
    const kannel = new Kannel();
    try {
      const binds = separate
        ? [`port = ${port}\ninterface-version = 33`, `receive-port = ${port}\ninterface-version = 33`]
        : [`port = ${port}\ntransceiver-mode = true`];
      await kannel.#start(login, binds);
      return kannel;
    } catch (error) {
      const logs = ['bearerbox', 'smsbox'].map(box => kannel.log(box).slice(-2000)).join('\n');
      await kannel[Symbol.asyncDispose]();
      throw new Error(`Kannel did not start:\n${logs}`, { cause: error });
    }
  }

  /**
   * Calls sendsms (Kannel user's guide, "Using the HTTP interface"). Resolves with its HTTP status and words.
   *
   * @param parameters a string goes as UTF-8, a buffer octet for octet
   */
  async sendsms(parameters: Readonly<Record<string, string | Buffer>>): Promise<{ status: number; said: string }> {
    const pairs = Object.entries({ username: 'u', password: 'p', ...parameters }).map(([name, value]) => {
      const octets = Buffer.from(value).toString('hex');
      return `${name}=${octets.replace(/../g, '%$&')}`;
    });
    const response = await fetch(`http://127.0.0.1:${this.#sendsmsPort}/cgi-bin/sendsms?${pairs.join('&')}`);
    return { status: response.status, said: await response.text() };
  }

  /** A dlr-url whose requests end up in `receipts`; %d is the kind, %A the text of the receipt. */
  dlrUrl(mark: string): string {
    return `http://127.0.0.1:${this.#webPort}/receipt?mark=${mark}&kind=%d&from=%p&to=%P&text=%A`;
  }

  /** The bearerbox's own status page. */
  async status(): Promise<string> {
    const response = await fetch(`http://127.0.0.1:${this.#adminPort}/status.txt?password=p`);
    return response.text();
  }

  /** Ends both politely: bearerbox unbinds. */
  async stop(): Promise<void> {
    for (const box of this.#boxes.splice(0).toReversed()) {
      if (box.exitCode !== null || box.signalCode !== null) continue;
      const ended = once(box, 'exit');
      box.kill('SIGTERM');
      await ended;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // A box that does not end on SIGTERM must not keep the tests.
    const kill = setTimeout(() => this.#boxes.forEach(box => box.kill('SIGKILL')), 10_000);
    const boxes = [...this.#boxes];
    await this.stop();
    clearTimeout(kill);
    for (const box of boxes) box.kill('SIGKILL');
    this.#web?.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  get #webPort(): number {
    return (this.#web!.address() as AddressInfo).port;
  }

  async #start(login: string, binds: readonly string[]): Promise<void> {
    this.#web = createServer((request, response) => {
      const url = new URL(request.url!, 'http://localhost');
      const fields = Object.fromEntries(url.searchParams);
      (url.pathname === '/receipt' ? this.receipts : this.messages).push(fields);
      response.end();
    });
    this.#web.listen(0, '127.0.0.1');
    await once(this.#web, 'listening');
    const [admin, box, sendsms] = await Promise.all([freePort(), freePort(), freePort()]);
    this.#adminPort = admin;
    this.#sendsmsPort = sendsms;
    writeFileSync(
      join(this.#folder, 'kannel.conf'),
      `group = core
admin-interface = 127.0.0.1
admin-port = ${admin}
admin-password = p
smsbox-port = ${box}
smsbox-interface = 127.0.0.1
box-allow-ip = 127.0.0.1
store-type = file
store-location = ${join(this.#folder, 'store')}
dlr-storage = internal

${binds.map(bind => smscGroup(login, bind)).join('\n')}
group = smsbox
bearerbox-host = 127.0.0.1
sendsms-port = ${sendsms}
sendsms-interface = 127.0.0.1
mo-recode = true

group = sendsms-user
username = u
password = p
concatenation = true
max-messages = 10

group = sms-service
keyword = default
max-messages = 0
catch-all = true
accepted-smsc = node
get-url = "http://127.0.0.1:${this.#webPort}/message?from=%p&to=%P&text=%b&coding=%c"
`,
    );
    this.#run('bearerbox');
    await this.#until('bearerbox answers', /Kannel bearerbox/);
    this.#run('smsbox');
    await this.#until('bearerbox is bound', new RegExp(`(\\bSMPP:\\S+ \\(online[^]*){${binds.length}}`));
    await this.#until('smsbox is connected', /smsbox:/);
    await this.#untilAsync('smsbox listens', () => this.sendsms({}).then(() => true));
  }

  /** Waits for a line on the status page. */
  #until(description: string, pattern: RegExp): Promise<void> {
    return this.#untilAsync(description, async () => pattern.test(await this.status()));
  }

  async #untilAsync(description: string, condition: () => Promise<boolean>): Promise<void> {
    const until = performance.now() + 20_000;
    while (!(await condition().catch(() => false))) {
      if (performance.now() > until) throw new Error(`not within 20 s: ${description}`);
      await new Promise(resolve => setTimeout(resolve, 20));
    }
  }

  /** What a box has logged so far, octets as Latin-1. */
  log(box: string): string {
    try {
      return readFileSync(join(this.#folder, `${box}.log`), 'latin1');
    } catch {
      return '';
    }
  }

  #run(box: 'bearerbox' | 'smsbox'): void {
    const args = ['-v', '4', '-F', join(this.#folder, `${box}.log`), '-V', '0', join(this.#folder, 'kannel.conf')];
    const child = spawn(box, args, { env: { PATH }, stdio: 'ignore' });
    child.on('error', () => undefined);
    this.#boxes.push(child);
  }
}

function smscGroup(login: string, bind: string): string {
  return `group = smsc
smsc = smpp
smsc-id = node
host = 127.0.0.1
${bind}
smsc-username = ${login}
smsc-password = ${login}
system-type = ""
reconnect-delay = 1
enquire-link-interval = 2
`;
}
