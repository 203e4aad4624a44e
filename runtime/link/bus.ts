import { randomBytes, randomInt } from 'node:crypto';
import { RuntimeError } from '../errors.ts';
import type { RedisAddress } from '../redis/address.ts';
import type { LineSettings } from '../redis/connection-options.ts';
import { RedisLine } from '../redis/line.ts';
import { RedisSubscription } from '../redis/subscription.ts';
import { BusKind, decodeFrames, decodeMessage, encodeMessage, LIFE_OCTETS, type BusMessage } from './bus-message.ts';
import { BusPort } from './bus-port.ts';
import type { FramePort } from './link.ts';

export interface BusDeps {
  readonly address: RedisAddress;
  readonly settings: LineSettings;
  /** Of the cluster: several may share a Redis. */
  readonly cluster: string;
  /** A peer that has not been heard for so long is taken for gone, ms. The same on all nodes. */
  readonly leaseMs: number;
  /** Monotonic, ms. */
  readonly clock: () => number;
  /**
   * There is a link with this peer from here on. Returns what is called, once, when nothing that was said over it holds
   * any more on the peer's side either: some time after its port has closed, or at the same time.
   */
  readonly linked: (peer: string, port: FramePort) => () => void;
}

interface Session {
  readonly link: number;
  readonly port: BusPort;
  readonly over: () => void;
  received: number;
  /** When the peer was heard last. */
  heardAt: number;
  closed: boolean;
}

/** Looks at what has been heard and what has not, in a lease time. */
const LOOKS_A_LEASE = 8;
/** A peer is given up a little later than its lease ends: two clocks do not run alike. */
const MARGIN = 1.1;

export const busChannel = (cluster: string, life: string): string => `{heliograph:${cluster}:bus}:${life}`;

/**
 * Links between threads of different nodes, over Redis: each thread has one connection for what it says and one for what
 * it hears, on a channel of its own. Publishing keeps the order and loses what nobody hears, so everything is numbered: a
 * gap, a lost connection or a silent peer closes the link, which rejects what waits for answers, and another is made.
 *
 * Of two peers the one with the smaller name greets. A link that we have closed may still be trusted by the peer: it is
 * over when the peer says so, when it greets anew, when it is gone, or when we have not heard it for longer than a lease.
 */
export class Bus {
  /** This thread's name on the bus: another one with each life. */
  readonly life = randomBytes(LIFE_OCTETS).toString('hex');
  readonly #deps: BusDeps;
  readonly #line: RedisLine;
  readonly #subscription: RedisSubscription;
  readonly #timer: NodeJS.Timeout;
  #peers: ReadonlySet<string> = new Set();
  readonly #sessions = new Map<string, Session>();
  /** Closed on our side, and perhaps not on the peer's. */
  readonly #closing = new Map<string, Set<Session>>();
  /** Links that we have asked for. */
  readonly #asked = new Map<string, number>();
  #probedAt = 0;

  constructor(deps: BusDeps) {
    const { address, settings, cluster, leaseMs } = deps;
    this.#deps = deps;
    const channel = busChannel(cluster, this.life);
    this.#line = new RedisLine(address, settings, channel);
    this.#subscription = new RedisSubscription(address, settings, channel, {
      up: () => {
        this.#probedAt = 0;
        this.#look();
      },
      lost: () => this.#closeAll(),
      received: message => this.#received(message),
    });
    this.#timer = setInterval(() => this.#look(), leaseMs / LOOKS_A_LEASE);
  }

  /** These live, this thread left out. What was linked with others is over. */
  usePeers(peers: ReadonlySet<string>): void {
    this.#peers = peers;
    for (const [peer, session] of this.#sessions) if (!peers.has(peer)) this.#close(peer, session, true);
    for (const peer of this.#closing.keys()) if (!peers.has(peer)) this.#over(peer);
    this.#look();
  }

  close(): void {
    clearInterval(this.#timer);
    for (const [peer, session] of this.#sessions) this.#close(peer, session, true);
    for (const peer of this.#closing.keys()) this.#over(peer);
    this.#subscription.close();
    this.#line.close();
  }

  #look(): void {
    if (!this.#subscription.isUp) return;
    const { clock, leaseMs } = this.#deps;
    const now = clock();
    // What we say arrives nowhere, or what is said to us does not: the connection only looks alive.
    if (this.#probedAt > 0 && now - this.#probedAt > leaseMs / 2) {
      this.#subscription.drop();
      return;
    }
    if (this.#probedAt === 0) this.#probedAt = now;
    this.#say(this.life, BusKind.probe, 0);
    for (const [peer, session] of this.#sessions) {
      if (now - session.heardAt > leaseMs * MARGIN) this.#close(peer, session, true);
    }
    for (const [peer, sessions] of this.#closing) {
      for (const session of sessions) {
        if (now - session.heardAt > leaseMs * MARGIN) this.#endOf(peer, session);
      }
    }
    for (const peer of this.#peers) {
      if (this.#sessions.has(peer) || peer < this.life) continue;
      const link = this.#asked.get(peer) ?? randomInt(1, 2 ** 32);
      this.#asked.set(peer, link);
      this.#say(peer, BusKind.hello, link);
    }
  }

  #received(bytes: Buffer): void {
    const message = decodeMessage(bytes);
    // Of a later release: it speaks our version too once we have greeted.
    if (!message) return;
    const { kind, life: peer } = message;
    if (kind === BusKind.probe) {
      if (peer === this.life) this.#probedAt = 0;
      return;
    }
    if (!this.#peers.has(peer)) return;
    if (kind === BusKind.hello) this.#greeted(peer, message.link);
    else if (kind === BusKind.welcome) this.#welcomed(peer, message.link);
    else if (kind === BusKind.data) this.#data(peer, message);
    else if (kind === BusKind.bye) this.#bye(peer, message.link);
  }

  #greeted(peer: string, link: number): void {
    const before = this.#sessions.get(peer);
    if (before?.link === link) {
      if (before.received === 0) this.#say(peer, BusKind.welcome, link);
      return;
    }
    // It asks anew: what was linked is over for it.
    if (before) this.#close(peer, before, true);
    this.#over(peer);
    this.#say(peer, BusKind.welcome, link);
    this.#open(peer, link);
  }

  #welcomed(peer: string, link: number): void {
    if (this.#asked.get(peer) !== link) return;
    this.#asked.delete(peer);
    this.#over(peer);
    this.#open(peer, link);
  }

  #open(peer: string, link: number): void {
    const port = new BusPort({
      publish: (sequence, frames) => this.#publish(peer, link, sequence, frames),
      closed: () => {
        const session = this.#sessions.get(peer);
        if (session?.port === port) this.#close(peer, session, false);
      },
    });
    const over = this.#deps.linked(peer, port);
    const heardAt = this.#deps.clock();
    this.#sessions.set(peer, { link, port, over, received: 0, heardAt, closed: false });
  }

  #data(peer: string, { link, sequence, body }: BusMessage): void {
    const session = this.#sessions.get(peer);
    if (session?.link !== link) {
      this.#say(peer, BusKind.bye, link);
      return;
    }
    session.heardAt = this.#deps.clock();
    if (sequence !== ++session.received) {
      this.#close(peer, session, false);
      return;
    }
    let frames: ReturnType<typeof decodeFrames>;
    try {
      frames = decodeFrames(body);
    } catch {
      this.#close(peer, session, false);
      return;
    }
    for (const frame of frames) session.port.arrived(frame);
  }

  #bye(peer: string, link: number): void {
    const session = this.#sessions.get(peer);
    if (session?.link === link) this.#close(peer, session, true);
    for (const closing of this.#closing.get(peer) ?? []) if (closing.link === link) this.#endOf(peer, closing);
  }

  /** @param over the peer does not trust it any more */
  #close(peer: string, session: Session, over: boolean): void {
    if (session.closed) return;
    session.closed = true;
    this.#sessions.delete(peer);
    session.port.close();
    this.#say(peer, BusKind.bye, session.link);
    if (over) {
      session.over();
      return;
    }
    const closing = this.#closing.get(peer);
    if (closing) closing.add(session);
    else this.#closing.set(peer, new Set([session]));
  }

  #closeAll(): void {
    this.#probedAt = 0;
    for (const [peer, session] of this.#sessions) this.#close(peer, session, false);
  }

  #over(peer: string): void {
    for (const session of this.#closing.get(peer) ?? []) this.#endOf(peer, session);
  }

  #endOf(peer: string, session: Session): void {
    const closing = this.#closing.get(peer);
    if (!closing?.delete(session)) return;
    if (closing.size === 0) this.#closing.delete(peer);
    session.over();
  }

  #publish(peer: string, link: number, sequence: number, frames: readonly Buffer[]): Promise<boolean> {
    return this.#send(peer, encodeMessage(BusKind.data, link, sequence, this.life, frames));
  }

  /** What is not heard is said again, or missed by nobody. */
  #say(peer: string, kind: BusKind, link: number): void {
    void this.#send(peer, encodeMessage(kind, link, 0, this.life));
  }

  /** Resolves with whether somebody hears it, as far as Redis knows. */
  async #send(peer: string, message: Buffer): Promise<boolean> {
    try {
      return Number(await this.#line.command('SPUBLISH', busChannel(this.#deps.cluster, peer), message)) > 0;
    } catch (error) {
      if (!(error instanceof RuntimeError)) throw error;
      return false;
    }
  }
}
