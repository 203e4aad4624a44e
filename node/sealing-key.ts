import { randomBytes } from 'node:crypto';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadSecretKey } from '../adapters/secrets/sealed-box.ts';

/**
 * The key that the secrets of a cluster are sealed with, the same on all nodes: given to each (HELIOGRAPH_SECRET_KEY or
 * HELIOGRAPH_SECRET_KEY_FILE), or made by the first node and kept in the database, from where each node takes it into its
 * data folder. The second is weaker: whoever reads the database can open what it has sealed.
 */
export class SealingKey {
  /** By the environment: then it is in no file and no database of ours. */
  readonly isGiven: boolean;
  readonly #file: string;
  #key: Buffer | undefined;

  /** @throws Error that names the variable or the file which is wrong */
  constructor(dataDir: string, environment: Readonly<Record<string, string | undefined>>) {
    this.isGiven = Boolean(environment['HELIOGRAPH_SECRET_KEY'] || environment['HELIOGRAPH_SECRET_KEY_FILE']);
    this.#file = join(dataDir, 'secret.key');
    if (this.isGiven || existsSync(this.#file)) this.#key = loadSecretKey(dataDir, environment);
  }

  /** Undefined: this node has none yet. */
  get found(): Buffer | undefined {
    return this.#key;
  }

  get octets(): Buffer {
    if (!this.#key) throw new Error('there is no key yet');
    return this.#key;
  }

  get hex(): string {
    return this.octets.toString('hex');
  }

  /** The first node makes one where there is none. */
  make(): Buffer {
    if (!this.#key) this.keep(randomBytes(32).toString('hex'));
    return this.octets;
  }

  /** From here on, and for later starts, this one. @param hex 32 octets */
  keep(hex: string): void {
    writeFileSync(this.#file, `${hex}\n`, { mode: 0o600, flush: true });
    this.#key = Buffer.from(hex, 'hex');
  }
}
