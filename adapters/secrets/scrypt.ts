import { randomBytes, scryptSync, timingSafeEqual } from 'node:crypto';

/**
 * How a password is stored: `scrypt$N$r$p$salt$hash`, salt and hash in base64url. A disk format: it must never change,
 * the parameters may. N = 2^14, r = 8: 16 MB and about 50 ms (2-core machine).
 */
const PARAMETERS = { N: 16_384, r: 8, p: 1 } as const;
const HASH_OCTETS = 32;
/** What a stored hash may ask for at most: N × r × 128 octets of memory. */
const MOST_MEMORY = 128 * 1024 * 1024;

/** Blocks its thread for as long as the hash takes: for the hash thread only (`hash-thread.ts`). */
export function hashNow(password: string): string {
  const salt = randomBytes(16);
  const { N, r, p } = PARAMETERS;
  const hash = scryptSync(password, salt, HASH_OCTETS, { ...PARAMETERS, maxmem: MOST_MEMORY });
  return ['scrypt', N, r, p, salt.toString('base64url'), hash.toString('base64url')].join('$');
}

/** Blocks like `hashNow`. @throws Error when `stored` is not a hash of ours */
export function verifyNow(password: string, stored: string): boolean {
  const [kind, N, r, p, salt = '', hash = ''] = stored.split('$');
  const expected = Buffer.from(hash, 'base64url');
  if (kind !== 'scrypt' || expected.length !== HASH_OCTETS) throw new Error('expected a stored password hash');
  const options = { N: Number(N), r: Number(r), p: Number(p), maxmem: MOST_MEMORY };
  return timingSafeEqual(scryptSync(password, Buffer.from(salt, 'base64url'), HASH_OCTETS, options), expected);
}
