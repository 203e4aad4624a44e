import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { NodeStatus } from '../../actors/node-control.ts';
import { openControl } from '../../adapters/control/client.ts';
import { startNode, type NodeProcess } from '../support/node-process.ts';
import { startPostgresServer, type PostgresServer } from '../support/postgres-server.ts';
import type { LoadOptions } from '../support/smppload.ts';
import type { TestRedis } from '../support/test-redis.ts';
import { WallClock } from '../support/wall-clock.ts';
import { ClusterLoad } from './load.ts';
import { makeNetwork, type Direction, type Host, type Network } from './network.ts';
import { RedisHosts, type RedisKind, type RedisServer } from './redis-hosts.ts';

export interface ClusterOptions {
  readonly nodes: number;
  /** Absent: each node is on its own, with LMDB. */
  readonly redis?: RedisKind;
  /** A Postgres that all share. Needed with `redis`. */
  readonly postgres?: boolean;
  /** Sessions that the carrier may see at once, and the window of each. */
  readonly binds?: number;
  readonly window?: number;
  /** Sessions that the carrier may see in all: `binds`, but where each node has its own. */
  readonly sessions?: number;
  /** Further settings of every node. */
  readonly config?: Readonly<Record<string, unknown>>;
  readonly env?: Readonly<Record<string, string>>;
  /** Each node, and Redis, goes by a wall clock of its own, which `setClock` sets. */
  readonly clocks?: true;
}

/** A node by its number, a Redis server by its, or Postgres. */
export type Party = number | 'redis-1' | 'redis-2' | 'postgres';

const SMPP_PORT = 2775;
const API_PORT = 8080;
const CARRIER_PORT = 2796;
/** What carriers' passwords are sealed with: all nodes open them. */
const SECRET_KEY = 'a5'.repeat(32);
/** Short, so that a test need not wait long for a takeover. */
export const LEASE_SECONDS = 2;

/** Node processes, their Redis and their Postgres, each on a host of its own, and what can happen to them: see README.md. */
export class Cluster implements AsyncDisposable {
  readonly name = `test-${process.pid}`;
  readonly network: Network;
  /** Of the nodes, which are counted from 1: `hosts[0]` is node 1's. */
  readonly hosts: readonly Host[];
  readonly redis: RedisHosts | undefined;
  readonly postgres: PostgresServer | undefined;
  readonly postgresHost: Host | undefined;
  readonly options: Required<Pick<ClusterOptions, 'binds' | 'window' | 'sessions'>> & ClusterOptions;
  readonly #folder = mkdtempSync(join(tmpdir(), 'heliograph-cluster-'));
  readonly #nodes: (NodeProcess | undefined)[];
  readonly #stack: AsyncDisposableStack;
  /** Those of the nodes, and behind them that of Redis. */
  readonly #clocks: readonly WallClock[];
  readonly #harmed: { readonly server: TestRedis; readonly how: 'redis-kill' | 'redis-freeze' | 'redis-cut' }[] = [];

  private constructor(parts: Parts, options: ClusterOptions) {
    this.network = parts.network;
    this.hosts = parts.hosts;
    this.redis = parts.redis;
    this.postgres = parts.postgres;
    this.postgresHost = parts.postgresHost;
    const { binds = 2 } = options;
    this.options = { binds, window: 200, sessions: binds, ...options };
    this.#nodes = parts.hosts.map(() => undefined);
    this.#stack = parts.stack;
    this.#clocks = parts.clocks;
  }

  /** Everything but the nodes is up; `start` starts them. */
  static async make(options: ClusterOptions): Promise<Cluster> {
    await using stack = new AsyncDisposableStack();
    const network = stack.use(makeNetwork());
    const clocks = options.clocks ? Array.from({ length: options.nodes + 1 }, () => stack.use(new WallClock())) : [];
    const hosts = Array.from({ length: options.nodes }, (_, i) => {
      const host = network.host(`node${i + 1}`);
      return clocks[i]?.on(host) ?? host;
    });
    const redis =
      options.redis === undefined
        ? undefined
        : stack.use(await RedisHosts.start(options.redis, network, clocks[options.nodes]));
    const postgresHost = options.postgres === true ? network.host('postgres') : undefined;
    const postgres = postgresHost && stack.use(await startPostgresServer(postgresHost));
    return new Cluster({ network, hosts, redis, postgres, postgresHost, clocks, stack: stack.move() }, options);
  }

  /** Those given, or all; returns when their listeners are open. One that ran before has its data folder again. */
  async start(...nodes: readonly number[]): Promise<void> {
    const wanted = nodes.length > 0 ? nodes : this.hosts.map((_, i) => i + 1);
    // One after the other: on two cores three that start at once hold each other up.
    for (const number of wanted) this.#nodes[number - 1] = await this.#started(number);
  }

  /** Everybody is up, whole and reachable again, whatever a run that failed has left. */
  async mend(): Promise<void> {
    this.healAll();
    await this.mendRedis();
    await this.postgres?.start();
    for (const [i, node] of this.#nodes.entries()) {
      node?.thaw();
      if (node?.isUp !== true) await this.start(i + 1);
    }
  }

  /** @throws Error when it was never started */
  node(number: number): NodeProcess {
    const node = this.#nodes[number - 1];
    if (node === undefined) throw new Error(`node ${number} was not started`);
    return node;
  }

  /** SIGTERM: it drains, hands over and ends. @throws Error when it ends with anything but 0 */
  async stop(number: number): Promise<void> {
    const code = await this.node(number).stop();
    if (code !== 0) throw new Error(`node ${number} ended with ${code}: ${this.node(number).stderr.slice(-2000)}`);
  }

  /** kill -9. */
  kill(number: number): Promise<void> {
    return this.node(number).kill();
  }

  /** SIGSTOP: it stands still, its sockets stay open. */
  freeze(number: number): void {
    this.node(number).freeze();
  }

  /** SIGCONT. */
  thaw(number: number): void {
    this.node(number).thaw();
  }

  /** The network of a node, from all or from some other hosts. */
  cut(number: number, direction?: Direction, ...peers: readonly Host[]): void {
    this.hosts[number - 1]!.cut(direction, ...peers);
  }

  /** A node is cut off from Redis alone: applications, carrier and Postgres are still there. */
  cutFromRedis(number: number): void {
    this.cut(number, 'both', ...this.redis!.hosts);
  }

  /**
   * Nothing goes any more between these and the other nodes, Redis servers, Sentinel and Postgres; applications and carrier
   * reach all. Those of one side reach each other.
   *
   * @param direction towards those on this side, from them, or both
   */
  partition(side: readonly Party[], direction: Direction): void {
    const here = new Set(side.map(party => this.#hostOf(party)));
    const others = this.#parties().filter(host => !here.has(host));
    for (const host of here) host.cut(direction, ...others);
  }

  /** Undoes `partition`, and whatever else was cut. */
  healAll(): void {
    for (const host of this.#parties()) host.heal();
  }

  /** Another writer takes the right to the first stripe, or to the carrier's first slot. @throws Error when there is none */
  async faultLease(what: 'stripe' | 'slot'): Promise<void> {
    const leases = (await this.redis!.leases(this.name)) ?? new Map();
    const isWanted = (key: string): boolean => (what === 'stripe' ? key.endsWith(':meta') : key.includes('sink'));
    const key = [...leases.keys()].toSorted((a, b) => a.localeCompare(b)).find(isWanted);
    if (key === undefined) throw new Error(`there is no lease of a ${what}: ${[...leases.keys()].join(', ')}`);
    await this.redis!.faultLease(key);
  }

  /** From now on its wall clock is wrong by so much: a node's, or that of Redis. */
  setClock(whose: number | 'redis', seconds: number): void {
    this.#clocks[whose === 'redis' ? this.options.nodes : whose - 1]!.set(seconds);
  }

  /** @param which by its place in `redis.servers`, from 1; or the first that is a master now, or the first that is none */
  async harmRedis(how: 'redis-kill' | 'redis-freeze' | 'redis-cut', which: RedisServer): Promise<void> {
    const redis = this.redis!;
    const server = await redis.find(which);
    if (server === undefined) throw new Error(`there is no Redis ${which}`);
    if (how === 'redis-kill') await server.kill();
    else if (how === 'redis-freeze') server.signal('SIGSTOP');
    else redis.hostOf(server).cut();
    this.#harmed.push({ server, how });
  }

  /** What `harmRedis` has done is undone. */
  async mendRedis(): Promise<void> {
    for (const { server, how } of this.#harmed.splice(0)) {
      if (how === 'redis-kill') await this.redis!.restart(server);
      else if (how === 'redis-freeze') server.signal('SIGCONT');
      else this.redis!.hostOf(server).heal();
    }
  }

  heal(number: number): void {
    this.hosts[number - 1]!.heal();
  }

  /** By the node's own word, over its socket in the file system: works while it is cut off, not while it is frozen. */
  status(number: number): Promise<NodeStatus> {
    return openControl(this.node(number).dataDir).status();
  }

  /** Applications spread over all nodes, and the carrier: 4 binds, a window of 500, unless given otherwise. */
  load(options: LoadOptions): ClusterLoad {
    return new ClusterLoad({
      host: this.hosts.map(({ address }) => `${address}:${SMPP_PORT}`).join(','),
      listen: this.network.address,
      upstream: CARRIER_PORT,
      'min-upstream': this.options.binds,
      binds: 4,
      window: 500,
      stall: 2,
      'carrier-stall': 4,
      ...options,
    });
  }

  /** For the message of a test that fails. */
  async dump(): Promise<string> {
    const nodes = this.#nodes.map(async (node, i) => {
      if (node === undefined) return `node ${i + 1}: not started`;
      const lines = node.logs().slice(-12);
      const said = lines.map(line => `    ${JSON.stringify(line)}`).join('\n');
      const state = node.isUp ? await this.#stateOf(i + 1) : `ended with ${node.exitCode}`;
      return `node ${i + 1}: ${state}\n${said}${node.stderr === '' ? '' : `\n    stderr: ${node.stderr.slice(-2000)}`}`;
    });
    const leases = (await this.redis?.leases(this.name)) ?? new Map();
    const held = [...leases].map(([key, { owner, epoch }]) => `${key} = ${owner}, epoch ${epoch}`);
    return [...(await Promise.all(nodes)), ...held].join('\n');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.healAll();
    for (const node of this.#nodes) await node?.[Symbol.asyncDispose]();
    await this.#stack.disposeAsync();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #hostOf(party: Party): Host {
    if (typeof party === 'number') return this.hosts[party - 1]!;
    return party === 'postgres' ? this.postgresHost! : this.redis!.hosts[Number(party.at(-1)) - 1]!;
  }

  /** All hosts that can be on one side or the other. */
  #parties(): readonly Host[] {
    const { hosts, redis, postgresHost } = this;
    return [...hosts, ...(redis?.hosts ?? []), redis?.sentinelHost ?? [], postgresHost ?? []].flat();
  }

  async #stateOf(number: number): Promise<string> {
    const { promise, resolve } = Promise.withResolvers<string>();
    const timer = setTimeout(() => resolve('does not answer'), 2000);
    const status = this.status(number).then(
      ({ sessions, queues, messages, receipts, store, archive, alarms }) =>
        JSON.stringify({ sessions: sessions.length, queues, messages, receipts, store, archive, alarms }),
      (error: Error) => error.message,
    );
    return Promise.race([status, promise]).finally(() => clearTimeout(timer));
  }

  /** As a service manager does, one that its own watchdog has ended on a busy machine is started again. */
  async #started(number: number, tries = 3): Promise<NodeProcess> {
    try {
      return await startNode({
        place: this.hosts[number - 1]!,
        dataDir: join(this.#folder, `node${number}`),
        env: { HELIOGRAPH_SECRET_KEY: SECRET_KEY, ...this.options.env },
        config: this.#configOf(number),
      });
    } catch (error) {
      const line = /^heliograph: worker \d+ was stuck.*$/m.exec((error as Error).message)?.[0];
      if (line === undefined || tries === 1) throw error;
      console.error(`node ${number} is started again: ${line}`);
      return this.#started(number, tries - 1);
    }
  }

  #configOf(number: number): Readonly<Record<string, unknown>> {
    const { binds, window, config } = this.options;
    const { redis, postgres } = this;
    return {
      node_id: `node${number}`,
      workers: 1,
      cluster: { name: this.name, lease_seconds: LEASE_SECONDS },
      ...(redis === undefined ? {} : { redis: { url: redis.url, replicas: redis.replicas } }),
      ...(postgres === undefined ? {} : { database: { url: postgres.url }, archive: { enabled: true } }),
      listeners: { smpp: { port: SMPP_PORT }, api: { port: API_PORT } },
      accounts: [{ system_id: 'load', password: 'load', binds: 100, window: 1000 }],
      carriers: [
        {
          name: 'sink',
          protocol: 'smpp',
          host: this.network.address,
          port: CARRIER_PORT,
          system_id: 'r',
          password: 'r',
          binds,
          window,
          response_timeout_seconds: 10,
          reconnect_seconds: 0.2,
          reconnect_max_seconds: 1,
        },
      ],
      routes: [{ called_prefix: '44', dest_smsc: 'sink' }],
      ...config,
    };
  }
}

interface Parts {
  readonly network: Network;
  readonly hosts: readonly Host[];
  readonly redis: RedisHosts | undefined;
  readonly postgres: PostgresServer | undefined;
  readonly postgresHost: Host | undefined;
  readonly clocks: readonly WallClock[];
  readonly stack: AsyncDisposableStack;
}
