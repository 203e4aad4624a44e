import type { ConfigurationEntry, ConfigurationSnapshot } from '../drizzle/configuration.ts';
import { completeAccount, completeCarrier, completeFrontend } from '../adapters/config/defaults.ts';
import type { Live, LiveRouting } from './live-configuration.ts';

/** The configuration of a cluster with what belongs to it, as database and Redis keep it. */
export interface Kept {
  /** Another one with each change; 0: there is none yet. */
  readonly version: number;
  readonly live: Live;
  readonly secrets: KeptSecrets;
}

export interface KeptSecrets {
  /** Sealed: opens with the key of this cluster and with no other. */
  readonly check: string;
  /** The key of the public ids, sealed. */
  readonly idKey: string;
  /** The key itself, in hex, where no node was given one: in the database only. */
  readonly key: string | undefined;
}

const entry = (name: string, definition: object): ConfigurationEntry => ({ name, definition });

/** Names of rows in `settings`: they must never change. */
const [ROUTING, SECRETS, KEY] = ['routing', 'secrets', 'secret_key'] as const;

export function snapshotOf({ version, live, secrets }: Kept): ConfigurationSnapshot {
  const { accounts, carriers, frontends, users, apiKeys, routing } = live;
  const { key, ...sealed } = secrets;
  return {
    version,
    accounts: accounts.map(account => entry(account.system_id, account)),
    carriers: carriers.map(carrier => entry(carrier.name, carrier)),
    frontends: frontends.map(frontend => entry(frontend.name, frontend)),
    users: users.map(user => entry(user.name, user)),
    apiKeys: apiKeys.map(apiKey => entry(apiKey.name, apiKey)),
    settings: [
      entry(ROUTING, { activatedAt: routing.activatedAt }),
      entry(SECRETS, sealed),
      ...(key === undefined ? [] : [entry(KEY, { key })]),
    ],
    routing: { version: routing.version, routes: routing.routes },
  };
}

/** The same without the key: for Redis, whose memory and files others may see. */
export function withoutKey(snapshot: ConfigurationSnapshot): ConfigurationSnapshot {
  return { ...snapshot, settings: snapshot.settings.filter(({ name }) => name !== KEY) };
}

const definitions = (entries: readonly ConfigurationEntry[]): object[] => entries.map(({ definition }) => definition);

/** What an earlier release has kept lacks the settings that are new in this one. */
export function keptOf(snapshot: ConfigurationSnapshot): Kept {
  const setting = (name: string): object | undefined => snapshot.settings.find(each => each.name === name)?.definition;
  const routing = snapshot.routing as Pick<LiveRouting, 'version' | 'routes'> | undefined;
  return {
    version: snapshot.version,
    live: {
      accounts: (definitions(snapshot.accounts) as Live['accounts']).map(completeAccount),
      carriers: (definitions(snapshot.carriers) as Live['carriers']).map(completeCarrier),
      frontends: (definitions(snapshot.frontends) as Live['frontends']).map(completeFrontend),
      users: definitions(snapshot.users) as Live['users'],
      apiKeys: definitions(snapshot.apiKeys) as Live['apiKeys'],
      routing: {
        version: routing?.version ?? 0,
        routes: routing?.routes ?? [],
        activatedAt: (setting(ROUTING) as { activatedAt: number } | undefined)?.activatedAt ?? 0,
      },
    },
    secrets: {
      ...((setting(SECRETS) as { check: string; idKey: string } | undefined) ?? { check: '', idKey: '' }),
      key: (setting(KEY) as { key: string } | undefined)?.key,
    },
  };
}
