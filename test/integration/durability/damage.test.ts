import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { checkPages } from '../../../adapters/store-lmdb/page-check.ts';
import { Bench } from '../../contract/engine.ts';
import { lmdbEngine } from '../../contract/fixtures/lmdb-engine.ts';
import { flipBits, flipTreeBits, seeded, zeroPages } from '../../support/flip.ts';
import { CONFIG, fill, type Holding, type Outcome } from './fixtures/damaged-store.ts';

const MAIN = fileURLToPath(new URL('./fixtures/damaged-main.ts', import.meta.url));

/** A process that opens damaged stores, since LMDB may end the process that opens one. */
class Opener {
  readonly #child: ChildProcessWithoutNullStreams = spawn(process.execPath, [MAIN], { stdio: 'pipe' });
  readonly #lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  #errors = '';

  constructor() {
    this.#child.stderr.setEncoding('utf8').on('data', (text: string) => (this.#errors += text));
  }

  async open(folder: string): Promise<Outcome | { readonly failed: string }> {
    this.#child.stdin.write(`${folder}\n`);
    const line = await this.#lines.next();
    if (line.done) throw new Error(`the process ended (${this.#child.signalCode}): ${this.#errors}`);
    return JSON.parse(line.value) as Outcome;
  }

  end(): void {
    this.#child.stdin.end();
  }
}

interface Damage {
  readonly outcome: Outcome;
  readonly got: ReadonlyMap<number, string>;
  readonly alarms: string;
  /** Messages that waited and did not come. */
  readonly lost: readonly number[];
}

const named = ({ alarms, lost }: Damage): boolean => lost.every(id => alarms.includes(`batch ${Math.floor(id / 256)}`));

describe('a damaged store', () => {
  const folder = mkdtempSync(join(tmpdir(), 'heliograph-damage-'));
  const good = join(folder, 'good');
  const opener = new Opener();
  let held: Holding;

  beforeAll(async () => {
    const bench = await Bench.open(lmdbEngine(good));
    held = await fill(bench, 120, seeded(7));
    // The second close leaves no trace of the first: what is damaged is a store at rest.
    await bench.reopen();
    await bench.reopen();
  });
  afterAll(() => {
    opener.end();
    rmSync(folder, { recursive: true, force: true });
  });

  /** Damages a copy, opens it, and checks what must hold whatever the damage is. */
  async function damaged(harm: (file: string) => unknown): Promise<Damage> {
    const copy = join(folder, 'copy');
    for (const name of readdirSync(folder)) {
      if (name.startsWith('copy')) rmSync(join(folder, name), { recursive: true });
    }
    mkdirSync(copy);
    const file = join(copy, 'data.mdb');
    copyFileSync(join(good, 'data.mdb'), file);
    const where = JSON.stringify(harm(file));
    const outcome = await opener.open(copy);
    if ('failed' in outcome) throw new Error(`${outcome.failed} after ${where}`);
    const got = new Map(Object.entries(outcome.texts).map(([id, text]) => [Number(id), text]));
    const alarms = outcome.alarms.join('\n');
    for (const [id, text] of got) {
      const waited = held.waiting[Math.floor(id / 256)]?.[id % 256];
      // What is settled may come again when its ledger is lost, but never with a text that is not its own.
      const isRight = waited === undefined ? held.texts[id] === text && alarms !== '' : waited === text;
      if (!isRight) throw new Error(`message ${id} came as "${text}" after ${where}`);
    }
    const lost: number[] = [];
    for (const [number, texts] of Object.entries(held.waiting)) {
      for (const index of Object.keys(texts)) {
        const id = Number(number) * 256 + Number(index);
        if (!got.has(id)) lost.push(id);
      }
    }
    return { outcome, got, alarms, lost };
  }

  test('one that is not damaged gives all it has, without a word', async () => {
    const { outcome, lost } = await damaged(() => undefined);
    expect(outcome.alarms).toEqual([]);
    expect(lost).toEqual([]);
    expect(outcome.config).toBe(CONFIG.join('|'));
    expect(checkPages(join(good, 'data.mdb')).damage).toEqual([]);
  });

  test('40 flipped bits, 40 times: no wrong text, each loss is named, the rest comes', async () => {
    const random = seeded(1);
    let lost = 0;
    for (let round = 0; round < 40; round++) {
      const damage = await damaged(file => flipBits(file, 40, random));
      expect(named(damage), damage.alarms).toBe(true);
      lost += damage.lost.length;
    }
    const waited = Object.values(held.waiting).reduce((sum, texts) => sum + Object.keys(texts).length, 0);
    expect(lost / 40 / waited).toBeLessThan(0.8);
  });

  test('bits of the trees and the meta pages, 60 times: next to nothing is lost', async () => {
    const random = seeded(2);
    let lost = 0;
    for (let round = 0; round < 60; round++) {
      const damage = await damaged(file => flipTreeBits(file, 1 + random(10), random));
      expect(named(damage), damage.alarms).toBe(true);
      lost += damage.lost.length;
    }
    const waited = Object.values(held.waiting).reduce((sum, texts) => sum + Object.keys(texts).length, 0);
    expect(lost / 60 / waited).toBeLessThan(0.02);
  });

  test('zeroed pages, 20 times', async () => {
    const random = seeded(3);
    for (let round = 0; round < 20; round++) {
      const damage = await damaged(file => zeroPages(file, 1 + random(5), random));
      expect(named(damage), damage.alarms).toBe(true);
    }
  });

  test('a file that is cut short, 20 times', async () => {
    const random = seeded(4);
    const { size } = statSync(join(good, 'data.mdb'));
    for (let round = 0; round < 20; round++) {
      const damage = await damaged(file => truncateSync(file, random(size)));
      // The end of the file may be room that nothing has used yet: then nothing is lost either.
      if (damage.lost.length > 0) expect(damage.outcome.alarms.length).toBeGreaterThan(0);
    }
  });

  test('both meta pages gone: the entries are found all the same', async () => {
    const { lost, alarms } = await damaged(file => {
      const bytes = readFileSync(file);
      bytes.fill(0, 0, 8192);
      writeFileSync(file, bytes);
    });
    expect(alarms).toMatch(/entries are taken over/);
    expect(lost).toEqual([]);
  });

  test('the damaged file is kept beside the new one, and the next start finds nothing to say', async () => {
    const damage = await damaged(file => {
      const bytes = readFileSync(file);
      bytes.fill(0, 4096, 8192);
      writeFileSync(file, bytes);
    });
    const kept = /kept in (\S+)/.exec(damage.alarms)![1]!;
    expect(checkPages(join(folder, kept, 'data.mdb')).damage.length).toBeGreaterThan(0);
    const again = (await opener.open(join(folder, 'copy'))) as Outcome;
    expect(again.alarms).toEqual([]);
    expect(again.texts).toEqual({});
  });
});
