import { RuntimeError } from '../errors.ts';

export interface HostPort {
  readonly host: string;
  readonly port: number;
}

/** Where Redis is, and how it is reached. */
export interface RedisAddress {
  readonly mode: 'standalone' | 'sentinel' | 'cluster';
  /** The server; the Sentinels; some nodes of the cluster. At least one. */
  readonly nodes: readonly [HostPort, ...HostPort[]];
  /** The name that the Sentinels know the master by; '' otherwise. */
  readonly master: string;
  readonly username: string;
  readonly password: string;
  /** That of the Sentinels themselves. */
  readonly sentinelPassword: string;
  readonly tls: boolean;
  readonly database: number;
}

const SCHEMES: Readonly<Record<string, Pick<RedisAddress, 'mode' | 'tls'>>> = {
  'redis:': { mode: 'standalone', tls: false },
  'rediss:': { mode: 'standalone', tls: true },
  'redis+sentinel:': { mode: 'sentinel', tls: false },
  'rediss+sentinel:': { mode: 'sentinel', tls: true },
  'redis+cluster:': { mode: 'cluster', tls: false },
  'rediss+cluster:': { mode: 'cluster', tls: true },
};

const PORTS = { standalone: 6379, sentinel: 26379, cluster: 6379 } as const;

/**
 * Reads `redis://user:password@host:6379/0`, `redis+sentinel://:password@host:26379,host2:26379/master-name` and
 * `redis+cluster://host:6379,host2:6379` (or `?node=host2:6379`); with `rediss` in place of `redis` over TLS. Sentinels that
 * want a password of their own: `?sentinel_password=…`.
 *
 * @throws RuntimeError REDIS_ADDRESS naming what is wrong; never with the password
 */
export function parseRedisAddress(text: string): RedisAddress {
  const { first, others } = splitHosts(text);
  const url = URL.canParse(first) ? new URL(first) : undefined;
  const scheme = url && SCHEMES[url.protocol];
  if (!url || !scheme) throw wrong(`expected an address that begins with ${Object.keys(SCHEMES).join('//, ')}//`);
  if (url.hostname === '') throw wrong('the host is missing');
  const path = decodeURIComponent(url.pathname.slice(1));
  if (scheme.mode === 'sentinel' && path === '') throw wrong('a Sentinel address needs the master’s name: …/mymaster');
  if (scheme.mode === 'cluster' && path !== '' && path !== '0') throw wrong('Redis Cluster has no databases but 0');
  if (scheme.mode === 'standalone' && !/^\d{0,4}$/.test(path)) throw wrong(`expected a database number, got ${path}`);
  if (scheme.mode === 'standalone' && others.length > 0) throw wrong('expected one host');
  const usual = PORTS[scheme.mode];
  for (const name of url.searchParams.keys()) {
    const known =
      name === 'node' ? scheme.mode !== 'standalone' : name === 'sentinel_password' && scheme.mode === 'sentinel';
    if (!known) throw wrong(`there is no parameter ${name} for ${url.protocol}//`);
  }
  const more = [...others, ...url.searchParams.getAll('node')].map(node => hostPort(node, usual));
  return {
    ...scheme,
    nodes: [{ host: url.hostname.replace(/^\[|\]$/g, ''), port: url.port === '' ? usual : Number(url.port) }, ...more],
    master: scheme.mode === 'sentinel' ? path : '',
    username: decodeURIComponent(url.username),
    password: decodeURIComponent(url.password),
    sentinelPassword: url.searchParams.get('sentinel_password') ?? '',
    database: scheme.mode === 'standalone' ? Number(path) : 0,
  };
}

/** Where it is, for people: never a password. */
export function describeAddress({ mode, nodes, master }: RedisAddress): string {
  const where = nodes.map(({ host, port }) => `${host}:${port}`).join(', ');
  if (mode === 'sentinel') return `the master ${master} of the Sentinels at ${where}`;
  return mode === 'cluster' ? `Redis Cluster at ${where}` : `Redis at ${where}`;
}

/** True when what is said to it does not leave this machine. */
export const isLoopback = ({ host }: HostPort): boolean =>
  host === 'localhost' || host === '::1' || /^127(?:\.\d{1,3}){3}$/.test(host);

/** What stands between the hosts' commas is no URL: the first host stays in it. */
function splitHosts(text: string): { first: string; others: string[] } {
  const [, before, hosts, after] = /^([^/]*\/\/(?:[^/?#]*@)?)([^/?#@]*)(.*)$/s.exec(text) ?? [];
  if (hosts === undefined) return { first: text, others: [] };
  const [host, ...others] = hosts.split(',');
  return { first: `${before}${host}${after}`, others };
}

function hostPort(text: string, usual: number): HostPort {
  const [, host, port] = /^(.+?)(?::(\d{1,5}))?$/.exec(text) ?? [];
  if (!host) throw wrong(`node: expected host:port, got ${text}`);
  return { host, port: port === undefined ? usual : Number(port) };
}

const wrong = (why: string): RuntimeError => new RuntimeError('REDIS_ADDRESS', `Redis address: ${why}`);
