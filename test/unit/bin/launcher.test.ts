import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const project = fileURLToPath(new URL('../../../', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'heliograph-bin-'));
const home = join(folder, 'a project');

/** A project with the real launchers and a program that says how it was started. */
beforeAll(() => {
  mkdirSync(join(home, 'node_modules/node/bin'), { recursive: true });
  cpSync(join(project, 'bin'), join(home, 'bin'), { recursive: true });
  symlinkSync(process.execPath, join(home, 'node_modules/node/bin/node'));
  const says =
    '{ version: process.version, args: process.argv.slice(2), pool: process.env.UV_THREADPOOL_SIZE, cwd: process.cwd() }';
  writeFileSync(join(home, 'main.ts'), `const said: object = ${says};\nconsole.log(JSON.stringify(said));\n`);
});
afterAll(() => rmSync(folder, { recursive: true }));

/** An environment in which no Node.js is to be found. */
const BARE = { PATH: '/usr/bin:/bin' };

describe('bin/heliograph', () => {
  it('runs main.ts on the Node.js of node_modules, from any folder and through links', () => {
    const links = join(folder, 'links');
    mkdirSync(links);
    symlinkSync(join(home, 'bin/heliograph'), join(folder, 'absolute'));
    symlinkSync('../a project/bin/heliograph', join(links, 'relative'));
    symlinkSync('relative', join(links, 'twice'));
    for (const path of [join(home, 'bin/heliograph'), join(folder, 'absolute'), join(links, 'twice')]) {
      const out = execFileSync(path, ['send', '--text', 'two words'], { cwd: '/', env: BARE, encoding: 'utf8' });
      expect(JSON.parse(out)).toEqual({
        version: process.version,
        args: ['send', '--text', 'two words'],
        pool: '8',
        cwd: '/',
      });
    }
  });

  it('leaves the size of the thread pool to whoever sets it', () => {
    const env = { ...BARE, UV_THREADPOOL_SIZE: '16' };
    expect(JSON.parse(execFileSync(join(home, 'bin/heliograph'), { env, encoding: 'utf8' }))).toMatchObject({
      pool: '16',
    });
  });

  it('says what to do when the Node.js of node_modules is missing', () => {
    const empty = join(folder, 'empty');
    cpSync(join(project, 'bin'), join(empty, 'bin'), { recursive: true });
    const launched = spawnSync(join(empty, 'bin/heliograph'), ['status'], { env: BARE, encoding: 'utf8' });
    expect([launched.status, launched.stdout]).toEqual([1, '']);
    expect(launched.stderr).toBe(
      `heliograph: ${empty}/node_modules/node/bin/node is missing: run 'npm ci' in ${empty} first\n`,
    );
    const checked = spawnSync('sh', [join(empty, 'bin/check-node')], { env: BARE, encoding: 'utf8' });
    expect(checked.status).toBe(1);
    expect(checked.stderr).toMatch(/^heliograph: node_modules has no Node\.js 24: run npm ci .*\n$/);
    expect(spawnSync('sh', [join(home, 'bin/check-node')], { env: BARE }).status).toBe(0);
  });
});

describe('sizeThreadPool', () => {
  it('takes effect when main.ts calls it first, also without a launcher', () => {
    const module = new URL('../../../adapters/cli/process.ts', import.meta.url).href;
    const script = join(dirname(home), 'pool.ts');
    // Eight jobs at once: as many threads of the pool as there are beside those of Node.js itself.
    writeFileSync(
      script,
      `import { scrypt } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { sizeThreadPool } from '${module}';
const threads = () => Number(/Threads:\\s+(\\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))![1]);
if (process.argv[2] === 'sized') sizeThreadPool(process.env);
const before = threads();
scrypt('a', 'b', 32, () => console.log(threads() - before));
`,
    );
    const added = (...args: string[]): number =>
      Number(execFileSync(process.execPath, [script, ...args], { env: BARE, encoding: 'utf8' }));
    expect([added(), added('sized')]).toEqual([4, 8]);
  });
});
