import type { Socket } from 'node:net';
import type { BindActor } from '../../actors/bind/bind-actor.ts';
import type { Timer, Timers } from '../../runtime/timers.ts';
import { CarrierSession, type CarrierBind, type CarrierDeps, type CarrierHabits } from './carrier-session.ts';
import { connectTo, type CarrierTls, type Place } from './connect.ts';
import type { SessionTimers } from './session-messages.ts';

/** What a session is made with: another value needs another session. */
export interface LinkTarget {
  /** Which of its carrier's binds it is, from 1; those of `separate` are two sessions each. */
  readonly slot: number;
  /** The lease it lives by, in a cluster, as the worker numbers them; undefined: it may always be. */
  readonly lease: number | undefined;
  /** 1 or more; the first is the one we want, the others are tried by turns while it cannot be had. */
  readonly places: readonly Place[];
  /** '' = the system's choice. */
  readonly localAddress: string;
  readonly tls: CarrierTls | undefined;
  readonly bind: CarrierBind;
}

/** What may change while a session lives. */
export interface LinkSettings extends CarrierHabits {
  readonly timers: SessionTimers;
  /** To connect and be bound, ms. */
  readonly bindTimeoutMs: number;
  /** First wait after a lost session, ms; it doubles each time. */
  readonly reconnectMs: number;
  readonly reconnectMaxMs: number;
}

export interface LinkDeps extends Omit<CarrierDeps, 'bind' | 'timers' | 'habits' | 'ended' | 'bound'> {
  readonly timers: Timers;
  readonly random: () => number;
  readonly bound: (session: CarrierSession) => BindActor;
  /** One line for the log. `ended`: it was stopped, and does not come back. @param reason why it is not bound */
  readonly changed: (state: 'bound' | 'lost' | 'ended', reason: string, peer: string) => void;
  /** It was stopped, and has neither session nor connection any more. */
  readonly over: () => void;
}

/** The wait before attempt `n` (from 0): doubled each time, up to the longest, and a quarter less at random. */
export function reconnectDelay(n: number, firstMs: number, longestMs: number, random: number): number {
  return Math.min(longestMs, firstMs * 2 ** Math.min(n, 30)) * (1 - random / 4);
}

const LOOK_MS = 500;

/** One session's place at a carrier: connects, binds, and begins again when the session is lost. It never gives up. */
export class CarrierLink {
  readonly target: LinkTarget;
  readonly #deps: LinkDeps;
  readonly #retry: Timer;
  readonly #look: Timer;
  #settings: LinkSettings;
  #session: CarrierSession | undefined;
  #socket: Socket | undefined;
  /** Attempts since the last one that led to a bind. */
  #attempt = 0;
  /** Which of the places is next. */
  #turn = 0;
  #place: Place;
  #connectingMs = 0;
  #stopped = false;
  /** Why there is no session now. */
  reason = 'connecting';

  constructor(target: LinkTarget, settings: LinkSettings, deps: LinkDeps) {
    this.target = target;
    this.#settings = settings;
    this.#deps = deps;
    this.#place = target.places[0]!;
    this.#retry = deps.timers.timer(() => this.#connect());
    this.#look = deps.timers.timer(() => this.#lookAtTime());
    this.#connect();
  }

  get session(): CarrierSession | undefined {
    return this.#session;
  }
  /** Where it is, or tries to be. */
  get peer(): string {
    return `${this.#place.host}:${this.#place.port}`;
  }

  /** Takes over other settings; the session goes on. */
  use(settings: LinkSettings): void {
    this.#settings = settings;
    this.#session?.use(settings, settings.timers);
  }

  /** Ends its session politely if it has one, and does not come back. @param limitMs for what is under way */
  stop(limitMs: number): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#retry.cancel();
    if (this.#session) this.#session.drain(limitMs);
    else if (this.#socket) this.#socket.destroy();
    else this.#deps.over();
  }

  #connect(): void {
    const { gate } = this.#deps;
    if (gate && (!gate.isOpen || gate.isEnding)) {
      this.reason = gate.reason;
      this.#retry.start(gate.lookMs);
      return;
    }
    const { places, localAddress, tls } = this.target;
    this.#place = places[this.#turn % places.length]!;
    this.#connectingMs = this.#deps.monotonic();
    let socket: Socket;
    try {
      socket = connectTo(this.#place, localAddress, tls, () => {
        socket.removeAllListeners('error');
        socket.removeAllListeners('close');
        this.#opened(socket);
      });
    } catch (error) {
      this.#lost((error as Error).message);
      return;
    }
    this.#socket = socket;
    let why = 'connection closed';
    socket.once(
      'error',
      error => (why = error.message || (error as NodeJS.ErrnoException).code || 'connection failed'),
    );
    socket.once('close', () => this.#lost(why));
    this.#look.start(this.#lookMs);
  }

  #opened(socket: Socket): void {
    const { timers, bindTimeoutMs } = this.#settings;
    this.#session = new CarrierSession(socket, this.peer, {
      ...this.#deps,
      bind: this.target.bind,
      habits: this.#settings,
      timers: { ...timers, bindMs: this.#connectingMs + bindTimeoutMs - this.#deps.monotonic() },
      bound: session => {
        this.#attempt = 0;
        this.#turn = -1;
        this.reason = '';
        this.#deps.changed('bound', '', this.peer);
        return this.#deps.bound(session);
      },
      ended: (_session, reason) => this.#lost(reason),
    });
  }

  get #lookMs(): number {
    return this.#deps.gate?.lookMs ?? LOOK_MS;
  }

  #lookAtTime(): void {
    this.#look.start(this.#lookMs);
    const nowMs = this.#deps.monotonic();
    const { gate } = this.#deps;
    // Closed before it is another's to open: an unbind could not be waited for.
    if (gate?.isEnding) {
      if (this.#session) this.#session.abort(gate.reason);
      else this.#socket?.destroy(new Error(gate.reason));
      return;
    }
    if (this.#session) this.#session.tick(nowMs);
    else if (nowMs - this.#connectingMs >= this.#settings.bindTimeoutMs) {
      this.#socket?.destroy(new Error('no connection in time'));
    }
  }

  #lost(reason: string): void {
    this.#session = undefined;
    this.#socket = undefined;
    this.#look.cancel();
    this.reason = reason;
    this.#turn++;
    this.#deps.changed(this.#stopped ? 'ended' : 'lost', reason, this.peer);
    if (this.#stopped) {
      this.#deps.over();
      return;
    }
    const { reconnectMs, reconnectMaxMs } = this.#settings;
    this.#retry.start(reconnectDelay(this.#attempt++, reconnectMs, reconnectMaxMs, this.#deps.random()));
  }
}
