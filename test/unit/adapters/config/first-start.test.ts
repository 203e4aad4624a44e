import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { checkAccount, checkAccountChanges } from '../../../../adapters/config/account.ts';
import { announceFirstStart, firstStartSeed } from '../../../../adapters/config/first-start.ts';
import { checkSeedData, parseConfiguration } from '../../../../adapters/config/load.ts';

const make = { password: (length: number) => 'p'.repeat(length), apiKey: () => 'hg_key' };
const seedFor = (text: string) => firstStartSeed(parseConfiguration(text, 'h').configuration!, make);
const folder = mkdtempSync(join(tmpdir(), 'heliograph-first-'));
afterEach(() => rmSync(join(folder, 'first-start.txt'), { force: true }));

describe('firstStartSeed', () => {
  it('makes a complete SMSC of nothing', () => {
    const { seed, secrets } = seedFor('');
    expect(secrets).toEqual({
      user: { name: 'admin', password: 'p'.repeat(16) },
      apiKey: 'hg_key',
      account: { system_id: 'demo', password: 'pppppppp' },
    });
    expect(seed.carriers).toMatchObject([{ name: 'simulator', protocol: 'simulator' }]);
    expect(seed.routes).toMatchObject([{ called_prefix: '', dest_smsc: 'simulator' }]);
    expect(checkSeedData(seed, 'seed', new Set()).problems).toEqual([]);
  });

  it('adds no demo to a file that has its own, and no secrets it gives', () => {
    const own = seedFor('accounts: [{ system_id: load, password: load }]');
    expect(own.secrets.account).toBe(undefined);
    expect(own.seed.carriers).toEqual([]);
    expect(own.seed.accounts.map(account => account.system_id)).toEqual(['load']);
    expect(own.secrets.apiKey).toBe('hg_key');
    const all = seedFor(
      'users: [{ name: a, password: abcdefghijkl }]\napi_keys: [{ name: k, key: k }]\naccounts: [{ system_id: b, password: b }]',
    );
    expect(all.secrets).toEqual({});
    expect(all.seed.users.map(user => user.name)).toEqual(['a']);
  });
});

describe('announceFirstStart', () => {
  const secrets = { account: { system_id: 'demo', password: 'abcdefgh' }, apiKey: 'hg_key' };
  const listeners = { smpp: { host: '0.0.0.0', port: 2775 }, api: { host: '127.0.0.1', port: 8080 } };
  const told = (terminal: boolean, dataDir: string, given = secrets) => {
    let text = '';
    const fields = announceFirstStart({ dataDir, secrets: given, listeners }, terminal, line => (text += line));
    return { text, fields };
  };

  it('shows the secrets on a terminal, with the line to copy', () => {
    const { text, fields } = told(true, './data');
    expect(text).toContain('system_id demo, password abcdefgh');
    expect(text).toContain('http://127.0.0.1:8080');
    expect(text).toContain('127.0.0.1:2775');
    expect(text).toContain('\n  npx heliograph send --to 447700900123 --text "Hello"\n');
    expect(JSON.stringify(fields)).not.toMatch(/abcdefgh|hg_key/);
  });

  it('writes them to a file of mode 0600 elsewhere, and tells its name only', () => {
    const { text, fields } = told(false, folder);
    const file = join(folder, 'first-start.txt');
    expect(text).toContain(file);
    expect(text).toContain(`  npx heliograph send --to 447700900123 --text "Hello" --data ${folder}\n`);
    expect(text + JSON.stringify(fields)).not.toMatch(/abcdefgh|hg_key/);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readFileSync(file, 'utf8')).toMatch(/abcdefgh[^]*npx heliograph send/);
  });

  it('writes no file when there is no secret to tell', () => {
    const { text, fields } = told(false, "/srv/o'ne two", {} as typeof secrets);
    expect(text).toContain(`--data '/srv/o'\\''ne two'`);
    expect(fields.secrets).toBe('none');
  });
});

describe('checkAccount', () => {
  it('has the defaults and the words of the file', () => {
    expect(checkAccount({ system_id: 'a', password: 'b' }).settings).toMatchObject({ window: 1000, enabled: true });
    expect(checkAccount({ system_id: 'a', password: 'b', window: 0, extra: 1 }).problems).toEqual([
      'window: expected a whole number from 1 to 65535, got the number 0',
      'extra: unknown key',
    ]);
  });

  it('gives back changes alone', () => {
    expect(checkAccountChanges({ window: 5, credits: null }).settings).toEqual({ window: 5, credits: null });
    expect(checkAccountChanges({ windw: 5 }).problems).toEqual(['windw: unknown key (did you mean "window"?)']);
    expect(checkAccountChanges({ system_id: 'b' }).problems).toEqual(['system_id: an account keeps its name']);
    expect(checkAccountChanges('x').problems).toEqual(['expected a map of settings']);
  });
});
