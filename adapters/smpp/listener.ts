import type { Socket } from 'node:net';
import { AllowList } from '../../actors/accounts/allow-ips.ts';
import type { Timer, Timers } from '../../runtime/timers.ts';
import type { SessionSocket } from '../../runtime/remote-socket.ts';
import { Door } from './door.ts';
import type { ServerTls } from './server-tls.ts';
import { ServerSession, type ServerDeps } from './server-session.ts';

export interface ListenerSettings {
  readonly host: string;
  readonly port: number;
  /** Absent: no TLS. */
  readonly tls?: ServerTls;
  /** Balancers whose connections begin with a PROXY header. */
  readonly proxyFrom: readonly string[];
  /** Most connections at once in this worker. */
  readonly maxConnections: number;
  /** Of these, not bound yet. */
  readonly maxUnbound: number;
}

export interface ListenerDeps extends Omit<ServerDeps, 'ended'> {
  readonly timers: Timers;
  /** A connection has come to this worker's port. @returns true when another worker has it now */
  readonly passOn: (socket: Socket, address: string) => boolean;
  /** One that was not passed on, or was passed on to this worker, has ended. */
  readonly left: () => void;
  /** A connection was turned away at a bound. */
  readonly turnedAway: () => void;
}

const LOOK_MS = 500;

/** Takes the connections of ESMEs in this worker. Every worker listens on the same port: the kernel spreads them. */
export class SmppListener {
  readonly #settings: ListenerSettings;
  readonly #deps: ListenerDeps;
  readonly #door: Door;
  readonly #sessions = new Set<ServerSession>();
  /** Of these, those that are not bound yet; the oldest first. */
  readonly #unbound = new Set<ServerSession>();
  readonly #serverDeps: ServerDeps;
  readonly #look: Timer;

  constructor(settings: ListenerSettings, deps: ListenerDeps) {
    this.#settings = settings;
    this.#deps = deps;
    const { host, port, tls, proxyFrom, maxUnbound } = settings;
    this.#door = new Door(
      { host, port, tls },
      {
        balancers: balancersOf(proxyFrom),
        limitMs: deps.settings.timers.sessionInitMs,
        most: maxUnbound,
        enter: (socket, address) => {
          if (!deps.passOn(socket, address)) this.connected(socket, address);
        },
        turnedAway: deps.turnedAway,
      },
    );
    this.#serverDeps = {
      ...deps,
      bind: (session, request) => {
        this.#unbound.delete(session);
        return deps.bind(session, request);
      },
      ended: session => {
        this.#unbound.delete(session);
        this.#sessions.delete(session);
        deps.left();
      },
    };
    this.#look = deps.timers.timer(() => this.#lookAtTime());
  }

  get sessions(): ReadonlySet<ServerSession> {
    return this.#sessions;
  }

  /** Opens the port and returns it. @throws the system's error, EADDRINUSE for one */
  async listen(): Promise<number> {
    const port = await this.#door.listen();
    this.#look.start(LOOK_MS);
    return port;
  }

  /** Takes no more connections. */
  close(): void {
    this.#door.close();
  }

  /** Takes no more connections, and ends those it has politely. */
  drain(limitMs: number): void {
    this.close();
    for (const session of this.#sessions) session.drain(limitMs);
  }

  /** Somebody has connected, to this worker or to one that has more sessions. */
  connected(socket: SessionSocket, address: string): void {
    const { maxConnections, maxUnbound } = this.#settings;
    if (this.#sessions.size >= maxConnections || (this.#unbound.size >= maxUnbound && !this.#makeRoom())) {
      socket.destroy();
      this.#deps.turnedAway();
      this.#deps.left();
      return;
    }
    const session = new ServerSession(socket, address, this.#serverDeps);
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

function balancersOf(networks: readonly string[]): AllowList | undefined {
  if (networks.length === 0) return undefined;
  const outcome = AllowList.parse(networks);
  // The configuration was checked; a list that cannot be read must not become "anybody".
  if (!outcome.ok) throw new Error(`proxy_from: expected ${outcome.expected}, got ${outcome.got}`);
  return outcome.list;
}
