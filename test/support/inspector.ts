import { waitUntil } from './wait-until.ts';

/**
 * Reaches into the threads of a node that was started with `NODE_OPTIONS=--inspect=127.0.0.1:0`: so a test can make a worker
 * crash without a verb for it in the product.
 */
export class Inspector {
  readonly #socket: WebSocket;
  /** Sessions by the thread's name. */
  readonly #threads = new Map<string, string>();
  #lastId = 0;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.addEventListener('message', ({ data }) => this.#told(JSON.parse(String(data)) as Told));
  }

  /** @param stderr of the node: the inspector says there where it listens */
  static async attach(stderr: string): Promise<Inspector> {
    const url = /ws:\/\/\S+/.exec(stderr)?.[0];
    if (url === undefined) throw new Error(`no inspector: ${stderr}`);
    const socket = new WebSocket(url);
    await new Promise<void>((open, failed) => {
      socket.addEventListener('open', () => open());
      socket.addEventListener('error', () => failed(new Error(`the inspector at ${url} does not answer`)));
    });
    const inspector = new Inspector(socket);
    inspector.#send('NodeWorker.enable', { waitForDebuggerOnStart: false });
    return inspector;
  }

  /** Runs an expression in a thread; what it gives, or that the thread ends by it, is not waited for. */
  async run(thread: string, expression: string): Promise<void> {
    await waitUntil(`thread ${thread} is there`, () => this.#threads.has(thread));
    const message = JSON.stringify({ id: 1, method: 'Runtime.evaluate', params: { expression } });
    this.#send('NodeWorker.sendMessageToWorker', { sessionId: this.#threads.get(thread), message });
  }

  [Symbol.dispose](): void {
    this.#socket.close();
  }

  #send(method: string, params: object): void {
    this.#socket.send(JSON.stringify({ id: ++this.#lastId, method, params }));
  }

  #told({ method, params }: Told): void {
    if (method === 'NodeWorker.attachedToWorker') {
      // "[worker 3] worker 0"
      this.#threads.set(params!.workerInfo!.title.replace(/^\[worker \d+\] /, ''), params!.sessionId!);
    } else if (method === 'NodeWorker.detachedFromWorker') {
      for (const [name, session] of this.#threads) if (session === params!.sessionId) this.#threads.delete(name);
    }
  }
}

interface Told {
  readonly method?: string;
  readonly params?: { readonly sessionId?: string; readonly workerInfo?: { readonly title: string } };
}
