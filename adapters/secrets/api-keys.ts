import { hash, randomBytes, timingSafeEqual } from 'node:crypto';

/**
 * API keys: `hg_` and 32 random octets in base64url, shown once. Kept is the SHA-256: 256 bits need no slow hash. The
 * first 11 characters are kept too, for people to tell keys apart; of a key somebody made up, nothing is.
 */
const PREFIX = 'hg_';
const SHOWN_CHARACTERS = 11;

export interface StoredApiKey {
  readonly sha256: string;
  /** The beginning, to recognise it by; empty for a key that is not of our making. */
  readonly prefix: string;
}

export function makeApiKey(): string {
  return PREFIX + randomBytes(32).toString('base64url');
}

export function storeApiKey(key: string): StoredApiKey {
  return { sha256: hash('sha256', key, 'hex'), prefix: ourMaking(key) ? key.slice(0, SHOWN_CHARACTERS) : '' };
}

function ourMaking(key: string): boolean {
  return key.startsWith(PREFIX) && key.length === PREFIX.length + 43;
}

/** Finds who a key belongs to: 2 µs, at every request. */
export class ApiKeyTable<Owner> {
  readonly #owners = new Map<string, { readonly digest: Buffer; readonly owner: Owner }>();

  /** @param entries at most what the configuration allows: 10,000 */
  constructor(entries: Iterable<readonly [stored: StoredApiKey, owner: Owner]>) {
    for (const [{ sha256 }, owner] of entries) {
      this.#owners.set(sha256, { digest: Buffer.from(sha256, 'hex'), owner });
    }
  }

  /** @param key as it came in `Authorization: Bearer …`; anything longer than 256 characters belongs to nobody */
  find(key: string): Owner | undefined {
    if (key.length > 256) return undefined;
    const digest = hash('sha256', key, 'buffer');
    const found = this.#owners.get(digest.toString('hex'));
    // The map's own comparison stops at the first difference, of digests, which tells nothing about the key; this one
    // does not stop at all.
    return found !== undefined && timingSafeEqual(found.digest, digest) ? found.owner : undefined;
  }
}
