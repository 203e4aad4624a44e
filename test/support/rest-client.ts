import type { NodeProcess } from './node-process.ts';

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: string;
  /** The body as JSON. */
  readonly json: Record<string, unknown>;
}

/** A caller of a node's REST API. */
export class RestClient {
  readonly #url: string;
  readonly #key: string;

  constructor(node: NodeProcess, key: string) {
    this.#url = `http://127.0.0.1:${node.ports['api']}`;
    this.#key = key;
  }

  async request(path: string, init: RequestInit = {}): Promise<Answer> {
    const headers = new Headers(init.headers);
    if (this.#key !== '') headers.set('authorization', `Bearer ${this.#key}`);
    const answer = await fetch(this.#url + path, { ...init, headers });
    const body = await answer.text();
    const isJson = /json/.test(answer.headers.get('content-type') ?? '');
    const json = isJson ? (JSON.parse(body) as Record<string, unknown>) : {};
    return { status: answer.status, headers: answer.headers, body, json };
  }

  post(message: object, path = '/api/messages'): Promise<Answer> {
    const headers = { 'content-type': 'application/json' };
    return this.request(path, { method: 'POST', headers, body: JSON.stringify(message) });
  }

  /** Submits a message that must be taken. @returns its id */
  async submit(message: object): Promise<number> {
    const { status, json, body } = await this.post(message);
    if (status !== 201) throw new Error(`POST /api/messages: ${status} ${body}`);
    return (json['data'] as { id: number }).id;
  }

  get(id: number): Promise<Answer> {
    return this.request(`/api/messages/${id}`);
  }

  change(id: number, changes: object): Promise<Answer> {
    const headers = { 'content-type': 'application/json' };
    return this.request(`/api/messages/${id}`, { method: 'PATCH', headers, body: JSON.stringify(changes) });
  }

  cancel(id: number): Promise<Answer> {
    return this.request(`/api/messages/${id}`, { method: 'DELETE' });
  }

  /** Polls a message until it is as wanted, and returns it. */
  async messageWhen(
    description: string,
    id: number,
    wanted: (message: Record<string, unknown>) => boolean,
    limitMs = 20_000,
  ): Promise<Record<string, unknown>> {
    const until = performance.now() + limitMs;
    for (;;) {
      const { status, json, body } = await this.get(id);
      if (status === 200 && wanted(json)) return json;
      if (performance.now() > until) throw new Error(`not within ${limitMs} ms: ${description}: ${status} ${body}`);
      await new Promise(resolve => setTimeout(resolve, 20));
    }
  }
}
