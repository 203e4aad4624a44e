import { isIP } from 'node:net';

/**
 * The PROXY protocol of HAProxy, versions 1 and 2 (its doc/proxy-protocol.txt): what a balancer says of the client before
 * the first octet of the connection itself.
 */
export type ProxyHeader =
  /** Not all of it has come. */
  | { readonly type: 'more' }
  /** `length` octets of header; `address` undefined: the balancer speaks for itself, or of something that is no IP. */
  | { readonly type: 'header'; readonly length: number; readonly address: string | undefined }
  | { readonly type: 'invalid' };

const MORE: ProxyHeader = { type: 'more' };
const INVALID: ProxyHeader = { type: 'invalid' };

/** §2.1: the longest line, with its CR LF. */
const MOST_V1 = 107;
const V1 = Buffer.from('PROXY ', 'latin1');
/** §2.2. */
const V2 = Buffer.from('0d0a0d0a000d0a515549540a', 'hex');
const V2_HEAD = 16;
/** What may follow the head: two addresses of a Unix socket, and TLVs. */
const MOST_V2 = 4096;
const TCP4 = 0x11;
const TCP6 = 0x21;

/** Reads the header at the beginning of a connection, of which `octets` have come. */
export function readProxyHeader(octets: Buffer): ProxyHeader {
  if (begins(octets, V2)) return octets.length < V2_HEAD ? MORE : readV2(octets);
  return begins(octets, V1) ? readV1(octets) : INVALID;
}

/** As far as they have come. */
function begins(octets: Buffer, with_: Buffer): boolean {
  const length = Math.min(octets.length, with_.length);
  return octets.subarray(0, length).equals(with_.subarray(0, length));
}

function readV1(octets: Buffer): ProxyHeader {
  const end = octets.subarray(0, MOST_V1).indexOf('\r\n');
  if (end < 0) return octets.length < MOST_V1 ? MORE : INVALID;
  const [, family, address = '', , ...ports] = octets.toString('latin1', 0, end).split(' ');
  const length = end + 2;
  if (family === 'UNKNOWN') return { type: 'header', length, address: undefined };
  const version = family === 'TCP4' ? 4 : family === 'TCP6' ? 6 : -1;
  if (isIP(address) !== version || ports.length !== 2) return INVALID;
  return { type: 'header', length, address };
}

function readV2(octets: Buffer): ProxyHeader {
  const length = V2_HEAD + octets.readUInt16BE(14);
  const command = octets[12]!;
  const family = octets[13]!;
  if (command >>> 4 !== 2 || (command & 0x0f) > 1 || length > MOST_V2) return INVALID;
  if (octets.length < length) return MORE;
  // §2.2: LOCAL is the balancer's own health check; of families that are no IP nothing is to be used.
  if ((command & 0x0f) === 0) return { type: 'header', length, address: undefined };
  if (family === TCP4 && length >= V2_HEAD + 12) return { type: 'header', length, address: ipv4(octets) };
  if (family === TCP6 && length >= V2_HEAD + 36) return { type: 'header', length, address: ipv6(octets) };
  return family === TCP4 || family === TCP6 ? INVALID : { type: 'header', length, address: undefined };
}

const ipv4 = (octets: Buffer): string => octets.subarray(V2_HEAD, V2_HEAD + 4).join('.');

/** Shortened as a socket would tell it. */
function ipv6(octets: Buffer): string {
  const groups = Array.from({ length: 8 }, (_, i) => octets.readUInt16BE(V2_HEAD + 2 * i).toString(16));
  return new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1);
}
