import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { chmodSync, closeSync, fsyncSync, openSync, readFileSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** A secret cannot be opened: another key, another purpose, or damage. */
export class SealError extends Error {
  readonly code = 'SEAL_BROKEN';
}

/**
 * Seals what must be readable again: the passwords we bind to carriers with. AES-256-GCM; the text is
 * `v1.` and base64url of nonce (12 octets), ciphertext and tag (16). A disk format: it must never change.
 */
export class SealedBox {
  readonly #key: Buffer;

  /** @param key 32 octets */
  constructor(key: Buffer) {
    if (key.length !== 32) throw new RangeError(`expected a key of 32 octets, got ${key.length}`);
    this.#key = key;
  }

  /** @param purpose what it is for, such as `carrier:sink`: it opens for the same purpose only */
  seal(secret: string, purpose: string): string {
    const nonce = randomBytes(12);
    const cipher = createCipheriv('aes-256-gcm', this.#key, nonce).setAAD(Buffer.from(purpose));
    const sealed = Buffer.concat([nonce, cipher.update(secret, 'utf8'), cipher.final(), cipher.getAuthTag()]);
    return `v1.${sealed.toString('base64url')}`;
  }

  /** @throws SealError */
  open(sealed: string, purpose: string): string {
    const octets = Buffer.from(sealed.slice(3), 'base64url');
    if (!sealed.startsWith('v1.') || octets.length < 28) throw new SealError(`${purpose}: expected a sealed secret`);
    try {
      const decipher = createDecipheriv('aes-256-gcm', this.#key, octets.subarray(0, 12), { authTagLength: 16 });
      decipher.setAAD(Buffer.from(purpose)).setAuthTag(octets.subarray(-16));
      return Buffer.concat([decipher.update(octets.subarray(12, -16)), decipher.final()]).toString('utf8');
    } catch (error) {
      throw new SealError(`${purpose}: the secret was sealed with another key, or is damaged`, { cause: error });
    }
  }
}

/**
 * The key of this installation: HELIOGRAPH_SECRET_KEY, the file HELIOGRAPH_SECRET_KEY_FILE names, or
 * `<data>/secret.key` (mode 0600), which is made at the first start. 32 octets as 64 hex digits or in base64.
 * @throws Error that names the variable or the file
 */
export function loadSecretKey(dataDir: string, environment: Readonly<Record<string, string | undefined>>): Buffer {
  const given = environment['HELIOGRAPH_SECRET_KEY'];
  if (given) return parseKey(given, 'HELIOGRAPH_SECRET_KEY');
  const file = environment['HELIOGRAPH_SECRET_KEY_FILE'];
  if (file) return parseKey(readFileSync(file, 'utf8'), file);
  const own = join(dataDir, 'secret.key');
  const made = makeKeyFile(own);
  if (made !== undefined) return made;
  chmodSync(own, 0o600);
  return parseKey(readFileSync(own, 'utf8'), own);
}

/** undefined when the file exists. On disk before it is used: without it the sealed secrets are lost. */
function makeKeyFile(path: string): Buffer | undefined {
  let file: number;
  try {
    file = openSync(path, 'wx', 0o600);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return undefined;
    throw error;
  }
  const key = randomBytes(32);
  try {
    writeSync(file, `${key.toString('hex')}\n`);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  const folder = openSync(dirname(path), 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
  return key;
}

function parseKey(text: string, source: string): Buffer {
  const trimmed = text.trim();
  const key = /^[0-9a-f]{64}$/i.test(trimmed) ? Buffer.from(trimmed, 'hex') : Buffer.from(trimmed, 'base64');
  if (key.length === 32) return key;
  throw new Error(`${source}: expected a key of 32 octets as 64 hex digits or base64, got ${key.length} octets`);
}
