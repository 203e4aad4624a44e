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
  /** A connection was turned away at a bound. */
  readonly turnedAway: () => void;
}

const LOOK_MS = 500;

/** Takes the connections of ESMEs in this worker. Every worker listens on the same port: the kernel spreads them. */
export class SmppListener {
  readonly #settings: ListenerSettings;
  readonly #deps: ListenerDeps;
  readonly #server: Server;
  readonly #sessions = new Set<ServerSession>();
  /** Of these, those that are not bound yet; the oldest first. */
  readonly #unbound = new Set<ServerSession>();
  readonly #serverDeps: ServerDeps;
  readonly #look: Timer;

  constructor(settings: ListenerSettings, deps: ListenerDeps) {
    this.#settings = settings;
    this.#deps = deps;
    this.#server = createServer(socket => this.#connected(socket));
    this.#serverDeps = {
      ...deps,
      bind: (session, request) => {
        this.#unbound.delete(session);
        return deps.bind(session, request);
      },
      ended: session => {
        this.#unbound.delete(session);
        this.#sessions.delete(session);
      },
    };
    this.#look = deps.timers.timer(() => this.#lookAtTime());
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

  /** Takes no more connections, and ends those it has politely. */
  drain(limitMs: number): void {
    this.close();
    for (const session of this.#sessions) session.drain(limitMs);
  }

  #connected(socket: Socket): void {
    const { maxConnections, maxUnbound } = this.#settings;
    if (this.#sessions.size >= maxConnections || (this.#unbound.size >= maxUnbound && !this.#makeRoom())) {
      socket.destroy();
      this.#deps.turnedAway();
      return;
    }
    const session = new ServerSession(socket, socket.remoteAddress ?? '', this.#serverDeps);
    this.#sessions.add(session);
    this.#unbound.add(session);
  }

  /**
   * Too many are not bound: whoever has had the longest time for it goes. Turning the new one away instead would let
   * anybody keep customers out by connecting and saying nothing.
   */
  #makeRoom(): boolean {
    for (const session of this.#unbound) {
      if (session.state !== 'OPEN') continue;
      session.drain(0);
      this.#deps.turnedAway();
      return true;
    }
    return false;
  }

  #lookAtTime(): void {
    this.#look.start(LOOK_MS);
    const nowMs = this.#deps.monotonic();
    for (const session of this.#sessions) session.tick(nowMs);
  }
}
