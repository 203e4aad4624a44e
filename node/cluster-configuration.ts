import { randomBytes } from 'node:crypto';
import { describeError, RuntimeError } from '../runtime/errors.ts';
import type { Logger } from '../runtime/log.ts';
import { ControlError } from '../actors/node-control.ts';
import { ConfigSnapshot } from '../adapters/cluster-redis/config-snapshot.ts';
import { SealedBox, SealError } from '../adapters/secrets/sealed-box.ts';
import {
  configurationVersion,
  loadConfiguration,
  saveConfiguration,
  type ConfigurationSnapshot,
} from '../drizzle/configuration.ts';
import { openDatabase, type OpenDatabase } from '../drizzle/db.ts';
import { migrate } from '../drizzle/migrate.ts';
import type { Cluster } from './cluster.ts';
import { keptOf, snapshotOf, withoutKey, type Kept } from './kept-configuration.ts';
import type { ConfigurationKeeper, Live } from './live-configuration.ts';
import type { SealingKey } from './sealing-key.ts';

export interface ClusterConfigurationDeps {
  readonly cluster: Pick<Cluster, 'line' | 'settings'>;
  readonly databaseUrl: string;
  /** Of this installation; found or made by `start`. */
  readonly key: SealingKey;
  readonly log: Logger;
  /** Another node has changed it. */
  readonly changed: (before: Live) => void;
}

const CHECK = 'heliograph';
const LOOK_MS = 500;
/** The database is looked at this often: a change that did not reach Redis is found there. */
const RECONCILE_MS = 10_000;

/**
 * The configuration of a cluster. The database has it: a change comes from the version there and gets through or not. Redis
 * has a copy of the last known one, by which all nodes hear of a change, and with which a node starts while the database
 * is away.
 */
export class ClusterConfiguration implements ConfigurationKeeper {
  readonly #deps: ClusterConfigurationDeps;
  readonly #snapshot: ConfigSnapshot;
  #database: OpenDatabase | undefined;
  #kept: Kept | undefined;
  /** What `latest` has given. */
  #latest: Kept | undefined;
  #looking = false;
  #reconciledAt = -Infinity;
  #timer: NodeJS.Timeout | undefined;

  constructor(deps: ClusterConfigurationDeps) {
    this.#deps = deps;
    const { line, settings } = deps.cluster;
    this.#snapshot = new ConfigSnapshot({ line, cluster: settings.name, replicas: settings.replicas });
  }

  get current(): Live {
    return this.#kept!.live;
  }

  /** The version that this node runs. */
  get version(): number {
    return this.#kept?.version ?? 0;
  }

  /**
   * The configuration that there is, or the one that this node makes: of several that start first, one gets through.
   *
   * @param make what the first start begins with
   * @returns true when it is ours @throws RuntimeError with one line for people
   */
  async start(make: (box: SealedBox) => Promise<Live>): Promise<boolean> {
    const known = await this.#known();
    if (known) {
      await this.#take(known);
      return false;
    }
    const { key } = this.#deps;
    const box = new SealedBox(key.make());
    const secrets = {
      check: box.seal(CHECK, 'check'),
      idKey: box.seal(randomBytes(16).toString('hex'), 'id-key'),
      key: key.isGiven ? undefined : key.hex,
    };
    const made: Kept = { version: 1, live: await make(box), secrets };
    const database = await this.#open();
    if (await saveConfiguration(database.db, snapshotOf(made), 0)) {
      this.#kept = made;
      await this.#publish(made);
      return true;
    }
    const theirs = await this.#load();
    if (!theirs) throw new RuntimeError('CONFIGURATION', 'the database has a configuration that cannot be read');
    await this.#take(theirs);
    return false;
  }

  /** The key of the public ids. */
  get idKey(): Uint8Array {
    return Uint8Array.from(Buffer.from(this.box.open(this.#kept!.secrets.idKey, 'id-key'), 'hex'));
  }

  /** Opens the secrets of this cluster. */
  get box(): SealedBox {
    return new SealedBox(this.#deps.key.octets);
  }

  /** From here on changes of other nodes are taken over. */
  watch(): void {
    this.#timer = setInterval(() => void this.look(), LOOK_MS);
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#database?.close();
  }

  async latest(): Promise<Live> {
    let there: Kept | undefined;
    try {
      there = await this.#load();
    } catch (error) {
      const why = describeError(error);
      throw new ControlError('unavailable', `nothing was changed: the database is away (${why})`, [], error);
    }
    // A database that was made anew takes what the cluster runs.
    this.#latest = there ?? { ...this.#kept!, version: 0 };
    return this.#latest.live;
  }

  async write(live: Live, _before: Live): Promise<boolean> {
    const before = this.#latest!;
    // Above what the cluster runs too: a database may have been brought back from a backup.
    const version = Math.max(before.version, this.version) + 1;
    const { secrets } = this.#kept!;
    const next: Kept = { version, live, secrets: { ...secrets, key: before.secrets.key } };
    const { db } = await this.#open();
    try {
      if (!(await saveConfiguration(db, snapshotOf(next), before.version))) return false;
    } catch (error) {
      throw new ControlError('unavailable', `the database did not take it: ${describeError(error)}`, [], error);
    }
    this.#kept = next;
    await this.#publish(next);
    return true;
  }

  /** Looks whether there is a later one. */
  async look(): Promise<void> {
    if (this.#looking) return;
    this.#looking = true;
    try {
      if ((await this.#snapshot.version()) > this.version) {
        const known = await this.#known();
        if (known) this.#adopt(known);
      }
      if (performance.now() - this.#reconciledAt > RECONCILE_MS) await this.#reconcile();
    } catch (error) {
      if (!(error instanceof RuntimeError))
        this.#deps.log.warn('configuration not looked at', { why: describeError(error) });
    } finally {
      this.#looking = false;
    }
  }

  #adopt(kept: Kept): void {
    if (kept.version <= this.version) return;
    const before = this.#kept!;
    this.#kept = { ...kept, secrets: before.secrets };
    this.#deps.log.info('configuration of another node is taken over', { version: kept.version });
    this.#deps.changed(before.live);
  }

  /** A change that is in the database and not in Redis, and a Redis that has lost what it had. */
  async #reconcile(): Promise<void> {
    this.#reconciledAt = performance.now();
    const there = await this.#open()
      .then(({ db }) => configurationVersion(db))
      // It is away: the next look tries again.
      .catch(() => 0);
    if (there > this.version) {
      const kept = await this.#load();
      if (!kept) return;
      await this.#publish(kept);
      this.#adopt(kept);
    } else if (this.#kept && (await this.#snapshot.version()) < this.version) await this.#publish(this.#kept);
  }

  /** From Redis; from the database where Redis has none. */
  async #known(): Promise<Kept | undefined> {
    const there = await this.#snapshot.get();
    if (there) return keptOf(JSON.parse(there.value) as ConfigurationSnapshot);
    try {
      const kept = await this.#load();
      if (kept) await this.#publish(kept);
      return kept;
    } catch (error) {
      const why = describeError(error);
      throw new RuntimeError(
        'CONFIGURATION',
        `Redis knows no configuration yet, and the database is away: ${why}`,
        error,
      );
    }
  }

  async #load(): Promise<Kept | undefined> {
    const { db } = await this.#open();
    const snapshot = await loadConfiguration(db);
    return snapshot && keptOf(snapshot);
  }

  /** Its secrets can be opened, or this node must not run. */
  async #take(kept: Kept): Promise<void> {
    const { key } = this.#deps;
    this.#kept = kept;
    if (key.found !== undefined && opens(key.found, kept)) return;
    if (key.isGiven) {
      throw new RuntimeError(
        'SEALING_KEY',
        'the secrets of this cluster were sealed with another key: give this node the HELIOGRAPH_SECRET_KEY of the others',
      );
    }
    const ours = kept.secrets.key ?? (await this.#keyOfDatabase());
    if (ours === undefined || !opens(Buffer.from(ours, 'hex'), kept)) {
      throw new RuntimeError(
        'SEALING_KEY',
        'the secrets of this cluster are sealed with a key that this node has not: set HELIOGRAPH_SECRET_KEY, the same on all nodes',
      );
    }
    key.keep(ours);
  }

  async #keyOfDatabase(): Promise<string | undefined> {
    try {
      return (await this.#load())?.secrets.key;
    } catch (error) {
      const why = describeError(error);
      const said = `this node has not the key of the cluster’s secrets (HELIOGRAPH_SECRET_KEY), and the database is away: ${why}`;
      throw new RuntimeError('SEALING_KEY', said, error);
    }
  }

  /** The others hear of it. What Redis does not take now it is given by a later look of any node. */
  async #publish(kept: Kept): Promise<void> {
    const value = JSON.stringify(withoutKey(snapshotOf(kept)));
    await this.#snapshot.put({ version: kept.version, value }).catch((error: unknown) => {
      this.#reconciledAt = -Infinity;
      this.#deps.log.warn('Redis did not take the configuration', { version: kept.version, why: describeError(error) });
    });
  }

  async #open(): Promise<OpenDatabase> {
    if (this.#database) return this.#database;
    const { databaseUrl } = this.#deps;
    await migrate(databaseUrl);
    this.#database ??= openDatabase(databaseUrl, 'heliograph configuration');
    return this.#database;
  }
}

function opens(key: Buffer, { secrets }: Kept): boolean {
  try {
    return new SealedBox(key).open(secrets.check, 'check') === CHECK;
  } catch (error) {
    if (error instanceof SealError) return false;
    throw error;
  }
}
