import type { MessagePort } from 'node:worker_threads';
import { wrap } from 'comlink';
import { RuntimeError } from './errors.ts';

/** The methods of `Api` as they are called from another thread: all answer by promise. */
export type Remoted<Api> = {
  readonly [K in keyof Api as Api[K] extends (...args: never[]) => unknown ? K : never]: Api[K] extends (
    ...args: infer A
  ) => infer R
    ? (...args: A) => Promise<Awaited<R>>
    : never;
};

type AnyMethod = (...args: unknown[]) => Promise<unknown>;
type AnyFaces = Record<string, Record<string, AnyMethod>>;

const MAX_PENDING_CALLS = 1000;

/**
 * comlink with an end: a call that is pending when the other side dies would never settle, and a proxy that is collected
 * drops its calls. So the proxy is held here for the life of the port, and `close` rejects what is pending.
 * For control only (80 µs a call); traffic goes through `link/`.
 */
export class RpcClient<Faces extends object> {
  readonly #port: MessagePort;
  /** comlink's proxy of all faces: reading a property makes no call yet. */
  readonly #remote: AnyFaces;
  /** By face: a flood of calls on one must not keep out a `stop` on another. */
  readonly #pending = new Map<string, Set<(error: Error) => void>>();
  #closed: Error | undefined;

  constructor(port: MessagePort) {
    this.#port = port;
    this.#remote = wrap(port) as unknown as AnyFaces;
    port.start();
  }

  /** The methods of one exposed object. Each call settles: with the answer, or with the error given to `close`. */
  face<K extends keyof Faces & string>(name: K): Remoted<Faces[K]> {
    const methods = new Map<string, AnyMethod>();
    const pending = this.#pending.get(name) ?? new Set();
    this.#pending.set(name, pending);
    const get = (_target: unknown, method: string | symbol): AnyMethod | undefined => {
      // `await face` must not take the face for a promise.
      if (typeof method === 'symbol' || method === 'then') return undefined;
      let call = methods.get(method);
      if (call === undefined) {
        call = (...args) => this.#call(this.#remote[name]!, method, args, pending);
        methods.set(method, call);
      }
      return call;
    };
    return new Proxy<Remoted<Faces[K]>>(Object.create(null), { get });
  }

  /** Rejects all pending and all later calls with `error`. */
  close(error: Error): void {
    if (this.#closed !== undefined) return;
    this.#closed = error;
    this.#port.close();
    for (const pending of this.#pending.values()) {
      for (const reject of pending) reject(error);
      pending.clear();
    }
  }

  #call(
    face: Record<string, AnyMethod>,
    method: string,
    args: unknown[],
    pending: Set<(error: Error) => void>,
  ): Promise<unknown> {
    if (this.#closed !== undefined) return Promise.reject(this.#closed);
    if (pending.size >= MAX_PENDING_CALLS) {
      return Promise.reject(new RuntimeError('RPC_FULL', `${method}: ${MAX_PENDING_CALLS} calls are waiting already`));
    }
    // Not Promise.race with one promise of the thread's end: that would keep a reaction for every call ever made.
    return new Promise((resolve, reject) => {
      pending.add(reject);
      const remote = face[method]!;
      remote(...args)
        .then(resolve, reject)
        .finally(() => pending.delete(reject));
    });
  }
}
