import { isIP } from 'node:net';
import { AddressRules } from './address-rules.ts';

export interface UrlRules {
  /** Without TLS, too. */
  readonly allowHttp: boolean;
  /** Names of hosts, `*.example.com` for all below one; empty: any. */
  readonly hosts: readonly string[];
  readonly addresses: AddressRules;
}

/** Where nothing but the form is looked at. */
export const ANY_URL: UrlRules = { allowHttp: true, hosts: [], addresses: new AddressRules(['0.0.0.0/0', '::/0']) };

/** Characters of a URL. */
export const URL_LIMIT = 1024;
/** Of scheme, host and port: they are part of a queue's name. */
const ORIGIN_LIMIT = 200;

/** What is wrong with a URL to push receipts to, as the words that follow "expected"; '' when nothing is. */
export function urlProblem(url: string, { allowHttp, hosts, addresses }: UrlRules): string {
  const parsed = URL.parse(url);
  const scheme = allowHttp ? 'an https or http URL' : 'an https URL';
  // Neither " nor \, so that it takes as much room in JSON.
  if (!parsed || !/^[\x21\x23-\x5b\x5d-\x7e]+$/.test(url) || url.length > URL_LIMIT) {
    return `${scheme} of at most ${URL_LIMIT} printable ASCII characters`;
  }
  const { protocol, username, password, hostname, origin } = parsed;
  if (protocol !== 'https:' && !(allowHttp && protocol === 'http:')) return scheme;
  if (username !== '' || password !== '') return `${scheme} without user and password`;
  if (origin.length > ORIGIN_LIMIT) return `a host of at most ${ORIGIN_LIMIT} characters`;
  if (!isHostAllowed(hostname, hosts)) return 'a host of the egress list (receipts.push.hosts)';
  const address = literal(hostname);
  if (isIP(address) !== 0 && !addresses.allows(address)) {
    return 'a host that is not loopback, private or link-local (receipts.push.networks)';
  }
  return '';
}

/** The address that a host of a URL is; a name as it is. */
export const literal = (hostname: string): string => hostname.replace(/^\[|\]$/g, '');

function isHostAllowed(hostname: string, hosts: readonly string[]): boolean {
  if (hosts.length === 0) return true;
  return hosts.some(host => {
    const wanted = host.toLowerCase();
    return wanted.startsWith('*.') ? hostname.endsWith(wanted.slice(1)) : hostname === wanted;
  });
}
