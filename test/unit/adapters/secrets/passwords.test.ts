import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { HasherBusyError, PasswordHasher } from '../../../../adapters/secrets/password-hasher.ts';
import { PasswordVerifier } from '../../../../adapters/secrets/password-verifier.ts';

const open: PasswordHasher[] = [];
afterEach(async () => {
  for (const hasher of open.splice(0)) await hasher.close();
});
function hasher(mostWaiting?: number): PasswordHasher {
  const made = new PasswordHasher(mostWaiting);
  open.push(made);
  return made;
}

const threads = (): number => Number(/Threads:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))![1]);

describe('PasswordHasher', () => {
  it('tells a right password from a wrong one, and never stores two hashes alike', async () => {
    const passwords = hasher();
    const stored = await passwords.hash('s3cret');
    expect(stored).toMatch(/^scrypt\$16384\$8\$1\$[\w-]{22}\$[\w-]{43}$/);
    expect(await passwords.hash('s3cret')).not.toBe(stored);
    expect(await passwords.verify('s3cret', stored)).toBe(true);
    expect(await passwords.verify('s3creT', stored)).toBe(false);
  });

  it('says so when what is stored is no hash, and goes on', async () => {
    const passwords = hasher();
    await expect(passwords.verify('x', 'plain')).rejects.toThrow('expected a stored password hash');
    expect(await passwords.hash('x')).toMatch(/^scrypt/);
  });

  it('refuses more than its bound', async () => {
    const passwords = hasher(2);
    const jobs = [passwords.hash('a'), passwords.hash('b'), passwords.hash('c')];
    await expect(passwords.hash('d')).rejects.toThrow(HasherBusyError);
    expect(await Promise.all(jobs)).toHaveLength(3);
  });

  it('uses one thread of its own and none of the pool that LMDB needs', async () => {
    const passwords = hasher();
    await passwords.hash('warm');
    const before = threads();
    await Promise.all(Array.from({ length: 4 }, (_, at) => passwords.hash(String(at))));
    expect(threads()).toBe(before);
  });

  it('rejects what waits when it is closed', async () => {
    const passwords = hasher();
    const jobs = [passwords.hash('a'), passwords.hash('b')].map(job => job.catch((error: Error) => error.message));
    await passwords.close();
    expect(await Promise.all(jobs)).toEqual(['the password hasher is closed', 'the password hasher is closed']);
    await expect(passwords.hash('c')).rejects.toThrow('closed');
  });
});

describe('PasswordVerifier', () => {
  it('asks the slow check once, then decides by itself', async () => {
    let asked = 0;
    const verifier = new PasswordVerifier(async password => {
      asked += 1;
      return password === 'right';
    });
    expect(verifier.verifyCached('demo', 'right', 'h1')).toBe(undefined);
    expect(await verifier.verify('demo', 'wrong', 'h1')).toBe(false);
    expect(verifier.verifyCached('demo', 'right', 'h1')).toBe(undefined);
    expect(await verifier.verify('demo', Buffer.from('right'), 'h1')).toBe(true);
    expect(verifier.verifyCached('demo', Buffer.from('right'), 'h1')).toBe(true);
    expect(verifier.verifyCached('demo', 'wrong', 'h1')).toBe(false);
    expect(await verifier.verify('demo', 'wrong', 'h1')).toBe(false);
    expect(asked).toBe(2);
  });

  it('does not keep a success past a change of the password, or past the account', async () => {
    const verifier = new PasswordVerifier(async () => true);
    await verifier.verify('demo', 'old', 'h1');
    expect(verifier.verifyCached('demo', 'old', 'h2')).toBe(undefined);
    expect(verifier.verifyCached('other', 'old', 'h1')).toBe(undefined);
    verifier.forget('demo');
    expect(verifier.verifyCached('demo', 'old', 'h1')).toBe(undefined);
  });

  it('makes one hash of many binds at once', async () => {
    let asked = 0;
    const verifier = new PasswordVerifier(async () => {
      asked += 1;
      return true;
    });
    const binds = Array.from({ length: 10 }, () => verifier.verify('demo', 'right', 'h1'));
    expect(await Promise.all(binds)).toEqual(Array.from({ length: 10 }, () => true));
    expect(asked).toBe(1);
  });

  it('hands on the refusal of a busy hasher, and asks again next time', async () => {
    let busy = true;
    const verifier = new PasswordVerifier(async () => {
      if (busy) throw new HasherBusyError();
      return true;
    });
    await expect(verifier.verify('demo', 'right', 'h1')).rejects.toThrow(HasherBusyError);
    busy = false;
    expect(await verifier.verify('demo', 'right', 'h1')).toBe(true);
  });
});
