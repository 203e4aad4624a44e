import { RuntimeError } from '../../runtime/errors.ts';
import { checksum, configKey, Tag } from './keys.ts';
import type { PendingWrites } from './pending-writes.ts';
import type { Environment } from './environment.ts';

/** Octets before a value: u32 CRC-32 of key and the rest, u8 version. Must never change. */
const HEAD = 5;
const VERSION = 1;

/** Small values, each kept twice: what they say stands nowhere else. */
export class ConfigValues {
  readonly #db: Environment;
  readonly #writes: PendingWrites;
  readonly #alarm: (line: string) => void;

  constructor(db: Environment, writes: PendingWrites, alarm: (line: string) => void) {
    this.#db = db;
    this.#writes = writes;
    this.#alarm = alarm;
  }

  /** Written by the next commit; undefined removes it. */
  put(name: string, value: Uint8Array | undefined): void {
    for (const tag of [Tag.config, Tag.configCopy]) {
      const key = configKey(tag, name);
      this.#writes.put(key, value && encode(key, value));
    }
  }

  /** @throws RuntimeError CONFIG_DAMAGED when neither copy can be read */
  get(name: string): Buffer | undefined {
    const first = this.#read(Tag.config, name);
    if (first.state === 'good') return first.value;
    const second = this.#read(Tag.configCopy, name);
    if (second.state === 'good') {
      this.#alarm(`configuration value ${name} is ${first.state}: its second copy is taken`);
      this.put(name, second.value);
      return second.value;
    }
    if (first.state === 'missing' && second.state === 'missing') return undefined;
    throw new RuntimeError(
      'CONFIG_DAMAGED',
      `configuration value ${name} is damaged in the store, and its second copy is ${second.state}`,
    );
  }

  #read(tag: number, name: string): Read {
    const key = configKey(tag, name);
    const value = this.#db.get(key);
    if (!value) return { state: 'missing' };
    if (value.length < HEAD || value[4] !== VERSION || checksum(key, value) !== value.readUInt32LE(0)) {
      return { state: 'damaged' };
    }
    return { state: 'good', value: value.subarray(HEAD) };
  }
}

type Read = { readonly state: 'missing' | 'damaged' } | { readonly state: 'good'; readonly value: Buffer };

function encode(key: Buffer, value: Uint8Array): Buffer {
  const out = Buffer.allocUnsafe(HEAD + value.length);
  out[4] = VERSION;
  out.set(value, HEAD);
  out.writeUInt32LE(checksum(key, out), 0);
  return out;
}
