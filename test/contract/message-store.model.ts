import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readBatch } from '../../actors/message/batch.ts';
import { batchNumberOf, messageId, type MessageId } from '../../actors/message/id.ts';
import { Fate, What } from '../../actors/message/ledger.ts';
import { batchOf } from '../support/archive-items.ts';
import {
  Bench,
  claimed,
  frame,
  heldAs,
  heldBack,
  parkedUntil,
  receiptFor,
  RELEASED,
  reroutedTo,
  sent,
  SENT,
  sentAs,
  type Engine,
  type Got,
  type Told,
} from './engine.ts';

/** A message as the model has it. */
interface Modelled {
  readonly id: MessageId;
  text: string;
  readonly account: string;
  readonly lane: number;
  destination: string;
  /** `held`: claimed by the bench's claimant. `whole`: as awaiting, and it may go elsewhere after its receipt. `gone`: the store owes nothing about it any more. */
  standing: 'ready' | 'held' | 'parked' | 'awaiting' | 'whole' | 'final' | 'gone';
  attempts: number;
  carrierId: string;
  /** The archive has its row; its receipt too. */
  row: boolean;
  receipted: boolean;
  fate: Fate;
}

const DESTINATIONS = ['a', 'b', 'c'] as const;
const FAR_AWAY = 9e12;

type Op =
  | { readonly type: 'append'; readonly messages: readonly Choice[]; readonly take: boolean }
  | { readonly type: 'claim'; readonly destination: number; readonly max: number }
  | { readonly type: 'tell'; readonly fates: readonly number[] }
  | { readonly type: 'receipts'; readonly every: number }
  | { readonly type: 'cancel' | 'amend'; readonly which: number }
  | { readonly type: 'archive'; readonly works: boolean }
  | { readonly type: 'crash' | 'reopen' };

interface Choice {
  readonly destination: number;
  readonly account: number;
  readonly lane: number;
}

const choice: fc.Arbitrary<Choice> = fc.record({
  destination: fc.nat(2),
  account: fc.nat(2),
  lane: fc.nat(3),
});
const op: fc.Arbitrary<Op> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      type: fc.constant('append' as const),
      messages: fc.array(choice, { minLength: 1, maxLength: 40, size: 'max' }),
      take: fc.boolean(),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      type: fc.constant('claim' as const),
      destination: fc.nat(2),
      max: fc.integer({ min: 1, max: 60 }),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      type: fc.constant('tell' as const),
      fates: fc.array(fc.nat(6), { minLength: 1, maxLength: 20 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ type: fc.constant('receipts' as const), every: fc.integer({ min: 1, max: 4 }) }),
  },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('cancel' as const), which: fc.nat(1000) }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('amend' as const), which: fc.nat(1000) }) },
  { weight: 3, arbitrary: fc.record({ type: fc.constant('archive' as const), works: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('crash' as const) }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('reopen' as const) }) },
);

/** The store against the simplest thing that could be one. */
class Model {
  readonly bench: Bench;
  readonly messages = new Map<MessageId, Modelled>();
  #carrierIds = 0;

  constructor(bench: Bench) {
    this.bench = bench;
  }

  async run(step: Op): Promise<void> {
    switch (step.type) {
      case 'append':
        return this.#append(step.messages, step.take);
      case 'claim':
        return this.#claim(DESTINATIONS[step.destination]!, step.max);
      case 'tell':
        return this.#tell(step.fates);
      case 'receipts':
        return this.#receipts(step.every);
      case 'cancel':
        return this.#cancel(step.which);
      case 'amend':
        return this.#amend(step.which);
      case 'archive':
        return this.#archive(step.works);
      case 'crash':
        this.bench.crash();
        return this.#dropClaims();
      case 'reopen':
        await this.bench.reopen();
        this.#dropClaims();
        return this.compareAll();
    }
  }

  /** Every message, the counts, and every correlation. */
  async compareAll(): Promise<void> {
    const { store } = this.bench;
    for (const m of this.messages.values()) {
      const found = await store.find(m.id);
      if (m.standing === 'gone') {
        if (found) expect(found.fate).toBe(m.fate);
        continue;
      }
      expect(found, m.text).toMatchObject({
        account: m.account,
        destination: m.destination,
        fate: m.fate,
        attempts: m.attempts,
        claimed: m.standing === 'held',
        dueAt: m.standing === 'parked' ? FAR_AWAY : 0,
      });
      if (!m.row) expect(Buffer.from(found!.record).includes(m.text)).toBe(true);
    }
    const stats = await store.stats();
    expect(stats.awaitingReceipt).toBe(this.#with('awaiting').length + this.#with('whole').length);
    for (const destination of DESTINATIONS) {
      const count = (standing: Modelled['standing']): number =>
        this.#with(standing).filter(m => m.destination === destination).length;
      const queue = stats.queues.find(own => own.destination === destination);
      expect([queue?.ready ?? 0, queue?.claimed ?? 0, queue?.parked ?? 0], destination).toEqual([
        count('ready'),
        count('held'),
        count('parked'),
      ]);
    }
    const awaiting = [...this.#with('awaiting'), ...this.#with('whole')];
    const found = await store.correlate(
      'carrier',
      awaiting.map(m => m.carrierId),
    );
    expect([...found.ids]).toEqual(awaiting.map(m => m.id));
    const held = found.held ?? new Uint32Array(awaiting.length);
    expect([...held].map(version => version !== 0)).toEqual(awaiting.map(m => m.standing === 'whole'));
  }

  #with(standing: Modelled['standing']): Modelled[] {
    return [...this.messages.values()].filter(m => m.standing === standing);
  }

  #dropClaims(): void {
    for (const m of this.#with('held')) m.standing = 'ready';
  }

  async #append(choices: readonly Choice[], take: boolean): Promise<void> {
    const { store, clock } = this.bench;
    const number = await store.allocate(1);
    const messages = choices.map((c, i) =>
      sent(`${number}:${i}`, { destination: DESTINATIONS[c.destination]!, account: `acc${c.account}`, lane: c.lane }),
    );
    const waiting = new Set(this.#with('ready').map(m => m.destination));
    const taken = take ? ['a', 'b'] : [];
    const batch = batchOf(number, clock.nowMs(), messages);
    const outcome = await store.append({ batch, take: taken, ledger: [], exempt: false });
    expect(outcome.type).toBe('done');
    messages.forEach((m, i) => {
      const destination = m.destination!;
      const isOurs = taken.includes(destination) && !waiting.has(destination);
      const id = messageId(number, i);
      this.messages.set(id, {
        id,
        text: m.text,
        account: m.account!,
        lane: m.lane!,
        destination,
        standing: isOurs ? 'held' : 'ready',
        attempts: 0,
        carrierId: '',
        row: false,
        receipted: false,
        fate: Fate.queued,
      });
    });
  }

  async #claim(destination: string, max: number): Promise<void> {
    const ready = this.#with('ready').filter(m => m.destination === destination);
    const got = await claimed(this.bench.store, destination, max);
    expect(got.length).toBe(Math.min(max, ready.length));
    for (const one of got) {
      const m = this.messages.get(one.id)!;
      expect([m.standing, m.text, m.account, m.lane, m.attempts, m.destination]).toEqual([
        'ready',
        one.text,
        one.account,
        one.lane,
        one.attempts,
        destination,
      ]);
      m.standing = 'held';
    }
    const left = ready.filter(m => m.standing === 'ready');
    for (const one of got) this.#expectInOrder(one, left);
  }

  /** Nothing that is left should have gone before what was claimed. */
  #expectInOrder(one: Got, left: readonly Modelled[]): void {
    const before = left.find(
      m => m.lane > one.lane || (m.lane === one.lane && m.account === one.account && m.id < one.id),
    );
    expect(before, `left behind by ${one.text}`).toBeUndefined();
  }

  async #tell(fates: readonly number[]): Promise<void> {
    const held = this.#with('held').filter((_, i) => i % 3 !== 2);
    const told = held.map((m, i): readonly [Modelled, Told] => [m, this.#fate(m, fates[i % fates.length]!)]);
    const byDestination = Map.groupBy(told, ([, { what, awaitsReceipt }]) =>
      what === What.settled && awaitsReceipt ? 'carrier' : 'any',
    );
    await this.bench.store.settle(
      [...byDestination].map(([destination, own]) =>
        frame(
          destination,
          own.map(([m, t]) => [m.id, t] as const),
        ),
      ),
    );
  }

  #fate(m: Modelled, fate: number): Told {
    switch (fate) {
      case 0:
      case 1: {
        m.standing = fate === 0 ? 'awaiting' : 'whole';
        m.fate = Fate.sent;
        m.carrierId = (++this.#carrierIds).toString(16).toUpperCase();
        m.attempts++;
        return { ...(fate === 0 ? sentAs(m.carrierId) : heldAs(m.carrierId)), attempts: m.attempts };
      }
      case 2:
        m.standing = 'final';
        m.fate = Fate.sent;
        m.attempts++;
        return { ...SENT, attempts: m.attempts };
      case 3:
        m.standing = 'final';
        m.fate = Fate.undeliverable;
        m.attempts++;
        return { what: What.settled, fate: Fate.undeliverable, attempts: m.attempts };
      case 4:
        m.standing = 'parked';
        m.attempts++;
        return parkedUntil(FAR_AWAY, m.attempts);
      case 5:
        m.standing = 'ready';
        return RELEASED;
      default:
        m.standing = 'ready';
        m.destination = nextTo(m.destination);
        m.attempts++;
        return { ...reroutedTo(m.destination), attempts: m.attempts };
    }
  }

  async #receipts(every: number): Promise<void> {
    const whole = this.#with('whole');
    const elsewhere = whole.filter((_, i) => i % every === 0 && i % 2 === 0);
    const some = [...this.#with('awaiting'), ...whole].filter((m, i) => i % every === 0 && !elsewhere.includes(m));
    await this.bench.store.settle([
      frame('carrier', [
        ...some.map(m => [m.id, receiptFor(`0${m.carrierId.toLowerCase()}`)] as const),
        ...elsewhere.flatMap(m => [
          [m.id, heldBack(m.carrierId)] as const,
          [m.id, reroutedTo(nextTo(m.destination))] as const,
        ]),
      ]),
    ]);
    for (const m of elsewhere) {
      m.standing = 'ready';
      m.destination = nextTo(m.destination);
      m.fate = Fate.queued;
      m.attempts = 0;
    }
    for (const m of some) {
      m.standing = 'final';
      m.fate = Fate.delivered;
    }
  }

  async #cancel(which: number): Promise<void> {
    const all = [...this.messages.values()];
    const m = all[which % Math.max(1, all.length)];
    if (!m) return;
    const isWaiting = m.standing === 'ready' || m.standing === 'parked';
    const outcome = await this.bench.store.cancel(m.id);
    if (m.standing === 'gone') expect(['unknown', 'final']).toContain(outcome);
    else expect(outcome).toBe(isWaiting ? 'done' : m.standing === 'held' ? 'in-flight' : 'final');
    if (!isWaiting) return;
    m.standing = 'final';
    m.fate = Fate.deleted;
  }

  async #amend(which: number): Promise<void> {
    const all = [...this.messages.values()];
    const m = all[which % Math.max(1, all.length)];
    if (!m) return;
    const text = `${m.text}+`;
    const { buffer, offsets } = readBatch(batchOf(16, 1, [sent(text)]), false);
    const outcome = await this.bench.store.amend(m.id, buffer.subarray(offsets[0], buffer.readUInt32LE(36)));
    if (m.standing === 'gone') expect(['unknown', 'final']).toContain(outcome);
    else if (m.standing === 'held') expect(outcome).toBe('in-flight');
    else if (m.standing !== 'ready' && m.standing !== 'parked') expect(outcome).toBe('final');
    else {
      expect(outcome).toBe('done');
      m.text = text;
    }
  }

  async #archive(works: boolean): Promise<void> {
    const { store } = this.bench;
    const items = await store.outbox(100_000);
    const due = [...this.messages.values()].filter(
      m => (m.standing === 'final' && (!m.row || !m.receipted)) || (m.standing === 'awaiting' && !m.row),
    );
    const given = items.flatMap(item => [...item.due].flatMap((bit, i) => (bit ? [messageId(item.number, i)] : [])));
    expect(given.toSorted((a, b) => a - b)).toEqual(due.map(m => m.id).toSorted((a, b) => a - b));
    if (!works) return store.outboxFailed(items.map(item => item.number));
    await store.archived(items.map(item => ({ number: item.number, due: item.due })));
    for (const m of due) {
      m.row = true;
      if (m.standing === 'awaiting') continue;
      m.receipted = true;
      m.standing = 'gone';
    }
    const left = new Set([...this.messages.values()].filter(m => m.standing !== 'gone').map(m => batchNumberOf(m.id)));
    expect((await store.stats()).batches).toBe(left.size);
    return undefined;
  }
}

const nextTo = (destination: string): string => DESTINATIONS[(DESTINATIONS.indexOf(destination as 'a') + 1) % 3]!;

/** Random operations against a model, the store reopened in between: what it says before is what it says afterwards. */
export function messageStoreModel(name: string, makeEngine: () => Engine, runs: number): void {
  describe(`MessageStore: ${name} against a model`, () => {
    test('every message stands where it should after every step', async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(op, { minLength: 1, maxLength: 60, size: 'max' }), async steps => {
          const bench = await Bench.open(makeEngine(), { maxQueued: 1_000_000 });
          try {
            const model = new Model(bench);
            for (const step of steps) await model.run(step);
            await model.compareAll();
            await model.run({ type: 'reopen' });
            expect(bench.alarms).toEqual([]);
          } finally {
            await bench.remove();
          }
        }),
        { numRuns: runs },
      );
    });
  });
}
