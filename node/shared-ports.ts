import { createServer } from 'node:net';

/** The ports of listeners that every worker opens: the first one takes the port asked for, the others take the same. */
export class SharedPorts {
  readonly #taken: Record<string, number> = {};
  readonly #first = new Map<string, { readonly opened: Promise<void>; readonly done: () => void }>();

  /** By listener: `{ smpp: 2775, api: 8080 }`. */
  get taken(): Readonly<Record<string, number>> {
    return this.#taken;
  }

  /**
   * Opens a listener in worker `index`. Any but worker 0 waits until that has its port: 0 asks for a free one.
   * @param open opens it on a port and returns the port
   */
  async open(listener: string, index: number, asked: number, open: (port: number) => Promise<number>): Promise<void> {
    const first = this.#firstOf(listener);
    if (this.#taken[listener] === undefined && index > 0) await first.opened;
    this.#taken[listener] = await open(this.#taken[listener] ?? asked);
    first.done();
  }

  #firstOf(listener: string): { readonly opened: Promise<void>; readonly done: () => void } {
    let first = this.#first.get(listener);
    if (!first) {
      let done!: () => void;
      const opened = new Promise<void>(resolve => (done = resolve));
      this.#first.set(listener, (first = { opened, done }));
    }
    return first;
  }
}

/**
 * Is the port free? Our own listeners share theirs (`reusePort`), so they would share it with a stranger's too.
 * @param what the listener, for people
 * @throws Error with one line for them
 */
export async function probe(host: string, port: number, what: string): Promise<void> {
  if (port === 0) return;
  await new Promise<void>((free, taken) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => {
      const why = error.code === 'EADDRINUSE' ? 'is taken' : `cannot be opened: ${error.message}`;
      taken(new Error(`port ${port} on ${host} (${what}) ${why}`));
    });
    server.listen({ host, port }, () => server.close(() => free()));
  });
}
