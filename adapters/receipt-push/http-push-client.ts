import { readFileSync } from 'node:fs';
import { Agent as HttpAgent, request as httpRequest } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { isIP } from 'node:net';
import { describeError } from '../../runtime/errors.ts';
import { answerTo, type HttpAnswer } from '../../runtime/http-answer.ts';
import { literal, urlProblem, type UrlRules } from '../../actors/push/push-url.ts';
import type { PushAnswer, PushClient, PushedReceipt } from '../../actors/push/push-client.ts';
import type { PushFormat } from '../../actors/push/push-request.ts';
import type { PushWriter } from './format.ts';
import { PinnedResolver } from './resolver.ts';

export interface HttpPushSettings {
  readonly rules: UrlRules;
  /** Of a whole exchange. */
  readonly timeoutMs: number;
  /** At once, to one origin and to all. */
  readonly connections: number;
  readonly inFlight: number;
  /** Who signs receivers' certificates (PEM); '': the authorities that Node.js knows. */
  readonly caFile: string;
}

/** Octets of an answer; what is longer is not read. */
const MOST_OCTETS = 16 * 1024;
/** Connections to one origin that are kept while nothing is sent, and for how long. */
const KEPT = 2;
const KEPT_MS = 15_000;
/** The receiver cannot answer now, whatever it is asked: RFC 9110 §15.5.9, RFC 6585 §4. */
const BUSY = new Set([408, 425, 429]);

/** Pushes receipts by HTTP/1.1. Redirections are not followed. */
export class HttpPushClient implements PushClient {
  readonly #settings: HttpPushSettings;
  readonly #writers: Readonly<Record<PushFormat, PushWriter>>;
  readonly #resolver: PinnedResolver;
  readonly #plain: HttpAgent;
  readonly #secure: HttpsAgent;

  /** @throws Error naming a file that cannot be read */
  constructor(settings: HttpPushSettings, writers: Readonly<Record<PushFormat, PushWriter>>, monotonic: () => number) {
    this.#settings = settings;
    this.#writers = writers;
    this.#resolver = new PinnedResolver(settings.rules.addresses, settings.timeoutMs, monotonic);
    const common = {
      keepAlive: true,
      maxSockets: settings.connections,
      maxTotalSockets: settings.inFlight,
      maxFreeSockets: KEPT,
      timeout: KEPT_MS,
    };
    const ca = settings.caFile === '' ? {} : { ca: readFileSync(settings.caFile) };
    this.#plain = new HttpAgent(common);
    this.#secure = new HttpsAgent({ ...common, ...ca, minVersion: 'TLSv1.2' });
  }

  async push(receipt: PushedReceipt): Promise<PushAnswer> {
    const { format } = receipt.request;
    // As it is now: what was allowed when the message came may be so no longer.
    const problem = urlProblem(receipt.request.url, this.#settings.rules);
    if (problem !== '') return { type: 'failed', reason: `not allowed: expected ${problem}` };
    try {
      const writer = this.#writers[format];
      const { status, body } = await this.#send(writer.write(receipt));
      const answer = writer.judge(status, body.toString('latin1'));
      if (answer.type !== 'taken' && (status >= 500 || BUSY.has(status))) return { ...answer, type: 'failed' };
      return answer;
    } catch (error) {
      return { type: 'failed', reason: describeError(error) };
    }
  }

  close(): void {
    this.#plain.destroy();
    this.#secure.destroy();
  }

  async #send({ url, method, headers, body }: ReturnType<PushWriter['write']>): Promise<HttpAnswer> {
    const { timeoutMs } = this.#settings;
    const parsed = new URL(url);
    const isSecure = parsed.protocol === 'https:';
    const address = literal(parsed.hostname);
    // A name is looked up, and its addresses are looked at, when a connection is opened.
    if (isIP(address) !== 0) this.#resolver.checkAddress(address);
    const request = (isSecure ? httpsRequest : httpRequest)(parsed, {
      method,
      agent: isSecure ? this.#secure : this.#plain,
      lookup: this.#resolver.lookup,
      signal: AbortSignal.timeout(timeoutMs),
      headers: { 'user-agent': 'heliograph', ...headers, 'content-length': Buffer.byteLength(body) },
    });
    return answerTo(request, body, timeoutMs, MOST_OCTETS);
  }
}
