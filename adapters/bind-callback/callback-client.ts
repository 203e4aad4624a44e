import { readFileSync } from 'node:fs';
import { Agent as HttpAgent, request as httpRequest } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { describeError } from '../../runtime/errors.ts';
import { answerTo, type HttpAnswer } from '../../runtime/http-answer.ts';

export interface CallbackSettings {
  readonly url: string;
  /** Sent as `Authorization: Bearer …`; '': none. */
  readonly token: string;
  readonly timeoutMs: number;
  /** Who signs its certificate (PEM); '': the authorities that Node.js knows. */
  readonly caFile: string;
}

/** What is asked: who binds, and how. Its names are those of the JSON that is sent. */
export interface CallbackQuestion {
  readonly system_id: string;
  readonly password: string;
  readonly peer_address: string;
  readonly bind: 'transmitter' | 'receiver' | 'transceiver';
  readonly node: string;
}

export type CallbackAnswer =
  /** `settings`: as it gave them, not looked at yet. */
  | { readonly type: 'allowed'; readonly settings: unknown }
  | { readonly type: 'refused'; readonly reason: string }
  /** It could not be asked, or its answer is none. `reason` never has the password. */
  | { readonly type: 'failed'; readonly reason: string };

/** Octets of an answer. */
const MOST_OCTETS = 64 * 1024;
/** Connections at once; others wait for one of them within their time. */
const MOST_CONNECTIONS = 32;
/** Questions at once: beyond it none is asked. */
const MOST_QUESTIONS = 1000;

/** Asks whether somebody may bind, by a POST for each question. Redirections are not followed. */
export class CallbackClient {
  readonly #settings: CallbackSettings;
  readonly #url: URL;
  readonly #agent: HttpAgent | HttpsAgent;
  #asking = 0;

  /** @throws Error naming a file that cannot be read */
  constructor(settings: CallbackSettings) {
    this.#settings = settings;
    this.#url = new URL(settings.url);
    const common = { keepAlive: true, maxSockets: MOST_CONNECTIONS, timeout: 60_000 };
    const ca = settings.caFile === '' ? {} : { ca: readFileSync(settings.caFile) };
    this.#agent =
      this.#url.protocol === 'https:'
        ? new HttpsAgent({ ...common, ...ca, minVersion: 'TLSv1.2' })
        : new HttpAgent(common);
  }

  async ask(question: CallbackQuestion): Promise<CallbackAnswer> {
    if (this.#asking >= MOST_QUESTIONS) return failed(`${MOST_QUESTIONS} binds wait for their answers already`);
    this.#asking++;
    try {
      const { status, body } = await this.#post(JSON.stringify(question));
      if (body.length > MOST_OCTETS) return failed(`an answer of more than ${MOST_OCTETS} octets`);
      if (status === 401 || status === 403) return { type: 'refused', reason: `answered ${status}` };
      if (status !== 200) return failed(`expected status 200, 401 or 403, got ${status}`);
      return answerOf(body.toString());
    } catch (error) {
      return failed(describeError(error));
    } finally {
      this.#asking--;
    }
  }

  close(): void {
    this.#agent.destroy();
  }

  #post(body: string): Promise<HttpAnswer> {
    const { token, timeoutMs } = this.#settings;
    const send = this.#url.protocol === 'https:' ? httpsRequest : httpRequest;
    const request = send(this.#url, {
      method: 'POST',
      agent: this.#agent,
      // Of the whole exchange: a peer that answers an octet a minute is no answer.
      signal: AbortSignal.timeout(timeoutMs),
      headers: {
        'content-type': 'application/json',
        accept: 'application/json',
        'content-length': Buffer.byteLength(body),
        ...(token === '' ? {} : { authorization: `Bearer ${token}` }),
      },
    });
    return answerTo(request, body, timeoutMs, MOST_OCTETS);
  }
}

const EXPECTED = 'expected {"allow": true or false, "account": settings}';

function answerOf(body: string): CallbackAnswer {
  let answer: unknown;
  try {
    answer = JSON.parse(body);
  } catch {
    return failed(`${EXPECTED}, got no JSON`);
  }
  const { allow, account = {} } = (answer ?? {}) as { allow?: unknown; account?: unknown };
  if (allow === true) return { type: 'allowed', settings: account };
  return allow === false ? { type: 'refused', reason: 'answered no' } : failed(`${EXPECTED}, got no "allow"`);
}

const failed = (reason: string): CallbackAnswer => ({ type: 'failed', reason });
