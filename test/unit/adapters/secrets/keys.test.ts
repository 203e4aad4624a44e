import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { ApiKeyTable, makeApiKey, storeApiKey } from '../../../../adapters/secrets/api-keys.ts';
import { loadSecretKey, SealedBox, SealError } from '../../../../adapters/secrets/sealed-box.ts';

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});
function folder(): string {
  folders.push(mkdtempSync(join(tmpdir(), 'heliograph-secrets-')));
  return folders.at(-1)!;
}

describe('API keys', () => {
  it('are 256 random bits with a prefix, stored as a hash and their beginning', () => {
    const key = makeApiKey();
    expect(key).toMatch(/^hg_[\w-]{43}$/);
    expect(makeApiKey()).not.toBe(key);
    expect(storeApiKey(key)).toEqual({ sha256: expect.stringMatching(/^[0-9a-f]{64}$/), prefix: key.slice(0, 11) });
    expect(storeApiKey('made-up').prefix).toBe('');
  });

  it('are found by the whole key only', () => {
    const key = makeApiKey();
    const table = new ApiKeyTable([
      [storeApiKey(key), 'ops'],
      [storeApiKey('made-up'), 'web'],
    ]);
    expect(table.find(key)).toBe('ops');
    expect(table.find('made-up')).toBe('web');
    for (const wrong of ['', 'made-u', `${key}x`, key.slice(0, 11), key.toLowerCase(), 'x'.repeat(300)]) {
      expect(table.find(wrong)).toBe(undefined);
    }
  });
});

describe('SealedBox', () => {
  const box = new SealedBox(Buffer.alloc(32, 7));

  it('opens what it sealed, for the same purpose', () => {
    const sealed = box.seal('pässword', 'carrier:sink');
    expect(sealed).toMatch(/^v1\.[\w-]+$/);
    expect(sealed).not.toBe(box.seal('pässword', 'carrier:sink'));
    expect(box.open(sealed, 'carrier:sink')).toBe('pässword');
  });

  it('opens what release 0.1 sealed', () => {
    const sealed = 'v1.0qzpaRxZU6fv8zpUU_hTSNIekxFRdKd0TYCOuDCIejYcVQ';
    expect(box.open(sealed, 'carrier:sink')).toBe('secret');
  });

  it('refuses another purpose, another key, and any changed octet', () => {
    const sealed = box.seal('secret', 'carrier:sink');
    expect(() => box.open(sealed, 'carrier:other')).toThrow(SealError);
    expect(() => new SealedBox(Buffer.alloc(32, 8)).open(sealed, 'carrier:sink')).toThrow(
      'carrier:sink: the secret was sealed with another key, or is damaged',
    );
    const octets = Buffer.from(sealed.slice(3), 'base64url');
    for (let at = 0; at < octets.length; at += 1) {
      const changed = Buffer.from(octets);
      changed[at]! ^= 1;
      expect(() => box.open(`v1.${changed.toString('base64url')}`, 'carrier:sink')).toThrow(SealError);
    }
    for (const other of ['', 'secret', 'v1.', 'v1.AAAA', `v2.${sealed.slice(3)}`]) {
      expect(() => box.open(other, 'carrier:sink')).toThrow(SealError);
    }
  });
});

describe('loadSecretKey', () => {
  it('makes a key file that only its owner reads, and finds it again', () => {
    const data = folder();
    const key = loadSecretKey(data, {});
    expect(key).toHaveLength(32);
    expect(statSync(join(data, 'secret.key')).mode & 0o777).toBe(0o600);
    chmodSync(join(data, 'secret.key'), 0o644);
    expect(loadSecretKey(data, {})).toEqual(key);
    expect(statSync(join(data, 'secret.key')).mode & 0o777).toBe(0o600);
  });

  it('takes the environment before the file, in hex or base64', () => {
    const data = folder();
    const key = Buffer.alloc(32, 5);
    const file = join(data, 'mounted');
    writeFileSync(file, `${key.toString('base64')}\n`);
    expect(loadSecretKey(data, { HELIOGRAPH_SECRET_KEY: key.toString('hex') })).toEqual(key);
    expect(loadSecretKey(data, { HELIOGRAPH_SECRET_KEY_FILE: file })).toEqual(key);
    expect(() => readFileSync(join(data, 'secret.key'))).toThrow('ENOENT');
  });

  it('names what holds a wrong key, without it', () => {
    const data = folder();
    expect(() => loadSecretKey(data, { HELIOGRAPH_SECRET_KEY: 'abcd1234' })).toThrow(
      'HELIOGRAPH_SECRET_KEY: expected a key of 32 octets as 64 hex digits or base64, got 6 octets',
    );
    writeFileSync(join(data, 'secret.key'), '');
    expect(() => loadSecretKey(data, {})).toThrow(`${join(data, 'secret.key')}: expected a key`);
  });
});
