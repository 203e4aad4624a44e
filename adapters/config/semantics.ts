import { isIP } from 'node:net';
import { describeError } from '../../runtime/errors.ts';
import { parseRedisAddress } from '../../runtime/redis/address.ts';
import { hasMethod, methodOf } from '../../actors/push/push-request.ts';
import { urlProblem } from '../../actors/push/push-url.ts';
import { didYouMean } from './problems.ts';
import { urlRules } from './push-rules.ts';
import type { Configuration, Seed } from './schema.ts';
import type { Path } from './source-text.ts';

/** What a schema of single values cannot see: how they fit together. */
export interface Finding {
  readonly path: Path;
  readonly message: string;
  readonly severity: 'problem' | 'warning';
}

const ACTIONS = ['dest_smsc', 'auto_reply', 'drop', 'reject'] as const;

type Report = (path: Path, message: string) => void;
type Raw = Readonly<Record<string, unknown>>;

/**
 * Names, duplicates and actions, on data that need not have passed the schema: a wrong port in a carrier must not hide
 * that a route names no carrier.
 * @param known names of destinations that exist besides those given here (in the database of a running node)
 */
export function checkNames(data: unknown, known: ReadonlySet<string> = new Set()): Finding[] {
  const findings: Finding[] = [];
  const report: Report = (path, message) => void findings.push({ path, message, severity: 'problem' });

  const names = new Map<string, string>();
  for (const [section, field] of [
    ['accounts', 'system_id'],
    ['carriers', 'name'],
    ['frontends', 'name'],
  ] as const) {
    entriesOf(data, section).forEach((entry, at) => {
      const name = entry[field];
      if (typeof name !== 'string') return;
      const holder = names.get(name);
      const message = `expected a name of its own, "${name}" is already ${holder} (accounts, carriers and frontends share one name space)`;
      if (holder === undefined) names.set(name, `${section}[${at}]`);
      else report([section, at, field], message);
    });
  }
  unique(data, 'users', 'name', report);
  unique(data, 'api_keys', 'name', report);
  unique(data, 'api_keys', 'key', report);

  const destination = (path: Path, name: unknown): void => {
    if (typeof name !== 'string' || names.has(name) || known.has(name)) return;
    const near = didYouMean(name, [...names.keys(), ...known]);
    report(path, `expected the name of a carrier, account or frontend, got "${name}"${near}`);
  };
  entriesOf(data, 'accounts').forEach((account, at) => {
    destination(['accounts', at, 'default_dest_smsc'], account['default_dest_smsc']);
  });
  entriesOf(data, 'routes').forEach((route, at) => {
    const given = ACTIONS.filter(action => route[action] !== undefined);
    if (given.length !== 1) {
      const got = given.length === 0 ? 'none' : given.join(' and ');
      report(['routes', at], `expected exactly one of ${ACTIONS.join(', ')}, got ${got}`);
    }
    if (Array.isArray(route['senders']) && route['senders'].length > 0 && route['dest_smsc'] === undefined) {
      report(['routes', at, 'senders'], 'expected none where there is no dest_smsc: nothing is sent');
    }
    for (const field of ['dest_smsc', 'source_smsc', 'account'] as const) {
      destination(['routes', at, field], route[field]);
    }
  });
  return findings;
}

function entriesOf(data: unknown, section: string): Raw[] {
  const entries = (data as Raw | null | undefined)?.[section];
  if (!Array.isArray(entries)) return [];
  return entries.map((entry: unknown) => (typeof entry === 'object' && entry !== null ? (entry as Raw) : {}));
}

function unique(data: unknown, section: string, field: string, report: Report): void {
  const seen = new Map<unknown, number>();
  entriesOf(data, section).forEach((entry, at) => {
    const value = entry[field];
    if (value === undefined) return;
    const first = seen.get(value);
    if (first === undefined) seen.set(value, at);
    else report([section, at, field], `expected a ${field} of its own, got that of ${section}[${first}]`);
  });
}

/** Values of the seed that contradict each other, or are allowed and unwise. */
export function checkSeed(seed: Seed): Finding[] {
  const findings: Finding[] = [];
  seed.accounts?.forEach(({ receipt_format: format, receipt_method: method }, at) => {
    if (method === null || hasMethod(format, method)) return;
    const message = `expected ${methodOf(format)}, the only one of the format ${format}`;
    findings.push({ path: ['accounts', at, 'receipt_method'], message, severity: 'problem' });
  });
  seed.carriers?.forEach((carrier, at) => findings.push(...checkCarrier(carrier, ['carriers', at])));
  seed.users?.forEach((user, at) => {
    if (user.password.length >= 12) return;
    findings.push({ path: ['users', at, 'password'], message: 'shorter than 12 characters', severity: 'warning' });
  });
  seed.api_keys?.forEach((key, at) => {
    if (key.key.length >= 20) return;
    findings.push({ path: ['api_keys', at, 'key'], message: 'shorter than 20 characters', severity: 'warning' });
  });
  return findings;
}

function checkCarrier(carrier: NonNullable<Seed['carriers']>[number], path: Path): Finding[] {
  const findings: Finding[] = [];
  const problem = (key: Path, message: string): void =>
    void findings.push({ path: [...path, ...key], message, severity: 'problem' });
  const { overload_threshold: overload, normal_threshold: normal } = carrier;
  if (normal !== null && (overload === null || normal > overload)) {
    problem(['normal_threshold'], `expected at most overload_threshold (${overload})`);
  }
  if (carrier.protocol !== 'smpp') return findings;
  const { reconnect_seconds: first, reconnect_max_seconds: longest, errors } = carrier;
  if (first > longest) problem(['reconnect_max_seconds'], `expected at least reconnect_seconds (${first})`);
  const statuses = new Map<number, number>();
  for (const [at, { status }] of errors.entries()) {
    const other = statuses.get(status);
    if (other === undefined) statuses.set(status, at);
    else problem(['errors', at, 'status'], `expected a status of its own, got that of errors[${other}]`);
  }
  return findings;
}

/** The settings of this node and its cluster. */
export function checkSettings(configuration: Configuration): Finding[] {
  const findings: Finding[] = [];
  const problem = (path: Path, message: string): void => void findings.push({ path, message, severity: 'problem' });
  const { listeners, durability, redis, database, messages } = configuration;
  const local = isLoopback(listeners.host);

  if (listeners.api.auth === 'none' && !local) {
    const message = `"none" is accepted on loopback only, and listeners.host is "${listeners.host}"`;
    problem(['listeners', 'api', 'auth'], message);
  }
  if (redis !== undefined && database === undefined) {
    problem(['redis', 'url'], 'cluster mode (REDIS_URL) needs a database that all nodes share (DATABASE_URL)');
  }
  if (redis !== undefined) {
    try {
      parseRedisAddress(redis.url);
    } catch (error) {
      problem(['redis', 'url'], describeError(error));
    }
  }
  if (durability === 'process' && redis === undefined) {
    problem(['durability'], '"process" is for cluster mode (REDIS_URL) only; on one machine it is "disk"');
  }
  if (messages.validity_seconds > messages.validity_max_seconds) {
    const message = `expected at most validity_max_seconds (${messages.validity_max_seconds})`;
    problem(['messages', 'validity_seconds'], message);
  }
  const { bind_callback: callback } = configuration;
  if (callback !== undefined) {
    const { protocol, hostname } = URL.parse(callback.url) ?? { protocol: '', hostname: '' };
    if (protocol !== 'https:' && !(protocol === 'http:' && isLoopback(hostname.replace(/^\[|\]$/g, '')))) {
      problem(
        ['bind_callback', 'url'],
        `expected an https URL (http to loopback alone: it is sent passwords), got "${callback.url}"`,
      );
    }
  }
  const rules = urlRules(configuration.receipts.push);
  configuration.accounts.forEach(({ receipt_url: url }, at) => {
    const message = url === null ? '' : urlProblem(url, rules);
    if (message !== '') problem(['accounts', at, 'receipt_url'], `expected ${message}`);
  });
  const ports = new Map<number, string>();
  for (const key of ['smpp', 'api', 'panel'] as const) {
    const { port } = listeners[key];
    const holder = ports.get(port);
    if (port === 0) continue;
    if (holder === undefined) ports.set(port, key);
    else problem(['listeners', key, 'port'], `expected a port of its own, ${port} is already that of ${holder}`);
  }
  if (!local) {
    configuration.accounts.forEach((account, at) => {
      if (account.allow_ips.length > 0) return;
      const message = `empty: "${account.system_id}" may bind from any address with an 8-character password`;
      findings.push({ path: ['accounts', at, 'allow_ips'], message, severity: 'warning' });
    });
  }
  return findings;
}

/** Addresses that other machines cannot reach. */
export function isLoopback(host: string): boolean {
  if (host === 'localhost' || host === '::1') return true;
  return isIP(host) === 4 && host.startsWith('127.');
}
