import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DEFAULT_DATA_DIR } from './environment.ts';
import { accountSchema, simulatorCarrierSchema } from './schema-peers.ts';
import { apiKeySchema, routeSchema, userSchema } from './schema.ts';
import type { Configuration, Seed } from './schema.ts';

/** Where secrets come from: `adapters/secrets`. */
export interface SecretMaker {
  password(length: number): string;
  apiKey(): string;
}

/** What the first start made up, in plain: shown once, stored hashed. Absent where the file gave its own. */
export interface FirstSecrets {
  readonly user?: { readonly name: string; readonly password: string };
  readonly apiKey?: string;
  readonly account?: { readonly system_id: string; readonly password: string };
}

/**
 * What the database starts with: the file's accounts, carriers, routes …, and what a complete SMSC needs beside them.
 * A panel user and an API key when the file names none; an account `demo` and a simulated carrier for all numbers when
 * it names neither accounts nor carriers nor routes.
 */
export function firstStartSeed(
  configuration: Configuration,
  make: SecretMaker,
): { readonly seed: Required<Seed>; readonly secrets: FirstSecrets } {
  const { api_keys, users, accounts, carriers, frontends, routes } = configuration;
  const empty = accounts.length === 0 && carriers.length === 0 && routes.length === 0;
  const secrets: FirstSecrets = {
    ...(users.length === 0 ? { user: { name: 'admin', password: make.password(16) } } : {}),
    ...(api_keys.length === 0 ? { apiKey: make.apiKey() } : {}),
    ...(empty ? { account: { system_id: 'demo', password: make.password(8) } } : {}),
  };
  const { user, apiKey, account } = secrets;
  const simulator = simulatorCarrierSchema.parse({
    name: 'simulator',
    protocol: 'simulator',
    description: 'simulated',
  });
  const route = routeSchema.parse({ dest_smsc: 'simulator', description: 'everything to the simulated carrier' });
  return {
    secrets,
    seed: {
      users: user === undefined ? users : [userSchema.parse({ ...user, role: 'admin' })],
      api_keys:
        apiKey === undefined ? api_keys : [apiKeySchema.parse({ name: 'first-start', key: apiKey, role: 'admin' })],
      accounts: account === undefined ? accounts : [accountSchema.parse({ ...account, description: 'first steps' })],
      carriers: empty ? [simulator] : carriers,
      routes: empty ? [route] : routes,
      frontends,
    },
  };
}

export interface FirstStart {
  readonly dataDir: string;
  readonly secrets: FirstSecrets;
  /** Ports taken, by listener: smpp, api, panel. */
  readonly listeners: Readonly<Record<string, { readonly host: string; readonly port: number }>>;
}

/**
 * Tells the first start's secrets once. On a terminal they are shown; elsewhere (a journal keeps stdout for ever) they
 * go to `<data>/first-start.txt`, mode 0600, and only its name is told.
 * @param terminal whether `show` leads to one
 * @param show writes lines for people; not where log records go
 * @returns fields for the log line of the first start, without secrets
 */
export function announceFirstStart(
  first: FirstStart,
  terminal: boolean,
  show: (text: string) => void,
): { readonly send: string; readonly secrets: string } {
  const send = sendCommand(first.dataDir);
  const steps = `Send a first message (see its fate with: ${statusCommand(first.dataDir)}):\n\n  ${send}\n`;
  const text = secretsText(first);
  if (terminal || text === '') {
    show(`\n${text}${steps}`);
    return { send, secrets: text === '' ? 'none' : 'shown' };
  }
  const file = join(first.dataDir, 'first-start.txt');
  writeFileSync(file, `${text}${steps}`, { mode: 0o600 });
  show(`The secrets of the first start are in ${file}. ${steps}`);
  return { send, secrets: file };
}

function secretsText({ secrets, listeners }: FirstStart): string {
  const { user, apiKey, account } = secrets;
  const { panel, api, smpp } = listeners;
  const rows: [string, string, string][] = [];
  if (user !== undefined) {
    rows.push(['control panel', panel ? `http://${place(panel)}` : '', `user ${user.name}, password ${user.password}`]);
  }
  if (apiKey !== undefined) rows.push(['REST API', api ? `http://${place(api)}` : '', `key ${apiKey}`]);
  if (account !== undefined) {
    const { system_id, password } = account;
    rows.push(['SMPP', smpp ? place(smpp) : '', `system_id ${system_id}, password ${password}`]);
  }
  if (rows.length === 0) return '';
  const lines = rows.map(([what, where, secret]) => `  ${what.padEnd(15)}${where.padEnd(24)}${secret}`);
  return `First start. These are told once and stored as hashes only:\n\n${lines.join('\n')}\n\n`;
}

/** As somebody on this machine reaches it. */
function place({ host, port }: { host: string; port: number }): string {
  if (host === '0.0.0.0' || host === '::') return `127.0.0.1:${port}`;
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** The one line to copy: it goes over the control socket, so it needs no secret. */
function sendCommand(dataDir: string): string {
  return `npx heliograph send --to 447700900123 --text "Hello"${dataOption(dataDir)}`;
}

const statusCommand = (dataDir: string): string => `npx heliograph status${dataOption(dataDir)}`;

function dataOption(dataDir: string): string {
  if (dataDir === DEFAULT_DATA_DIR) return '';
  return ` --data ${/^[\w./-]+$/.test(dataDir) ? dataDir : `'${dataDir.replaceAll("'", `'\\''`)}'`}`;
}
