import { describe, expect, test } from 'vitest';
import type { Waiting } from '../../../../actors/batch/batch-actor.ts';
import { NumberSource } from '../../../../actors/batch/number-source.ts';
import { readBatch } from '../../../../actors/message/batch.ts';
import { messageId } from '../../../../actors/message/id.ts';
import { Fate, L, LedgerFlag, nextEntry, What } from '../../../../actors/message/ledger.ts';
import { readReceipt } from '../../../../actors/message/receipt.ts';
import { MessageDraft } from '../../../../actors/message/draft.ts';
import { R, readRecord } from '../../../../actors/message/record.ts';
import type { LedgerFrame } from '../../../../actors/ports.ts';
import { Elsewhere } from '../../../../actors/receipt/elsewhere.ts';
import type { IncomingReceipt } from '../../../../actors/receipt/incoming.ts';
import { ReceiptDesk, type ReceiptMessage } from '../../../../actors/receipt/receipt-desk.ts';
import { Deliveries, Delivery } from '../../../../actors/route/delivery.ts';
import { Settler } from '../../../../actors/route/settler.ts';
import type { ActorSelf } from '../../../../runtime/actor.ts';
import { batchOf } from '../../../support/batches.ts';

interface Commit {
  readonly batch: Buffer;
  readonly waiting: Waiting;
  readonly ledger: readonly LedgerFrame[];
}

const failed = (error: unknown): never => {
  throw error;
};

/** The settler and the desk of a worker. What they give to the store is written down, in order. */
class Bench {
  readonly settled: (readonly LedgerFrame[])[] = [];
  readonly asked: (readonly string[])[] = [];
  readonly commits: Commit[] = [];
  readonly answered: number[] = [];
  readonly released: number[] = [];
  readonly counters = {
    receiptsDelivered: 0,
    receiptsOther: 0,
    receiptsUnmatched: 0,
    receiptsHeldBack: 0,
    rerouted: 0,
    failed: 0,
    receiptsGivenUp: 0,
  };
  /** Where messages go after an UNDELIV. */
  next = '';
  readonly settler: Settler;
  readonly desk: ReceiptDesk;
  readonly delivery: Delivery;
  readonly #deliveries = new Deliveries();

  private constructor(numbers: NumberSource, count: number) {
    this.delivery = new Delivery(readBatch(batchOf(16, count), false), new Uint8Array(0), count);
    this.#deliveries.add(this.delivery);
    const never = new Promise<never>(() => undefined);
    this.settler = new Settler({
      store: {
        settle: frames => {
          this.settled.push(frames);
          return never;
        },
      },
      receiptsDue: () => this.desk.isDue,
      failed,
      self: { tell: () => true },
    });
    this.desk = new ReceiptDesk({
      self: { tell: () => true } as unknown as ActorSelf<ReceiptMessage>,
      store: {
        correlate: (_, ids) => {
          this.asked.push(ids);
          return never;
        },
      },
      settler: this.settler,
      numbers,
      deliveries: this.#deliveries,
      elsewhere: new Elsewhere({
        settler: this.settler,
        fallbacks: { after: () => this.next },
        holdBack: () => ({ rules: [{ fate: Fate.undeliverable, errors: [] }], hops: 1 }),
        now: () => 1_000_500,
      }),
      settings: { orphanWaitMs: 1000, orphanMax: 10, own: 'all', validityMs: 1000 },
      counters: this.counters,
      now: () => 1_000_500,
      monotonic: () => 500,
      commit: (batch, waiting, ledger) => this.commits.push({ batch, waiting, ledger }),
      wake: () => undefined,
      failed,
    });
  }

  static async make(count: number): Promise<Bench> {
    let next = 16;
    const allocate = async (n: number): Promise<number> => (next += n * 16) - n * 16;
    const numbers = new NumberSource(
      { allocate },
      () => undefined,
      () => undefined,
    );
    await numbers.start();
    return new Bench(numbers, count);
  }

  /** The carrier takes message `index` and gives it the id. */
  response(index: number, carrierId: string): void {
    const id = Buffer.from(carrierId);
    const { settler, delivery } = this;
    const messageId = delivery.id(index);
    const flags = LedgerFlag.awaitsReceipt;
    settler.writer('sink').add(messageId, What.settled, Fate.sent, 1, flags, 0, 1_000_400, id, 0, id.length);
    settler.added({ release: slot => this.released.push(slot) }, index);
    settler.justSent.add('sink', delivery, index, id, 0, id.length);
  }

  receipt(token: number, carrierId: string, more: Partial<IncomingReceipt> = {}): void {
    this.desk.take(this.incoming(token, carrierId, more));
  }

  incoming(
    token: number,
    carrierId: string,
    { final = true, fate = Fate.delivered, others, phone = '' }: Partial<IncomingReceipt> = {},
  ): IncomingReceipt {
    return {
      carrier: 'sink',
      carrierId,
      written: carrierId,
      others,
      phone,
      fate,
      final,
      error: '000',
      doneAt: 1_000_450,
      tlvs: undefined,
      submitter: {
        accepted: said => this.answered.push(said),
        refused: () => undefined,
        inDoubt: () => undefined,
      },
      token,
    };
  }

  /** The turns that follow on what has come, in the order in which actors have theirs. */
  turns(): void {
    this.settler.receive({ type: 'changed' });
    this.settler.turnEnd();
    this.desk.receive({ type: 'changed' });
    this.desk.turnEnd();
  }

  flushed({ batch, waiting }: Commit): void {
    const { number } = readBatch(batch, false);
    waiting.submitters.forEach((submitter, i) => submitter?.accepted(waiting.tokens[i]!, messageId(number, i)));
  }
}

/** What happened to which message, in the order in which the store hears it. */
function entriesOf(frames: readonly LedgerFrame[]): string[] {
  const names = Object.fromEntries(Object.entries(What).map(([name, value]) => [value, name]));
  return frames.flatMap(({ destination, entries }) => {
    const buffer = Buffer.from(entries);
    const said: string[] = [];
    for (let at = 0; at < buffer.length; at = nextEntry(buffer, at)) {
      said.push(`${destination} ${names[buffer[at + L.what]!]} ${buffer.readDoubleLE(at) % 256}`);
    }
    return said;
  });
}

/** The messages that the receipts of a batch are about. */
function toldIn(bytes: Buffer): number[] {
  const { buffer, offsets } = readBatch(bytes, true);
  return [...offsets].map(at => {
    const record = new MessageDraft();
    readRecord(record, buffer, at);
    return readReceipt(buffer, record.textAt, record.textLength).messageId % 256;
  });
}

describe('receipts and the responses they come with', () => {
  test('are one commit; slots and carriers wait for its flush', async () => {
    const bench = await Bench.make(3);
    for (const index of [0, 1, 2]) bench.response(index, `0a${index}`);
    bench.receipt(70, 'A1');
    bench.receipt(71, '0A0');
    bench.turns();
    expect(bench.settled).toEqual([]);
    expect(bench.asked).toEqual([]);
    const [commit] = bench.commits;
    expect(bench.commits).toHaveLength(1);
    expect(toldIn(commit!.batch)).toEqual([1, 0]);
    expect(entriesOf(commit!.ledger)).toEqual([
      'sink settled 0',
      'sink settled 1',
      'sink settled 2',
      'sink receipt 1',
      'sink receipt 0',
    ]);
    expect([bench.answered, bench.released, bench.settler.busy]).toEqual([[], [], true]);
    bench.flushed(commit!);
    expect([bench.answered, bench.released, bench.settler.busy]).toEqual([[70, 71], [0, 1, 2], false]);
    expect(bench.counters.receiptsDelivered).toBe(2);
  });

  test('responses alone do not wait', async () => {
    const bench = await Bench.make(2);
    bench.response(0, '1');
    bench.turns();
    expect(bench.settled.map(entriesOf)).toEqual([['sink settled 0']]);
  });

  test('one whose response came earlier is asked for, when the store has all responses', async () => {
    const bench = await Bench.make(2);
    bench.response(0, '1');
    bench.turns();
    bench.response(1, '2');
    bench.receipt(70, '1');
    bench.turns();
    expect(bench.settled.map(entriesOf)).toEqual([['sink settled 0'], ['sink settled 1']]);
    expect([bench.asked, bench.commits]).toEqual([[['1']], []]);
    expect(bench.desk.busy).toBe(true);
  });

  test('an id that may be read in more ways than one is read as the number says that the receipt is from', async () => {
    const bench = await Bench.make(3);
    bench.response(0, '10');
    bench.response(1, 'A');
    const others = [{ carrier: 'sink', id: 'A' }];
    bench.receipt(70, 'X', { others, phone: '447700900123' });
    // Whose message is not certain: the store knows all of them.
    bench.receipt(71, '10', { others, phone: '447700900999' });
    bench.turns();
    expect(toldIn(bench.commits[0]!.batch)).toEqual([1]);
    expect(bench.asked).toEqual([['10']]);
  });

  test('where they are more than a batch holds, the fates go with the last', async () => {
    const bench = await Bench.make(200);
    for (let i = 0; i < 200; i++) bench.response(i, `r${i}`);
    // Intermediate ones leave the message as it was.
    for (let i = 0; i < 200; i++) bench.receipt(i, `r${i}`, { final: false, fate: Fate.accepted });
    for (let i = 0; i < 200; i++) bench.receipt(1000 + i, `r${i}`);
    bench.delivery.batch.offsets.forEach(at => (bench.delivery.batch.buffer[at + R.registeredDelivery] = 0x11));
    bench.turns();
    expect(bench.commits.map(({ batch }) => toldIn(batch).length)).toEqual([256, 144]);
    expect(bench.commits.map(({ ledger }) => entriesOf(ledger).length)).toEqual([0, 400]);
    bench.flushed(bench.commits[0]!);
    expect([bench.answered.length, bench.released.length]).toEqual([256, 0]);
    bench.flushed(bench.commits[1]!);
    expect([bench.answered.length, bench.released.length]).toEqual([400, 200]);
  });

  test('one that nobody wants is answered when the fate it tells is flushed', async () => {
    const bench = await Bench.make(1);
    const { batch } = bench.delivery;
    batch.buffer[batch.offsets[0]! + R.registeredDelivery] = 2;
    bench.response(0, '1');
    bench.receipt(70, '1');
    bench.turns();
    expect(bench.settled.map(entriesOf)).toEqual([['sink settled 0', 'sink receipt 0']]);
    expect([bench.commits, bench.answered]).toEqual([[], []]);
  });

  test('one of failure after which the message goes elsewhere is not told: that is one frame, and answered with its flush', async () => {
    const bench = await Bench.make(2);
    bench.next = 'spare';
    bench.response(0, '1');
    bench.response(1, '2');
    bench.receipt(70, '1', { fate: Fate.undeliverable });
    bench.receipt(71, '2', { fate: Fate.expired });
    bench.turns();
    const [commit] = bench.commits;
    expect(toldIn(commit!.batch)).toEqual([1]);
    expect(entriesOf(commit!.ledger)).toEqual([
      'sink settled 0',
      'sink settled 1',
      'sink heldBack 0',
      'sink rerouted 0',
      'sink receipt 1',
    ]);
    expect(bench.answered).toEqual([]);
    bench.flushed(commit!);
    expect(bench.answered).toEqual([71, 70]);
    expect(bench.counters).toMatchObject({ receiptsHeldBack: 1, rerouted: 1, receiptsOther: 1 });
  });

  test.each([
    { name: 'where no route is left', next: '', expiresAt: Infinity },
    { name: 'where its validity has ended', next: 'spare', expiresAt: 1_000_500 },
  ])('one of failure $name is told', async ({ next, expiresAt }) => {
    const bench = await Bench.make(1);
    bench.next = next;
    const { buffer, offsets } = bench.delivery.batch;
    buffer.writeDoubleLE(expiresAt, offsets[0]! + R.expiresAt);
    bench.response(0, '1');
    bench.receipt(70, '1', { fate: Fate.undeliverable });
    bench.turns();
    expect(entriesOf(bench.commits[0]!.ledger)).toEqual(['sink settled 0', 'sink receipt 0']);
  });

  test('who wants intermediate notifications hears of one that is held back', async () => {
    const bench = await Bench.make(1);
    bench.next = 'spare';
    const { buffer, offsets } = bench.delivery.batch;
    buffer[offsets[0]! + R.registeredDelivery] = 0x11;
    bench.response(0, '1');
    bench.receipt(70, '1', { fate: Fate.undeliverable });
    bench.turns();
    const [commit] = bench.commits;
    expect(toldIn(commit!.batch)).toEqual([0]);
    expect(entriesOf(commit!.ledger).slice(1)).toEqual(['sink heldBack 0', 'sink rerouted 0']);
    bench.flushed(commit!);
    expect(bench.answered).toEqual([70]);
  });

  test('those that wait for the id they name can be flushed', async () => {
    const bench = await Bench.make(1);
    bench.desk.receive({ type: 'flush' });
    const none = { ids: new Float64Array(1), final: new Uint8Array(1), submittedAt: new Float64Array(1) };
    const nothing = {
      account: new Uint16Array(1),
      accounts: [],
      records: new Uint8Array(0),
      offsets: new Uint32Array(1),
    };
    const asked = [{ receipt: bench.incoming(70, 'x'), until: 0, turn: 0, doubtful: false }];
    bench.desk.receive({ type: 'correlated', asked, found: { ...none, ...nothing, held: undefined } });
    expect([bench.desk.orphans, bench.answered]).toEqual([1, []]);
    bench.desk.receive({ type: 'flush' });
    expect([bench.desk.orphans, bench.answered, bench.counters.receiptsUnmatched]).toEqual([0, [70], 1]);
  });

  test('a fate of our own making and its receipt are one commit', async () => {
    const bench = await Bench.make(1);
    const holder = { release: (slot: number) => bench.released.push(slot) };
    bench.desk.conclude(bench.delivery, 0, 'sink', Fate.undeliverable, 11, 2, holder, 5);
    bench.turns();
    const [commit] = bench.commits;
    expect([entriesOf(commit!.ledger), toldIn(commit!.batch)]).toEqual([['sink settled 0'], [0]]);
    expect([bench.settled, bench.released]).toEqual([[], []]);
    bench.flushed(commit!);
    expect(bench.released).toEqual([5]);
  });

  test('a commit that is refused frees no slot', async () => {
    const bench = await Bench.make(1);
    bench.response(0, '1');
    bench.receipt(70, '1');
    bench.turns();
    const { submitters, tokens } = bench.commits[0]!.waiting;
    submitters.forEach((submitter, i) => submitter?.refused(tokens[i]!, 0x58));
    expect([bench.released, bench.settler.busy]).toEqual([[], false]);
  });
});
