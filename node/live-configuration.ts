import { randomBytes } from 'node:crypto';
import { ControlError } from '../actors/node-control.ts';
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

/** An account as it is kept: its password is a hash, its `receipt_secret` sealed. */
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

/** Where the live configuration is kept. */
export interface ConfigurationKeeper {
  /** What this node runs. */
  readonly current: Live;
  /** As it is now, to make another one from. @throws ControlError `unavailable` when it cannot be changed now */
  latest(): Promise<Live>;
  /** Durable when it resolves. @returns false when it is not `before` any more that is kept */
  write(next: Live, before: Live): Promise<boolean>;
}

/** Of one node alone: in its message store. Nobody else changes it. */
export class LocalKeeper implements ConfigurationKeeper {
  readonly #store: ConfigStore;
  #live: Live;

  private constructor(store: ConfigStore, live: Live) {
    this.#store = store;
    this.#live = live;
  }

  static async open(store: ConfigStore): Promise<LocalKeeper> {
    const directory = await readValue<Omit<Live, 'routing'>>(store, DIRECTORY);
    const routing = await readValue<LiveRouting>(store, ROUTING);
    return new LocalKeeper(store, directory && routing ? { ...complete(directory), routing } : EMPTY);
  }

  /** False when nothing is kept yet. */
  get isKept(): boolean {
    return this.#live !== EMPTY;
  }

  get current(): Live {
    return this.#live;
  }

  latest(): Promise<Live> {
    return Promise.resolve(this.#live);
  }

  async write(next: Live, before: Live): Promise<boolean> {
    const { routing, ...directory } = next;
    const { routing: lastRouting, ...last } = before;
    const isSame = Object.entries(directory).every(
      ([section, entries]) => last[section as keyof typeof last] === entries,
    );
    if (!isSame || before === EMPTY) await writeValue(this.#store, DIRECTORY, directory);
    if (routing !== lastRouting) await writeValue(this.#store, ROUTING, routing);
    this.#live = next;
    return true;
  }
}

/** How often a change is tried that others are faster with. */
const MOST_TRIES = 5;

/** The live configuration, durable before it is used. */
export class LiveConfiguration {
  readonly #keeper: ConfigurationKeeper;
  readonly #hasher: PasswordHasher;
  readonly #box: SealedBox;

  constructor(keeper: ConfigurationKeeper, hasher: PasswordHasher, box: SealedBox) {
    this.#keeper = keeper;
    this.#hasher = hasher;
    this.#box = box;
  }

  get live(): Live {
    return this.#keeper.current;
  }

  /** Names of all destinations. */
  names(): string[] {
    const { accounts, carriers, frontends } = this.live;
    return [...accounts.map(a => a.system_id), ...carriers.map(c => c.name), ...frontends.map(f => f.name)];
  }

  /** A carrier's password in plain. */
  passwordOf(carrier: CarrierSettings): string {
    return carrier.protocol === 'smpp' ? this.#box.open(carrier.password, `carrier:${carrier.name}`) : '';
  }

  /** What an account's receipts by HTTP are signed with, in plain; '': nothing. */
  secretOf({ system_id, receipt_secret: sealed }: LiveAccount): string {
    return sealed === '' ? '' : this.#box.open(sealed, secretFor(system_id));
  }

  /** Upserts what `seed` has; routes are replaced as a whole. Durable when it resolves. @throws ControlError */
  async apply(seed: Seed, nowMs: number): Promise<void> {
    await this.#change(before => this.made(before, seed, nowMs));
  }

  /** What `apply` makes of a configuration. */
  async made(before: Live, seed: Seed, nowMs: number): Promise<Live> {
    const routing: LiveRouting =
      seed.routes === undefined && before.routing.version > 0
        ? before.routing
        : { version: before.routing.version + 1, activatedAt: nowMs, routes: seed.routes ?? [] };
    return {
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
      routing,
    };
  }

  /** Writes an account whose password stays; its `receipt_secret` is in plain. Durable when it resolves. @throws ControlError */
  async putAccount(settings: LiveAccount): Promise<void> {
    const { system_id } = settings;
    const account = { ...settings, receipt_secret: this.#sealSecret(settings) };
    await this.#change(before => ({ ...before, accounts: [...without(before.accounts, system_id), account] }));
  }

  /** Takes the account out. Durable when it resolves. @throws ControlError */
  async removeAccount(systemId: string): Promise<void> {
    await this.#change(before => ({ ...before, accounts: without(before.accounts, systemId) }));
  }

  /** Takes the carrier out. Durable when it resolves. @throws ControlError */
  async removeCarrier(name: string): Promise<void> {
    await this.#change(before => ({ ...before, carriers: before.carriers.filter(carrier => carrier.name !== name) }));
  }

  async #change(make: (before: Live) => Live | Promise<Live>): Promise<void> {
    for (let tries = 0; tries < MOST_TRIES; tries++) {
      const before = await this.#keeper.latest();
      const next = await make(before);
      if (await this.#keeper.write(next, before)) return;
    }
    throw new ControlError('unavailable', 'nothing was changed: other nodes change the configuration all the time');
  }

  async #account({ password, ...settings }: AccountSettings): Promise<LiveAccount> {
    const receipt_secret = this.#sealSecret(settings);
    return { ...settings, receipt_secret, passwordHash: await this.#hasher.hash(password) };
  }

  #sealSecret({ system_id, receipt_secret: secret }: Pick<LiveAccount, 'system_id' | 'receipt_secret'>): string {
    return secret === '' ? '' : this.#box.seal(secret, secretFor(system_id));
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

const secretFor = (systemId: string): string => `receipts:${systemId}`;

const without = (accounts: readonly LiveAccount[], systemId: string): LiveAccount[] =>
  accounts.filter(account => account.system_id !== systemId);

export const EMPTY: Live = {
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

/** The key of the public ids: made at the first start. Another one would give old messages new ids. */
export async function idKeyOf(store: ConfigStore): Promise<Uint8Array> {
  const known = await store.getConfig(ID_KEY);
  if (known) return Uint8Array.from(known);
  const key = Uint8Array.from(randomBytes(16));
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
