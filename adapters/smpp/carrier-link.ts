import { connect, type Socket } from 'node:net';
import type { BindActor } from '../../actors/bind/bind-actor.ts';
import type { Timer, Timers } from '../../runtime/timers.ts';
import { CarrierSession, type CarrierBind, type CarrierDeps } from './carrier-session.ts';
import type { Addressing } from './mapping.ts';
import type { SessionTimers } from './session-messages.ts';

export interface LinkSettings {
  readonly host: string;
  readonly port: number;
  readonly bind: CarrierBind;
  readonly timers: SessionTimers;
  readonly addressing: Addressing;
  /** To connect and be bound, ms. */
  readonly bindTimeoutMs: number;
  /** First wait after a lost session, ms; it doubles each time. */
  readonly reconnectMs: number;
  readonly reconnectMaxMs: number;
}

export interface LinkDeps extends Omit<CarrierDeps, 'bind' | 'timers' | 'addressing' | 'ended' | 'bound'> {
  readonly timers: Timers;
  readonly random: () => number;
  readonly bound: (session: CarrierSession) => BindActor;
  /** One line for the log. `ended`: it was stopped, and does not come back. @param reason why it is not bound */
  readonly changed: (state: 'bound' | 'lost' | 'ended', reason: string) => void;
}

/** The wait before attempt `n` (from 0): doubled each time, up to the longest, and a quarter less at random. */
export function reconnectDelay(n: number, firstMs: number, longestMs: number, random: number): number {
  return Math.min(longestMs, firstMs * 2 ** Math.min(n, 30)) * (1 - random / 4);
}

const LOOK_MS = 500;

/** One session's place at a carrier: connects, binds, and begins again when the session is lost. It never gives up. */
export class CarrierLink {
  readonly settings: LinkSettings;
  readonly #deps: LinkDeps;
  readonly #retry: Timer;
  readonly #look: Timer;
  #session: CarrierSession | undefined;
  #socket: Socket | undefined;
  #attempt = 0;
  #connectingMs = 0;
  #stopped = false;
  /** Why there is no session now. */
  reason = 'connecting';

  constructor(settings: LinkSettings, deps: LinkDeps) {
    this.settings = settings;
    this.#deps = deps;
    this.#retry = deps.timers.timer(() => this.#connect());
    this.#look = deps.timers.timer(() => this.#lookAtTime());
    this.#connect();
  }

  get session(): CarrierSession | undefined {
    return this.#session;
  }
  get peer(): string {
    return `${this.settings.host}:${this.settings.port}`;
  }

  /** Ends its session politely if it has one, and does not come back. @param limitMs for what is under way */
  stop(limitMs: number): void {
    this.#stopped = true;
    this.#retry.cancel();
    if (this.#session) this.#session.drain(limitMs);
    else this.#socket?.destroy();
  }

  #connect(): void {
    const { host, port } = this.settings;
    const socket = connect({ host, port });
    this.#socket = socket;
    socket.once('connect', () => {
      socket.removeAllListeners('error');
      socket.removeAllListeners('close');
      this.#opened(socket);
    });
    let why = 'connection closed';
    socket.once(
      'error',
      error => (why = error.message || (error as NodeJS.ErrnoException).code || 'connection failed'),
    );
    socket.once('close', () => this.#lost(why));
    this.#connectingMs = this.#deps.monotonic();
    this.#look.start(LOOK_MS);
  }

  #opened(socket: Socket): void {
    const { bind, addressing, timers } = this.settings;
    this.#session = new CarrierSession(socket, this.peer, {
      ...this.#deps,
      bind,
      addressing,
      timers: { ...timers, bindMs: this.#connectingMs + this.settings.bindTimeoutMs - this.#deps.monotonic() },
      bound: session => {
        this.#attempt = 0;
        this.reason = '';
        this.#deps.changed('bound', '');
        return this.#deps.bound(session);
      },
      ended: (_session, reason) => this.#lost(reason),
    });
  }

  #lookAtTime(): void {
    this.#look.start(LOOK_MS);
    const nowMs = this.#deps.monotonic();
    if (this.#session) this.#session.tick(nowMs);
    else if (nowMs - this.#connectingMs >= this.settings.bindTimeoutMs) {
      this.#socket?.destroy(new Error('no connection in time'));
    }
  }

  #lost(reason: string): void {
    this.#session = undefined;
    this.#socket = undefined;
    this.#look.cancel();
    this.reason = reason;
    this.#deps.changed(this.#stopped ? 'ended' : 'lost', reason);
    if (this.#stopped) return;
    const { reconnectMs, reconnectMaxMs } = this.settings;
    this.#retry.start(reconnectDelay(this.#attempt++, reconnectMs, reconnectMaxMs, this.#deps.random()));
  }
}
