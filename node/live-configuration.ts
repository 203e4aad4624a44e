import { randomBytes } from 'node:crypto';
import type { MessageStore } from '../actors/ports.ts';
import { completeAccount, completeCarrier, completeFrontend } from '../adapters/config/defaults.ts';
import type {
  AccountSettings,
  ApiKeySettings,
  CarrierSettings,
  FrontendSettings,
  RouteSettings,
  Seed,
  UserSettings,
} from '../adapters/config/schema.ts';
import { storeApiKey, type StoredApiKey } from '../adapters/secrets/api-keys.ts';
import type { PasswordHasher } from '../adapters/secrets/password-hasher.ts';
import type { SealedBox } from '../adapters/secrets/sealed-box.ts';

/** An account as it is kept: its password is a hash. */
export interface LiveAccount extends Omit<AccountSettings, 'password'> {
  readonly passwordHash: string;
}
export interface LiveUser extends Omit<UserSettings, 'password'> {
  readonly passwordHash: string;
}
export interface LiveApiKey extends Omit<ApiKeySettings, 'key'> {
  readonly stored: StoredApiKey;
}

/** What `apply` changes, as the message store keeps it: the node serves from it before any database is up. */
export interface Live {
  readonly accounts: readonly LiveAccount[];
  /** Passwords sealed. */
  readonly carriers: readonly CarrierSettings[];
  readonly frontends: readonly FrontendSettings[];
  readonly users: readonly LiveUser[];
  readonly apiKeys: readonly LiveApiKey[];
  readonly routing: LiveRouting;
}

export interface LiveRouting {
  readonly version: number;
  /** ms since 1970. */
  readonly activatedAt: number;
  readonly routes: readonly RouteSettings[];
}

/** Of the values kept: a newer one is refused by an older release. */
const VERSION = 1;
const DIRECTORY = 'directory';
const ROUTING = 'routing';
const ID_KEY = 'id-key';
const NODE_ID = 'node-id';

export type ConfigStore = Pick<MessageStore, 'getConfig' | 'putConfig'>;

/** The live configuration, durable before it is used. */
export class LiveConfiguration {
  readonly #store: ConfigStore;
  readonly #hasher: PasswordHasher;
  readonly #box: SealedBox;
  #live: Live;

  private constructor(store: ConfigStore, hasher: PasswordHasher, box: SealedBox, live: Live) {
    this.#store = store;
    this.#hasher = hasher;
    this.#box = box;
    this.#live = live;
  }

  /** @returns `first` true when the store has none yet */
  static async open(
    store: ConfigStore,
    hasher: PasswordHasher,
    box: SealedBox,
  ): Promise<{ configuration: LiveConfiguration; first: boolean }> {
    const directory = await readValue<Omit<Live, 'routing'>>(store, DIRECTORY);
    const routing = await readValue<LiveRouting>(store, ROUTING);
    const live: Live = directory && routing ? { ...complete(directory), routing } : EMPTY;
    return { configuration: new LiveConfiguration(store, hasher, box, live), first: live === EMPTY };
  }

  get live(): Live {
    return this.#live;
  }

  /** Names of all destinations. */
  names(): string[] {
    const { accounts, carriers, frontends } = this.#live;
    return [...accounts.map(a => a.system_id), ...carriers.map(c => c.name), ...frontends.map(f => f.name)];
  }

  /** A carrier's password in plain. */
  passwordOf(carrier: CarrierSettings): string {
    return carrier.protocol === 'smpp' ? this.#box.open(carrier.password, `carrier:${carrier.name}`) : '';
  }

  /** Upserts what `seed` has; routes are replaced as a whole. Durable when it resolves. */
  async apply(seed: Seed, nowMs: number): Promise<void> {
    const before = this.#live;
    const directory = {
      accounts: await this.#upsert(
        before.accounts,
        seed.accounts,
        a => a.system_id,
        settings => this.#account(settings),
      ),
      carriers: await this.#upsert(
        before.carriers,
        seed.carriers,
        c => c.name,
        settings => this.#seal(settings),
      ),
      frontends: await this.#upsert(
        before.frontends,
        seed.frontends,
        f => f.name,
        settings => settings,
      ),
      users: await this.#upsert(
        before.users,
        seed.users,
        u => u.name,
        settings => this.#user(settings),
      ),
      apiKeys: await this.#upsert(
        before.apiKeys,
        seed.api_keys,
        k => k.name,
        ({ key, ...rest }) => ({
          ...rest,
          stored: storeApiKey(key),
        }),
      ),
    };
    const routing: LiveRouting =
      seed.routes === undefined && before !== EMPTY
        ? before.routing
        : { version: before.routing.version + 1, activatedAt: nowMs, routes: seed.routes ?? [] };
    const { routes: _, ...sections } = seed;
    if (Object.keys(sections).length > 0 || before === EMPTY) await writeValue(this.#store, DIRECTORY, directory);
    if (routing !== before.routing) await writeValue(this.#store, ROUTING, routing);
    this.#live = { ...directory, routing };
  }

  /** Writes an account whose password stays. Durable when it resolves. */
  async putAccount(account: LiveAccount): Promise<void> {
    await this.#putAccounts([...this.#without(account.system_id), account]);
  }

  /** Takes the account out. Durable when it resolves. */
  async removeAccount(systemId: string): Promise<void> {
    await this.#putAccounts(this.#without(systemId));
  }

  /** Takes the carrier out. Durable when it resolves. */
  async removeCarrier(name: string): Promise<void> {
    const { routing, ...directory } = this.#live;
    const carriers = directory.carriers.filter(carrier => carrier.name !== name);
    await writeValue(this.#store, DIRECTORY, { ...directory, carriers });
    this.#live = { ...directory, carriers, routing };
  }

  #without(systemId: string): LiveAccount[] {
    return this.#live.accounts.filter(account => account.system_id !== systemId);
  }

  async #putAccounts(accounts: readonly LiveAccount[]): Promise<void> {
    const { routing, ...directory } = this.#live;
    await writeValue(this.#store, DIRECTORY, { ...directory, accounts });
    this.#live = { ...directory, accounts, routing };
  }

  async #account({ password, ...settings }: AccountSettings): Promise<LiveAccount> {
    return { ...settings, passwordHash: await this.#hasher.hash(password) };
  }

  async #user({ password, ...settings }: UserSettings): Promise<LiveUser> {
    return { ...settings, passwordHash: await this.#hasher.hash(password) };
  }

  #seal(carrier: CarrierSettings): CarrierSettings {
    if (carrier.protocol !== 'smpp') return carrier;
    return { ...carrier, password: this.#box.seal(carrier.password, `carrier:${carrier.name}`) };
  }

  async #upsert<From, To>(
    known: readonly To[],
    given: readonly From[] | undefined,
    nameOf: (entry: From & To) => string,
    make: (entry: From) => To | Promise<To>,
  ): Promise<readonly To[]> {
    if (given === undefined) return known;
    const entries = new Map(known.map(entry => [nameOf(entry as From & To), entry]));
    for (const entry of given) entries.set(nameOf(entry as From & To), await make(entry));
    return [...entries.values()];
  }
}

const EMPTY: Live = {
  accounts: [],
  carriers: [],
  frontends: [],
  users: [],
  apiKeys: [],
  routing: { version: 0, activatedAt: 0, routes: [] },
};

/** What an earlier release has kept lacks the settings that are new in this one. */
function complete(directory: Omit<Live, 'routing'>): Omit<Live, 'routing'> {
  return {
    ...directory,
    accounts: directory.accounts.map(completeAccount),
    carriers: directory.carriers.map(completeCarrier),
    frontends: directory.frontends.map(completeFrontend),
  };
}

/**
 * The key of the public ids: made at the first start. Another one would give old messages new ids.
 *
 * @param shared in a cluster: several nodes may make their first start at the same time
 */
export async function idKeyOf(
  store: ConfigStore,
  shared: { first(name: string, value: Uint8Array): Promise<Uint8Array> } | undefined,
): Promise<Uint8Array> {
  const known = await store.getConfig(ID_KEY);
  if (known) return Uint8Array.from(known);
  const key = Uint8Array.from(randomBytes(16));
  if (shared) return Uint8Array.from(await shared.first(ID_KEY, key));
  await store.putConfig(ID_KEY, key);
  return key;
}

/** The node's id: as configured, or made at the first start. */
export async function nodeIdOf(store: ConfigStore, configured: string | undefined): Promise<string> {
  if (configured !== undefined) return configured;
  const known = await store.getConfig(NODE_ID);
  if (known) return Buffer.from(known).toString();
  const made = `node-${randomBytes(4).toString('hex')}`;
  await store.putConfig(NODE_ID, Uint8Array.from(Buffer.from(made)));
  return made;
}

async function readValue<T>(store: ConfigStore, key: string): Promise<T | undefined> {
  const bytes = await store.getConfig(key);
  if (!bytes) return undefined;
  const { version, value } = JSON.parse(Buffer.from(bytes).toString()) as { version: number; value: T };
  if (version > VERSION)
    throw new Error(`the data folder is of a newer release: ${key} has version ${version}, not ${VERSION}`);
  return value;
}

function writeValue(store: ConfigStore, key: string, value: unknown): Promise<void> {
  return store.putConfig(key, Uint8Array.from(Buffer.from(JSON.stringify({ version: VERSION, value }))));
}
