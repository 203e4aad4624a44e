import {
  cpSync,
  mkdtempSync,
  openSync,
  closeSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { BLOCK, JournalSegment, type KeyValue } from '../../../../adapters/store-lmdb/journal-segment.ts';
import { numberKey, Tag } from '../../../../actors/store/keys.ts';
import { ValueStore } from '../../../../adapters/store-lmdb/value-store.ts';
import { seeded } from '../../../support/flip.ts';

let folder: string;
let alarms: string[];
let opened: ValueStore[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'heliograph-values-'));
  alarms = [];
  opened = [];
});
afterEach(async () => {
  for (const store of opened) await store.close();
  rmSync(folder, { recursive: true, force: true });
});

function open(at = join(folder, 's')): ValueStore {
  const store = new ValueStore(at, 0, line => alarms.push(line));
  opened.push(store);
  return store;
}

/** What a process that is killed now leaves, opened. */
function crashed(name: string): ValueStore {
  cpSync(join(folder, 's'), join(folder, name), { recursive: true });
  return open(join(folder, name));
}

const key = (number: number): Buffer => numberKey(Tag.batch, number);
const put = (number: number, text: string): KeyValue => [key(number), Buffer.from(text)];
const gone = (number: number): KeyValue => [key(number), undefined];
const text = (store: ValueStore, number: number): string | undefined => store.get(key(number))?.toString();

/** Writes into the place of octets of a file. */
function poke(path: string, at: number, bytes: Buffer): void {
  const fd = openSync(path, 'r+');
  writeSync(fd, bytes, 0, bytes.length, at);
  closeSync(fd);
}

describe('the values of a stripe', () => {
  test('a commit is there at once, after a crash and after a stop', async () => {
    const store = open();
    store.commit([put(1, 'one'), put(2, 'two')]);
    store.commit([put(2, 'two again'), gone(1), put(3, 'three')]);
    for (const one of [store, crashed('crash')]) {
      expect([1, 2, 3].map(n => text(one, n))).toEqual([undefined, 'two again', 'three']);
    }
    await opened.shift()!.close();
    const again = open();
    expect([1, 2, 3].map(n => text(again, n))).toEqual([undefined, 'two again', 'three']);
    expect(alarms).toEqual([]);
  });

  test('what came and went within a segment never reaches LMDB', async () => {
    const store = open();
    store.commit([put(1, 'one'), put(2, 'two')]);
    store.commit([gone(1)]);
    await opened.shift()!.close();
    const { db } = open();
    expect([...db.getKeys({})].map(k => Buffer.from(k))).toEqual([key(2)]);
  });

  test('what goes while the next segment fills never reaches LMDB, and what stays is there before that one is full', async () => {
    const store = open();
    const value = 'v'.repeat(60_000);
    const segment = statSync(join(folder, 's', 'journal-0')).size;
    const fill = Math.floor(segment / 64e3);
    let written = 0;
    // Each goes as many commits later as half a segment has, but for one in ten.
    const commit = (): void => {
      written++;
      const old = written - Math.floor(fill / 2);
      store.commit(old > 0 && old % 10 !== 0 ? [put(written, value), gone(old)] : [put(written, value)]);
    };
    for (let i = 0; i < fill * 1.4; i++) {
      commit();
      expect(store.hasSteps).toBe(false);
    }
    let steps = 0;
    let longest = 0;
    for (let i = 0; i < fill * 0.5; i++) {
      commit();
      let atOnce = 0;
      for (; store.hasSteps; atOnce++) store.step();
      steps += atOnce;
      longest = Math.max(longest, atOnce);
    }
    // In small pieces, all the while.
    expect(steps).toBeGreaterThan(20);
    expect(longest).toBeLessThan(4);
    expect([...store.db.getKeys({})].length).toBeLessThan(fill / 5);
    for (let n = 1; n < written - fill; n++) expect(text(store, n)).toBe(n % 10 === 0 ? value : undefined);
  });

  test('segments of which nothing is left follow each other, and there is nothing to do for them', async () => {
    const store = open();
    const value = 'v'.repeat(60_000);
    const fill = Math.floor(statSync(join(folder, 's', 'journal-0')).size / 64e3);
    for (let n = 1; n < fill * 3; n++) {
      store.commit([put(n, value)]);
      store.commit([gone(n)]);
      let steps = 0;
      for (; store.hasSteps && steps < 10; steps++) store.step();
      expect(steps).toBeLessThan(10);
    }
    expect([...store.db.getKeys({})]).toEqual([]);
    await opened.shift()!.close();
    expect([...open().db.getKeys({})]).toEqual([]);
  });

  test('room that was taken ahead is flushed between the commits', () => {
    const store = open();
    expect(store.hasRoom([], 0)).toBe(true);
    expect(store.hasSteps).toBe(false);
    expect(store.hasRoom([], 4 * 1024 * 1024)).toBe(true);
    expect(store.hasSteps).toBe(true);
    store.step();
    expect(store.hasSteps).toBe(false);
  });

  test('many segments later everything is as it was said last, also after crashes', () => {
    const random = seeded(5);
    const store = open();
    const expected = new Map<number, string>();
    let octets = 0;
    for (let round = 0, crashes = 0; octets < 60e6; round++) {
      const writes: KeyValue[] = [];
      const touched = new Set<number>();
      for (let i = 0; i < 40; i++) {
        const number = random(2000);
        if (touched.has(number)) continue;
        touched.add(number);
        if (random(3) === 0) {
          writes.push(gone(number));
          expected.delete(number);
          continue;
        }
        const value = `${round}:${number}:`.padEnd(10 + random(8000), 'x');
        writes.push(put(number, value));
        expected.set(number, value);
        octets += value.length;
      }
      expect(store.hasRoom(writes, 0)).toBe(true);
      store.commit(writes);
      if (random(2) === 0) store.step();
      if (octets < (crashes + 1) * 7e6) continue;
      const name = `crash${crashes++}`;
      const other = crashed(name);
      for (let n = 0; n < 2000; n++)
        if (text(other, n) !== expected.get(n)) expect(text(other, n)).toBe(expected.get(n));
    }
    for (let n = 0; n < 2000; n++) expect(text(store, n)).toBe(expected.get(n));
    expect(alarms).toEqual([]);
  });

  test('a commit that no segment holds goes to LMDB, with everything before it', () => {
    const store = open();
    store.commit([put(1, 'before'), put(2, 'small')]);
    const large = 'L'.repeat(9e6);
    store.commit([put(1, 'after'), put(3, large)]);
    expect(text(crashed('a'), 1)).toBe('after');
    store.commit([put(2, 'later')]);
    for (const one of [store, crashed('b')]) {
      expect(text(one, 1)).toBe('after');
      expect(text(one, 2)).toBe('later');
      expect(text(one, 3)).toBe(large);
    }
  });

  test('the last commit, torn, was never told to anybody: nothing of it is there, and nothing is said', () => {
    const store = open();
    store.commit([put(1, 'one')]);
    store.commit([put(1, 'torn'), put(2, 'x'.repeat(3 * BLOCK))]);
    cpSync(join(folder, 's'), join(folder, 'torn'), { recursive: true });
    poke(join(folder, 'torn', 'journal-0'), 4 * BLOCK, Buffer.alloc(BLOCK));
    const other = open(join(folder, 'torn'));
    expect([text(other, 1), text(other, 2)]).toEqual(['one', undefined]);
    expect(alarms).toEqual([]);
  });

  test('a damaged head of a commit is named, and what came after it counts', () => {
    const store = open();
    for (let n = 1; n <= 3; n++) store.commit([put(n, `text ${n}`)]);
    cpSync(join(folder, 's'), join(folder, 'd'), { recursive: true });
    poke(join(folder, 'd', 'journal-0'), 2 * BLOCK + 9, Buffer.of(0xff));
    const other = open(join(folder, 'd'));
    expect([1, 2, 3].map(n => text(other, n))).toEqual(['text 1', undefined, 'text 3']);
    expect(alarms).toEqual([`store d: journal-0: 1 commits before octet ${3 * BLOCK} are damaged`]);
  });

  test('a damaged value of a commit is named and given, for its own checksum to find', () => {
    const store = open();
    store.commit([put(1, 'text one')]);
    store.commit([put(2, 'text two')]);
    cpSync(join(folder, 's'), join(folder, 'd'), { recursive: true });
    const path = join(folder, 'd', 'journal-0');
    poke(path, readFileSync(path).indexOf('text one'), Buffer.from('TEXT'));
    const other = open(join(folder, 'd'));
    expect([text(other, 1), text(other, 2)]).toEqual(['TEXT one', 'text two']);
    expect(alarms).toEqual([`store d: journal-0: a value of the commit at octet ${BLOCK} is damaged`]);
  });

  test('a damaged first block is named; the commits are found all the same', () => {
    const store = open();
    store.commit([put(1, 'one')]);
    cpSync(join(folder, 's'), join(folder, 'd'), { recursive: true });
    poke(join(folder, 'd', 'journal-0'), 0, Buffer.alloc(BLOCK));
    expect(text(open(join(folder, 'd')), 1)).toBe('one');
    expect(alarms).toEqual(['store d: journal-0: its first block is damaged']);
  });

  test('an older life in the file is not taken for this one', async () => {
    const store = open();
    for (let n = 1; n <= 5; n++) store.commit([put(n, 'old')]);
    await opened.shift()!.close();
    const again = open();
    again.commit([gone(1), put(2, 'new')]);
    const other = crashed('c');
    expect([1, 2, 3].map(n => text(other, n))).toEqual([undefined, 'new', 'old']);
    expect(alarms).toEqual([]);
  });
});

describe('a journal segment', () => {
  test('its octets are as its docstring says', () => {
    const path = join(folder, 'j');
    const segment = JournalSegment.open(path, 16 * BLOCK)!;
    segment.begin(7, 3);
    segment.append(
      [
        [Buffer.from('k'), Buffer.from('value')],
        [Buffer.from('gone'), undefined],
      ],
      Buffer.alloc(BLOCK),
      () => undefined,
    );
    segment.close();
    const bytes = readFileSync(path);
    expect(bytes.length).toBe(16 * BLOCK);
    expect(bytes.toString('latin1', 0, 4)).toBe('HGJ1');
    expect(bytes.subarray(8, 20).toString('hex')).toBe('0000000000001c4003000000');
    const record = bytes.subarray(BLOCK);
    expect(record.toString('latin1', 0, 4)).toBe('HGR1');
    expect(record.subarray(8, 32).toString('hex')).toBe('0000000000001c400300000000000000020000000a000000');
    expect(record.subarray(36, 52).toString('hex')).toBe('000000000100050000000400ffffffff');
    expect(record.toString('latin1', 52, 62)).toBe('kvaluegone');
    // CRC-32 of "kvaluegone", as any implementation gives it.
    expect(record.readUInt32LE(32)).toBe(KVALUEGONE_CRC);
  });

  test('a file that is there is used at the length it has', () => {
    const path = join(folder, 'j');
    writeFileSync(path, Buffer.alloc(3 * BLOCK + 17));
    const segment = JournalSegment.open(path, 16 * BLOCK)!;
    expect(segment.capacity).toBe(3 * BLOCK);
    expect(statSync(path).size).toBe(3 * BLOCK + 17);
    segment.close();
  });
});

const KVALUEGONE_CRC = 0x30825f0c;
