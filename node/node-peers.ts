import { describeError, RuntimeError } from '../runtime/errors.ts';
import { systemClock } from '../runtime/clock.ts';
import { Bus } from '../runtime/link/bus.ts';
import { Link } from '../runtime/link/link.ts';
import type { Logger } from '../runtime/log.ts';
import type { Cluster } from './cluster.ts';

/** What the main threads of a cluster's nodes ask one another. Numbers must never change; what is asked may be added to. */
export const PeerVerb = {
  /** Its part of `status`. */
  report: 1,
  /** End sessions of an account. */
  unbind: 2,
} as const;
export type PeerVerb = (typeof PeerVerb)[keyof typeof PeerVerb];

/** Told to all, with no answer. */
export const PeerNotice = {
  /** A log-in has failed, or begun to be right again. */
  logIn: 1,
  /** An account's sessions are others than before. */
  binds: 2,
} as const;
export type PeerNotice = (typeof PeerNotice)[keyof typeof PeerNotice];

export interface NodePeersDeps {
  readonly cluster: Cluster;
  readonly log: Logger;
  readonly asked: (verb: number, body: unknown) => unknown;
  readonly told: (notice: number, body: unknown) => void;
}

export interface PeerAnswer<T> {
  readonly node: string;
  /** Undefined: it did not answer. */
  readonly answer: T | undefined;
}

const ANSWER_MS = 2000;

/** The main threads of the other nodes: asked and told over the bus. */
export class NodePeers {
  readonly #deps: NodePeersDeps;
  readonly #bus: Bus;
  /** By name on the bus. */
  readonly #links = new Map<string, Link>();
  #end: () => void = () => undefined;

  constructor(deps: NodePeersDeps) {
    this.#deps = deps;
    const { address, name, leaseMs, deadlineMs, insecure } = deps.cluster.settings;
    this.#bus = new Bus({
      address,
      settings: { deadlineMs, insecure },
      cluster: name,
      leaseMs,
      clock: systemClock.monotonicMs,
      linked: (peer, port) => {
        const link = new Link(port, {
          peer: `node ${this.#nodeOf(peer) ?? peer}`,
          service: { request: deps.asked, notice: deps.told },
          closed: () => {
            if (this.#links.get(peer) === link) this.#links.delete(peer);
          },
        });
        this.#links.set(peer, link);
        return () => undefined;
      },
    });
  }

  async start(): Promise<void> {
    const { cluster } = this.#deps;
    const use = (): void => this.#bus.usePeers(new Set(this.#lives().map(([life]) => life)));
    this.#end = cluster.onChange(use);
    use();
    await cluster.tell({ control: this.#bus.life });
  }

  /** Asks every other node that lives. Never throws: one that does not answer has no answer. */
  async ask<T>(verb: PeerVerb, body: unknown): Promise<PeerAnswer<T>[]> {
    return Promise.all(
      this.#lives().map(async ([life, node]) => ({ node, answer: await this.#answer<T>(life, node, verb, body) })),
    );
  }

  tell(notice: PeerNotice, body: unknown): void {
    for (const link of this.#links.values()) link.notify(notice, body);
  }

  close(): void {
    this.#end();
    this.#bus.close();
  }

  async #answer<T>(life: string, node: string, verb: PeerVerb, body: unknown): Promise<T | undefined> {
    const link = this.#links.get(life);
    if (!link) return undefined;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<undefined>(resolve => {
      timer = setTimeout(() => resolve(undefined), ANSWER_MS);
    });
    try {
      return await Promise.race([link.request<T>(verb, body), late]);
    } catch (error) {
      if (!(error instanceof RuntimeError)) throw error;
      this.#deps.log.warn('another node did not answer', { node, why: describeError(error) });
      return undefined;
    } finally {
      clearTimeout(timer);
    }
  }

  #lives(): [life: string, node: string][] {
    const { members, node } = this.#deps.cluster;
    return members.flatMap(member => {
      const life = member.about['control'];
      return member.node === node || typeof life !== 'string' ? [] : [[life, member.node]];
    });
  }

  #nodeOf(life: string): string | undefined {
    return this.#lives().find(([each]) => each === life)?.[1];
  }
}
