import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

/** The slow check: `PasswordHasher.verify`, or a call to the thread that has it. */
export type SlowVerify = (password: string, stored: string) => Promise<boolean>;

/**
 * Checks the passwords of binds. The first right one of an account costs a hash (50 ms, elsewhere); of that success an
 * HMAC under a key of this process is kept, and every further bind, right or wrong, is decided at once (20 µs). A
 * changed password has another stored hash, so what is kept of the old one no longer counts. One entry an account.
 */
export class PasswordVerifier {
  readonly #slow: SlowVerify;
  readonly #secret = randomBytes(32);
  readonly #known = new Map<string, { readonly stored: string; readonly mac: Buffer }>();
  readonly #asking = new Map<string, Promise<boolean>>();

  constructor(slow: SlowVerify) {
    this.#slow = slow;
  }

  /** undefined: not known yet, ask `verify`. Takes the same time for right and wrong passwords. */
  verifyCached(systemId: string, password: string | Uint8Array, stored: string): boolean | undefined {
    const known = this.#known.get(systemId);
    if (known === undefined || known.stored !== stored) return undefined;
    return timingSafeEqual(known.mac, this.#mac(systemId, password));
  }

  /**
   * @param stored the account's stored hash
   * @throws what the slow check throws: HasherBusyError when too many wait
   */
  async verify(systemId: string, password: string | Uint8Array, stored: string): Promise<boolean> {
    const cached = this.verifyCached(systemId, password, stored);
    if (cached !== undefined) return cached;
    const mac = this.#mac(systemId, password);
    // Ten binds of one account after a restart are one hash.
    const same = `${mac.toString('latin1')}${stored}`;
    let asking = this.#asking.get(same);
    if (asking === undefined) {
      const text = typeof password === 'string' ? password : Buffer.from(password).toString('latin1');
      asking = this.#slow(text, stored).finally(() => this.#asking.delete(same));
      this.#asking.set(same, asking);
    }
    const right = await asking;
    if (right) this.#known.set(systemId, { stored, mac });
    return right;
  }

  /** The account is gone. */
  forget(systemId: string): void {
    this.#known.delete(systemId);
  }

  #mac(systemId: string, password: string | Uint8Array): Buffer {
    const octets = typeof password === 'string' ? Buffer.from(password, 'latin1') : password;
    return createHmac('sha256', this.#secret).update(`${systemId}\0`, 'latin1').update(octets).digest();
  }
}
