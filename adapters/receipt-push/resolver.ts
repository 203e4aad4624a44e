import { Resolver } from 'node:dns/promises';
import type { LookupFunction } from 'node:net';
import type { AddressRules } from '../../actors/push/address-rules.ts';

interface Found {
  readonly addresses: readonly { readonly address: string; readonly family: 4 | 6 }[];
  /** Monotonic ms. */
  readonly until: number;
}

/** Names that are kept. */
const MOST_NAMES = 10_000;
const SHORTEST_MS = 5000;
const LONGEST_MS = 300_000;
const LOOPBACK: Found['addresses'] = [
  { address: '127.0.0.1', family: 4 },
  { address: '::1', family: 6 },
];

/** A name leads to an address that receipts may not be pushed to, or to none. */
export class AddressError extends Error {
  readonly code = 'ADDRESS_REFUSED';
}

/**
 * Looks up the hosts of URLs, and gives the connection only addresses that may be connected to: what is checked is what is
 * connected to, whatever the name says a moment later. It asks name servers itself, with a cache: `getaddrinfo` would hold one of the
 * threads that also write to the disk. /etc/hosts is not read.
 */
export class PinnedResolver {
  readonly #rules: AddressRules;
  readonly #monotonic: () => number;
  readonly #resolver: Resolver;
  readonly #names = new Map<string, Found>();

  /** @param servers addresses of name servers, with their ports; undefined: the system's */
  constructor(rules: AddressRules, timeoutMs: number, monotonic: () => number, servers?: readonly string[]) {
    this.#rules = rules;
    this.#monotonic = monotonic;
    this.#resolver = new Resolver({ timeout: Math.max(1, Math.floor(timeoutMs / 2)), tries: 2 });
    if (servers) this.#resolver.setServers(servers);
  }

  /** For `node:net`, which asks for the name of each connection that it opens. */
  readonly lookup: LookupFunction = (host, options, done) => void this.#lookUp(host, options, done);

  /** @throws AddressError where it is an address that may not be connected to */
  checkAddress(address: string): void {
    if (!this.#rules.allows(address)) throw new AddressError(`${address} is not an address to push receipts to`);
  }

  async #lookUp(...[host, options, done]: Parameters<LookupFunction>): Promise<void> {
    let addresses: Found['addresses'];
    try {
      addresses = await this.#allowed(host);
    } catch (error) {
      done(error as NodeJS.ErrnoException, []);
      return;
    }
    if (options.all === true) done(null, [...addresses]);
    else done(null, addresses[0]!.address, addresses[0]!.family);
  }

  async #allowed(host: string): Promise<Found['addresses']> {
    const addresses = await this.#addresses(host);
    const allowed = addresses.filter(({ address }) => this.#rules.allows(address));
    if (allowed.length > 0) return allowed;
    throw new AddressError(`${host} has no address to push receipts to, but ${addresses[0]!.address}`);
  }

  async #addresses(host: string): Promise<Found['addresses']> {
    if (host === 'localhost' || host.endsWith('.localhost')) return LOOPBACK;
    const kept = this.#names.get(host);
    const now = this.#monotonic();
    if (kept && now < kept.until) return kept.addresses;
    const [four, six] = await Promise.allSettled([
      this.#resolver.resolve4(host, { ttl: true }),
      this.#resolver.resolve6(host, { ttl: true }),
    ]);
    const records = [
      ...(four.status === 'fulfilled' ? four.value.map(record => ({ ...record, family: 4 as const })) : []),
      ...(six.status === 'fulfilled' ? six.value.map(record => ({ ...record, family: 6 as const })) : []),
    ];
    if (records.length === 0)
      throw new Error(`${host} has no address`, { cause: (four as PromiseRejectedResult).reason });
    const ttlMs = Math.min(...records.map(({ ttl }) => ttl)) * 1000;
    const until = now + Math.max(SHORTEST_MS, Math.min(LONGEST_MS, ttlMs));
    if (this.#names.size >= MOST_NAMES) this.#names.clear();
    const addresses = records.map(({ address, family }) => ({ address, family }));
    this.#names.set(host, { addresses, until });
    return addresses;
  }
}
