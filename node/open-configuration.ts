import { systemClock } from '../runtime/clock.ts';
import type { Logger } from '../runtime/log.ts';
import { firstStartSeed, type FirstSecrets } from '../adapters/config/first-start.ts';
import type { Configuration, Seed } from '../adapters/config/schema.ts';
import { makeApiKey } from '../adapters/secrets/api-keys.ts';
import { makePassword } from '../adapters/secrets/make-password.ts';
import type { PasswordHasher } from '../adapters/secrets/password-hasher.ts';
import { loadSecretKey, SealedBox } from '../adapters/secrets/sealed-box.ts';
import type { ClusterConfiguration } from './cluster-configuration.ts';
import type { Cluster } from './cluster.ts';
import { EMPTY, idKeyOf, LiveConfiguration, LocalKeeper, type ConfigStore, type Live } from './live-configuration.ts';
import { SealingKey } from './sealing-key.ts';

export interface OpenOptions {
  readonly configuration: Configuration;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly hasher: PasswordHasher;
  readonly log: Logger;
  /** The sections of the file, to be upserted although this is not the first start; undefined: they are not. */
  readonly apply: Seed | undefined;
  /** Another node has changed it. */
  readonly changed: (before: Live) => void;
}

export interface OpenConfiguration {
  readonly configuration: LiveConfiguration;
  /** Key of the public ids. */
  readonly idKey: Uint8Array;
  /** What the first start made up; undefined: this was not the first. */
  readonly secrets: FirstSecrets | undefined;
  /** Undefined: this node is alone. */
  readonly keeper: ClusterConfiguration | undefined;
}

/** The configuration of a node alone, which its message store keeps. */
export async function openLocal(store: ConfigStore, options: OpenOptions): Promise<OpenConfiguration> {
  const { configuration: file, environment, hasher, apply } = options;
  const idKey = await idKeyOf(store);
  const box = new SealedBox(loadSecretKey(file.data_dir, environment));
  const keeper = await LocalKeeper.open(store);
  const configuration = new LiveConfiguration(keeper, hasher, box);
  const now = systemClock.nowMs();
  if (keeper.isKept) {
    if (apply) await configuration.apply(apply, now);
    return { configuration, idKey, secrets: undefined, keeper: undefined };
  }
  const { seed, secrets } = firstStartSeed(file, { password: makePassword, apiKey: makeApiKey });
  await configuration.apply(seed, now);
  return { configuration, idKey, secrets, keeper: undefined };
}

/** The configuration that all nodes of a cluster share. @throws RuntimeError with one line for people */
export async function openShared(cluster: Cluster, options: OpenOptions): Promise<OpenConfiguration> {
  const { configuration: file, environment, hasher, log, apply, changed } = options;
  const key = new SealingKey(file.data_dir, environment);
  // With it come Drizzle and the driver: a node that is alone starts half a second sooner without.
  const { ClusterConfiguration } = await import('./cluster-configuration.ts');
  const keeper = new ClusterConfiguration({ cluster, databaseUrl: file.database!.url, key, log, changed });
  const now = systemClock.nowMs();
  const { seed, secrets } = firstStartSeed(file, { password: makePassword, apiKey: makeApiKey });
  const first = await keeper.start(box => new LiveConfiguration(keeper, hasher, box).made(EMPTY, seed, now));
  const configuration = new LiveConfiguration(keeper, hasher, keeper.box);
  if (!key.isGiven) {
    log.warn(
      'the database keeps the key that carriers’ passwords are sealed with: set HELIOGRAPH_SECRET_KEY on all nodes',
    );
  }
  if (!first && apply) await configuration.apply(apply, now);
  return { configuration, idKey: keeper.idKey, secrets: first ? secrets : undefined, keeper };
}
