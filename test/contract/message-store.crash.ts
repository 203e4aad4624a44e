import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { messageId, STRIPE_LIMIT } from '../../actors/message/id.ts';
import { Fate } from '../../actors/message/ledger.ts';
import { appendAs, claimed, frame, sent, SENT, systemTestClock, type Engine } from './engine.ts';

const WRITER = fileURLToPath(new URL('./fixtures/crash-writer.ts', import.meta.url));

/** What a killed writer was told is durable. */
interface Promised {
  readonly lines: number;
  /** Batch numbers that were its own. */
  readonly numbers: Set<number>;
  /** By message id: its text. */
  readonly accepted: Map<number, string>;
  /** By message id: `s` settled, `p` parked, else the carrier's id. */
  readonly told: Map<number, string>;
  /** Messages whose rows the archive has: they may be gone. */
  readonly archived: Set<number>;
}

/** Lets a writer work the store until it is killed in the middle of it. */
async function killedWriter(module: string, folder: string, seed: number, afterMs: number): Promise<Promised> {
  const child = spawn(process.execPath, [WRITER, module, folder, String(seed)], { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text));
  const ended = new Promise<void>(resolve => child.once('close', () => resolve()));
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    if (output === '') setTimeout(() => child.kill('SIGKILL'), afterMs);
    output += text;
  });
  await ended;
  expect(errors).toBe('');
  // What stands after the last line end was not said.
  return promisesOf(output.slice(0, output.lastIndexOf('\n')).split('\n'));
}

function promisesOf(lines: readonly string[]): Promised {
  const promised: Promised = {
    lines: lines.length,
    numbers: new Set(),
    accepted: new Map(),
    told: new Map(),
    archived: new Set(),
  };
  for (const line of lines) {
    const [what, ...words] = line.split(' ');
    if (what === 'n') {
      for (let i = 0; i < Number(words[1]); i++) promised.numbers.add(Number(words[0]) + i * STRIPE_LIMIT);
    } else if (what === 'a') {
      const number = Number(words[0]);
      const filler = 'x'.repeat(Number(words[2]));
      for (let i = 0; i < Number(words[1]); i++)
        promised.accepted.set(messageId(number, i), `${number}:${i}:${filler}`);
    } else if (what === 's') {
      for (const word of words) promised.told.set(Number(word.split('=')[0]), word.split('=')[1]!);
    } else if (what === 'o') {
      for (const word of words.filter(Boolean)) {
        const [number, due] = word.split(':');
        for (let i = 0; i < due!.length; i++) {
          if (due![i] === '1') promised.archived.add(messageId(Number(number), i));
        }
      }
    }
  }
  return promised;
}

/**
 * A process that works the store is killed at random moments, many times: nothing that it was told is durable is lost,
 * nothing is invented, nothing settled comes back, and no batch number is given twice.
 *
 * @param module exports the engine as `engineIn(place)`
 */
export function messageStoreCrashes(
  name: string,
  module: string,
  makeEngine: (folder: string) => Engine,
  makeFolder: () => string,
  rounds: number,
): void {
  describe(`MessageStore: ${name}, killed`, () => {
    test(`${rounds} times in the middle of it`, async () => {
      const folder = makeFolder();
      const engine = makeEngine(folder);
      const used = new Set<number>();
      let messages = 0;
      for (let round = 0; round < rounds; round++) {
        const promised = await killedWriter(module, folder, round + 1, Math.random() * 250);
        messages += promised.accepted.size;
        for (const number of promised.numbers) {
          expect(used.has(number), `number ${number} was given before`).toBe(false);
          used.add(number);
        }
        await inspect(engine, promised, used);
      }
      await engine.remove();
      console.log(`${rounds} kills, ${messages} messages acknowledged`);
      expect(messages).toBeGreaterThan(rounds * 100);
    }, 120_000);
  });
}

async function inspect(engine: Engine, promised: Promised, used: ReadonlySet<number>): Promise<void> {
  const { accepted, told, archived } = promised;
  const open = await engine.open({ clock: systemTestClock(), maxQueued: 1e9, lingerMs: 0 });
  const { store } = open.claimant();
  expect(open.alarms).toEqual([]);
  for (const [id, text] of accepted) {
    const found = await store.find(id);
    if (archived.has(id)) {
      if (found) expect(found.fate).not.toBe(Fate.queued);
      continue;
    }
    expect(found, `message ${id} was acknowledged: ${told.get(id)}`).toBeDefined();
    expect(Buffer.from(found!.record).includes(text)).toBe(true);
    const said = told.get(id);
    if (said === undefined) continue;
    if (said === 'p') expect(found!.dueAt).toBe(9e12);
    else expect(found!.fate).toBe(Fate.sent);
    if (said === 'p' || said === 's') continue;
    expect([...(await store.correlate('carrier', [said])).ids]).toEqual([id]);
  }
  const waiting = [...(await claimed(store, 'd0', 1e6)), ...(await claimed(store, 'd1', 1e6))];
  for (const { id, text } of waiting) {
    expect(told.has(id), `message ${id} was settled`).toBe(false);
    // Not acknowledged, perhaps, but nobody else's, and as it was given.
    expect(text).toMatch(new RegExp(`^${Math.floor(id / 256)}:${id % 256}:x*$`));
    expect(used.has(Math.floor(id / 256))).toBe(true);
  }
  // Everything goes, so that the next round begins with little.
  await store.settle([
    frame(
      'd0',
      waiting.map(({ id }) => [id, SENT] as const),
    ),
  ]);
  for (let items = await store.outbox(1e6); items.length > 0; items = await store.outbox(1e6)) {
    await store.archived(items.map(item => ({ number: item.number, due: item.due })));
  }
  const own = await store.allocate(1);
  expect(used.has(own)).toBe(false);
  expect((await appendAs(store, own, Date.now(), [sent(`${own}:0:`)], ['sink'])).type).toBe('done');
  await store.settle([frame('sink', [[messageId(own, 0), SENT]])]);
  await open.close();
}
