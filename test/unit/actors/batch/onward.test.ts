import { describe, expect, test } from 'vitest';
import { DuplicateFilter } from '../../../../actors/accounts/duplicate-filter.ts';
import { DuplicateTable, duplicateMemory } from '../../../../actors/accounts/duplicate-table.ts';
import { Intake } from '../../../../actors/batch/intake.ts';
import type { IntakeDeps } from '../../../../actors/batch/intake-deps.ts';
import { Source } from '../../../../actors/batch/source.ts';
import { readBatch } from '../../../../actors/message/batch.ts';
import { MessageDraft } from '../../../../actors/message/draft.ts';
import { Fate } from '../../../../actors/message/ledger.ts';
import { ArchiveMode, Kind, R } from '../../../../actors/message/record.ts';
import { compile } from '../../../../actors/routing/compile.ts';
import { CompiledTable } from '../../../../actors/routing/compiled.ts';
import { routingTableOf } from '../../../../adapters/config/routing-table.ts';
import { configurationSchema } from '../../../../adapters/config/schema.ts';

/** What one carrier brings and another is to take. */

interface Taken {
  readonly kind: number;
  readonly hops: number;
  readonly fate: number;
  readonly esmClass: number;
  readonly registered: number;
  readonly destination: string;
  readonly account: string;
}

function scene() {
  const { routes } = configurationSchema.parse({
    routes: [
      { source_smsc: 'a', dest_smsc: 'b' },
      { source_smsc: 'b', dest_smsc: 'a' },
      { source_smsc: 'c', dest_smsc: 'app' },
    ],
  });
  const outcome = compile(routingTableOf(routes, 1));
  if (!outcome.ok) throw new Error(JSON.stringify(outcome.problems));
  const time = { ms: 1_000_000 };
  const looped: string[] = [];
  const taken: Taken[] = [];
  let number = 1;
  const deps = {
    self: { tell: () => true },
    numbers: { take: () => (number += 16) },
    settings: { validityMs: 60_000, validityMaxMs: 60_000, noRouteStatus: 11, hopsMax: 3, hopsMs: 10_000 },
    now: () => time.ms,
    monotonic: () => 0,
    random: () => 0,
    duplicates: new DuplicateFilter(new DuplicateTable(duplicateMemory(1000, () => 0.5)), () => undefined),
    looped: (from: string, to: string) => looped.push(`${from} ${to}`),
    partitions: [0],
    reply: () => undefined,
    commit: (batch: Buffer) => {
      const { buffer, offsets, groups } = readBatch(batch, true);
      for (const at of offsets) {
        const { destination, account } = groups[buffer[at + R.group]!]!;
        taken.push({
          kind: buffer[at + R.kind]!,
          hops: buffer[at + R.hops]!,
          fate: buffer[at + R.fateAtBirth]!,
          esmClass: buffer[at + R.esmClass]!,
          registered: buffer[at + R.registeredDelivery]!,
          destination,
          account,
        });
      }
    },
  } as unknown as IntakeDeps;
  const intake = new Intake(deps);
  intake.receive({ type: 'table', table: new CompiledTable(outcome.memory), senders: new Map() });
  intake.onward.useCarriers(new Set(['a', 'b', 'c']));
  const sources = new Map(
    ['a', 'b', 'c'].map(name => [
      name,
      new Source({ owner: name, sourceSmsc: name, sourceType: 'SMPP' }, Kind.mo, ArchiveMode.full),
    ]),
  );
  const submitter = { accepted: () => undefined, refused: () => undefined, inDoubt: () => undefined };
  const bring = (carrier: string, from: string, to: string, text: string | Buffer, esmClass = 0): Taken => {
    const octets = typeof text === 'string' ? Buffer.from(text) : text;
    const m = new MessageDraft();
    m.buffer = Buffer.concat([Buffer.from(from + to), octets]);
    m.sourceLength = from.length;
    m.destAt = from.length;
    m.destLength = to.length;
    m.textAt = m.tlvsAt = from.length + to.length;
    m.textLength = octets.length;
    m.esmClass = esmClass;
    m.registeredDelivery = 1;
    expect(intake.submit(m, sources.get(carrier)!, submitter, 1)).toBe(0);
    intake.turnEnd();
    intake.ended();
    return taken.at(-1)!;
  };
  return { bring, looped, time };
}

/** Part `i` of 2: a header (3GPP TS 23.040 §9.2.3.24.1) and "A". */
const part = (reference: number, i: number): Buffer => Buffer.from([5, 0, 3, reference, 2, i, 0x41]);

describe('a message that one carrier brings and another is to take', () => {
  test('is sent on as one towards a phone, of the first carrier, without a receipt', () => {
    const { bring } = scene();
    // esm_class 0x48: a header, and an acknowledgement by the recipient (SMPP v3.4 §5.2.12).
    expect(bring('a', '447', '999', Buffer.from([5, 0, 3, 1, 2, 1, 0x41]), 0x48)).toEqual({
      kind: Kind.mt,
      hops: 1,
      fate: 0,
      esmClass: 0x40,
      registered: 0,
      destination: 'b',
      account: 'a',
    });
    // For an application it is what it was.
    expect(bring('c', '447', '999', 'Hello', 0x08)).toMatchObject({
      kind: Kind.mo,
      hops: 0,
      esmClass: 0x08,
      registered: 1,
      destination: 'app',
      account: 'app',
    });
  });

  test('that goes round has a hop more each time, and ends as a dead letter', () => {
    const { bring, looped } = scene();
    expect(['a', 'b', 'a'].map(carrier => bring(carrier, '447', '999', 'Hello').hops)).toEqual([1, 2, 3]);
    expect(bring('b', '447', '999', 'Hello')).toMatchObject({
      kind: Kind.mo,
      fate: Fate.undeliverable,
      destination: '',
      account: 'b',
    });
    expect(looped).toEqual(['b a']);
  });

  test('is known with its numbers exchanged, and in parts of another reference', () => {
    const { bring, looped } = scene();
    expect(bring('a', '447', '999', 'Hello').hops).toBe(1);
    expect(bring('b', '999', '447', 'Hello').hops).toBe(2);
    expect(bring('a', '447', '999', part(1, 1), 0x40).hops).toBe(1);
    expect(bring('a', '447', '999', part(1, 2), 0x40).hops).toBe(1);
    expect(bring('b', '447', '999', part(9, 1), 0x40).hops).toBe(2);
    expect(looped).toEqual([]);
  });

  test('is another when it says something else, or a while later', () => {
    const { bring, time, looped } = scene();
    for (let i = 0; i < 10; i++) {
      expect(bring('a', '447', '999', `Hello ${i}`).hops).toBe(1);
      expect(bring('a', `447${i}`, '999', 'Hello').hops).toBe(1);
    }
    bring('a', '447', '999', 'slow');
    time.ms += 9999;
    expect(bring('b', '447', '999', 'slow').hops).toBe(2);
    // Each time counts from the last: a slow loop is one too.
    time.ms += 9999;
    expect(bring('a', '447', '999', 'slow').hops).toBe(3);
    time.ms += 10_000;
    expect(bring('b', '447', '999', 'slow').hops).toBe(1);
    expect(looped).toEqual([]);
  });
});
