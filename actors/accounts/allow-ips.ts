import { BlockList, isIP } from 'node:net';

/** Which addresses a peer may come from (`allow_ips`): addresses and networks, IPv4 and IPv6. */

export type AllowListOutcome =
  | { readonly ok: true; readonly list: AllowList }
  /** `entry`: from 0. */
  | { readonly ok: false; readonly entry: number; readonly expected: string; readonly got: string };

export const EXPECTED_NETWORK = 'an address or a network such as 192.0.2.0/24 or 2001:db8::/32';

export class AllowList {
  /** undefined: any address may. */
  readonly #networks: BlockList | undefined;

  private constructor(networks: BlockList | undefined) {
    this.#networks = networks;
  }

  /** Reads a list; an empty one allows any address. */
  static parse(entries: readonly string[]): AllowListOutcome {
    if (entries.length === 0) return { ok: true, list: new AllowList(undefined) };
    const networks = new BlockList();
    for (const [index, entry] of entries.entries()) {
      const network = parseNetwork(entry);
      if (!network) return { ok: false, entry: index, expected: EXPECTED_NETWORK, got: entry };
      networks.addSubnet(network.address, network.bits, network.family);
    }
    return { ok: true, list: new AllowList(networks) };
  }

  /** @param address as a socket tells it: an IPv4-mapped IPv6 address is the IPv4 one, a zone (`%eth0`) is ignored */
  allows(address: string): boolean {
    if (!this.#networks) return true;
    const plain = unmapped(withoutZone(address));
    const family = isIP(plain);
    return family !== 0 && this.#networks.check(plain, family === 4 ? 'ipv4' : 'ipv6');
  }
}

interface Network {
  readonly address: string;
  readonly bits: number;
  readonly family: 'ipv4' | 'ipv6';
}

/** Reads `192.0.2.7`, `192.0.2.0/24`, `2001:db8::1`, `2001:db8::/32`, `::ffff:192.0.2.0/120`; undefined for anything else. */
export function parseNetwork(entry: string): Network | undefined {
  const [written = '', bitsWritten, ...rest] = entry.split('/');
  const version = isIP(written);
  if (version === 0 || written.includes('%') || rest.length > 0) return undefined;
  if (bitsWritten !== undefined && !/^\d{1,3}$/.test(bitsWritten)) return undefined;
  const most = version === 4 ? 32 : 128;
  const bits = bitsWritten === undefined ? most : Number(bitsWritten);
  if (bits > most) return undefined;
  const address = unmapped(written);
  if (version === 6 && address !== written && bits >= 96) return { address, bits: bits - 96, family: 'ipv4' };
  return { address: written, bits, family: version === 4 ? 'ipv4' : 'ipv6' };
}

/** The IPv4 address in an IPv4-mapped IPv6 one (RFC 4291 §2.5.5.2), whichever way it is written; others as they are. */
function unmapped(address: string): string {
  if (isIP(address) !== 6) return address;
  // The URL parser writes an address in one form only: mapped ones as [::ffff:c000:207].
  const mapped = /^\[::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})\]$/.exec(new URL(`http://[${address}]`).hostname);
  if (!mapped) return address;
  const high = Number.parseInt(mapped[1]!, 16);
  const low = Number.parseInt(mapped[2]!, 16);
  return `${high >>> 8}.${high & 255}.${low >>> 8}.${low & 255}`;
}

function withoutZone(address: string): string {
  const zone = address.indexOf('%');
  return zone < 0 ? address : address.slice(0, zone);
}
