import { createServer, type Server, type Socket } from 'node:net';
import type { Timer, Timers } from '../../runtime/timers.ts';
import { ServerSession, type ServerDeps } from './server-session.ts';

export interface ListenerSettings {
  readonly host: string;
  readonly port: number;
  /** Most connections at once in this worker. */
  readonly maxConnections: number;
  /** Of these, not bound yet. */
  readonly maxUnbound: number;
}

export interface ListenerDeps extends Omit<ServerDeps, 'ended'> {
  readonly timers: Timers;
  /** Connections turned away at a bound. */
  readonly turnedAway: () => void;
}

const LOOK_MS = 500;

/** Takes the connections of ESMEs in this worker. Every worker listens on the same port: the kernel spreads them. */
export class SmppListener {
  readonly #settings: ListenerSettings;
  readonly #deps: ListenerDeps;
  readonly #server: Server;
  readonly #sessions = new Set<ServerSession>();
  readonly #look: Timer;
  #unbound = 0;

  constructor(settings: ListenerSettings, deps: ListenerDeps) {
    this.#settings = settings;
    this.#deps = deps;
    this.#server = createServer(socket => this.#connected(socket));
    this.#look = deps.timers.timer(() => this.#lookAtUnbound());
  }

  get sessions(): ReadonlySet<ServerSession> {
    return this.#sessions;
  }

  /** Opens the port and returns it. @throws the system's error, EADDRINUSE for one */
  listen(): Promise<number> {
    const { host, port } = this.#settings;
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ host, port, reusePort: true, backlog: 1024 }, () => {
        this.#server.off('error', reject);
        this.#look.start(LOOK_MS);
        resolve((this.#server.address() as { port: number }).port);
      });
    });
  }

  /** Takes no more connections. */
  close(): void {
    this.#server.close();
  }

  /** Ends what is not bound; the bound ones are their actors' to end. */
  stop(): void {
    this.close();
    this.#look.cancel();
    for (const session of this.#sessions) if (!session.isBound) session.close('stopping');
  }

  #connected(socket: Socket): void {
    const { maxConnections, maxUnbound } = this.#settings;
    if (this.#sessions.size >= maxConnections || this.#unbound >= maxUnbound) {
      socket.destroy();
      this.#deps.turnedAway();
      return;
    }
    this.#unbound++;
    let counted = true;
    const noLongerUnbound = (): void => {
      if (counted) this.#unbound--;
      counted = false;
    };
    const session = new ServerSession(socket, socket.remoteAddress ?? '', {
      ...this.#deps,
      bind: (bound, request, number) => {
        noLongerUnbound();
        return this.#deps.bind(bound, request, number);
      },
      ended: ended => {
        noLongerUnbound();
        this.#sessions.delete(ended);
      },
    });
    this.#sessions.add(session);
  }

  #lookAtUnbound(): void {
    this.#look.start(LOOK_MS);
    if (this.#unbound === 0) return;
    const now = this.#deps.monotonic();
    for (const session of this.#sessions) session.tickUnbound(now);
  }
}
