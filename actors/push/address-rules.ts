import { BlockList, isIP } from 'node:net';
import { parseNetwork } from '../accounts/allow-ips.ts';

/**
 * Addresses that a URL from outside must not make us connect to: our own machine, networks that are not the Internet, and where
 * clouds tell machines their secrets. IANA's special-purpose registries (RFC 6890) and what has been added to them.
 */
const REFUSED = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  // Shared by a carrier's customers (RFC 6598); Alibaba's metadata are at 100.100.100.200.
  '100.64.0.0/10',
  '127.0.0.0/8',
  // AWS, Azure, Google and most others have theirs at 169.254.169.254.
  '169.254.0.0/16',
  '172.16.0.0/12',
  // Oracle: 192.0.0.192.
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
  // Azure's own services for each machine.
  '168.63.129.16/32',
  '::/128',
  '::1/128',
  // IPv4 in IPv6: what they lead to is not looked at (RFC 6052, 8215, 4380, 3056).
  '::/96',
  '64:ff9b::/96',
  '64:ff9b:1::/48',
  '2001::/32',
  '2002::/16',
  '100::/64',
  '2001:2::/48',
  '2001:10::/28',
  '2001:20::/28',
  '2001:db8::/32',
  '3fff::/20',
  '5f00::/16',
  // AWS: fd00:ec2::254.
  'fc00::/7',
  'fe80::/10',
  'fec0::/10',
  'ff00::/8',
] as const;

const list = (networks: readonly string[]): BlockList => {
  const all = new BlockList();
  for (const entry of networks) {
    const network = parseNetwork(entry);
    if (!network) throw new Error(`expected a network, got ${entry}`);
    all.addSubnet(network.address, network.bits, network.family);
  }
  return all;
};

const refused = list(REFUSED);

/** Which addresses receipts may be pushed to. */
export class AddressRules {
  readonly #allowed: BlockList;

  /** @param networks that may be connected to although they are none of the Internet's (`receipts.push.networks`) */
  constructor(networks: readonly string[]) {
    this.#allowed = list(networks);
  }

  /** @param address in any form that `net.isIP` knows */
  allows(address: string): boolean {
    const family = isIP(address);
    if (family === 0) return false;
    const type = family === 4 ? 'ipv4' : 'ipv6';
    return this.#allowed.check(address, type) || !refused.check(address, type);
  }
}
