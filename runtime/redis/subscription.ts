import { Redis } from 'ioredis';
import type { RedisAddress } from './address.ts';
import { Connector } from './connector.ts';
import type { LineSettings } from './connection-options.ts';

export interface SubscriptionEvents {
  /** Whatever is published to the channel from here on comes. */
  readonly up: () => void;
  /** Messages may have been missed. */
  readonly lost: () => void;
  /** The message is the callee's. */
  readonly received: (message: Buffer) => void;
}

const RECONNECT_MS = 100;

/**
 * What is published to one channel, by a connection of its own that is made again whenever it is lost. A sharded channel
 * (SSUBSCRIBE, Redis 7): in Redis Cluster it stays with the node that has the slot of its name. A connection that is
 * silent is not noticed here: whoever wants to know publishes to the channel, and waits for that.
 */
export class RedisSubscription {
  readonly #connector: Connector;
  readonly #channel: string;
  readonly #events: SubscriptionEvents;
  #redis: Redis | undefined;
  #isUp = false;
  #closed = false;
  #retry: NodeJS.Timeout | undefined;

  constructor(address: RedisAddress, settings: LineSettings, channel: string, events: SubscriptionEvents) {
    this.#connector = new Connector(address, settings, channel);
    this.#channel = channel;
    this.#events = events;
    void this.#connect();
  }

  get isUp(): boolean {
    return this.#isUp;
  }

  /** This connection is not to be trusted: another one is made. */
  drop(): void {
    const redis = this.#redis;
    if (!redis) return;
    redis.disconnect();
    this.#ended(redis);
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#retry);
    this.drop();
  }

  async #connect(): Promise<void> {
    let redis: Redis | undefined;
    try {
      const options = await this.#connector.options();
      if (this.#closed) return;
      const connected = new Redis({ ...options, lazyConnect: true, autoResubscribe: false });
      redis = connected;
      this.#redis = connected;
      // What was wrong is told by the end of the connection.
      connected.on('error', () => undefined);
      connected.on('end', () => this.#ended(connected));
      connected.on('smessageBuffer', (_channel: Buffer, message: Buffer) => {
        if (this.#redis === connected) this.#events.received(message);
      });
      await connected.connect();
      await connected.ssubscribe(this.#channel);
      if (this.#redis !== connected) return;
      this.#isUp = true;
      this.#events.up();
    } catch {
      if (redis) this.#ended(redis);
      else this.#again();
    }
  }

  #ended(redis: Redis): void {
    if (this.#redis !== redis) return;
    this.#redis = undefined;
    redis.disconnect();
    const wasUp = this.#isUp;
    this.#isUp = false;
    if (wasUp) this.#events.lost();
    this.#again();
  }

  #again(): void {
    if (this.#closed) return;
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => void this.#connect(), RECONNECT_MS);
  }
}
