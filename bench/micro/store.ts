// What an engine of the message store costs a message: append, grant, settle with a carrier's id, correlate, receipt fate,
// outbox. LMDB in a temporary folder, or a Redis that is there.
//   node bench/micro/store.ts [messages] [batches in flight] [redis://…]
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MessageDraft } from '../../actors/message/draft.ts';
import { BatchBuilder } from '../../actors/message/batch.ts';
import { BATCH_LIMIT, messageId } from '../../actors/message/id.ts';
import { Fate, LedgerFlag, LedgerWriter, What } from '../../actors/message/ledger.ts';
import { LmdbStore } from '../../adapters/store-lmdb/lmdb-store.ts';
import { parseRedisAddress } from '../../runtime/redis/address.ts';
import { RedisStore } from '../../adapters/store-redis/redis-store.ts';

const messages = Number(process.argv[2] ?? 500_000);
const inFlight = Number(process.argv[3] ?? 4);
const folder = mkdtempSync(join(tmpdir(), 'heliograph-store-'));
const redis = process.argv[4];
const deps = {
  now: Date.now,
  monotonic: () => performance.now(),
  alarm: (line: string) => console.error(line),
  ready: () => undefined,
};
const bounds = { maxQueued: 1e9, maxOutbox: 1e9, lingerMs: 10_000 };
function fail(line: string): never {
  console.error(line);
  process.exit(1);
}
const store =
  redis === undefined
    ? new LmdbStore(
        folder,
        { ...bounds, diskReserveOctets: 1e6, reserveOctets: 4e6 },
        { ...deps, atDisk: () => undefined, fatal: fail },
      )
    : await RedisStore.open(
        parseRedisAddress(redis),
        0,
        {
          ...bounds,
          name: 'bench',
          node: 'bench',
          durability: 'disk',
          replicas: 0,
          leaseMs: 5000,
          patienceMs: 10_000,
          deadlineMs: 2000,
          insecure: false,
        },
        { ...deps, leaseClock: () => performance.now(), lost: error => fail(error.message) },
      );
const { store: port } = store.claimant();
const draft = new MessageDraft();
draft.buffer = Buffer.from('ACME447700900123' + 'x'.repeat(100));
draft.sourceLength = 4;
draft.destAt = 4;
draft.destLength = 12;
draft.textAt = 16;
draft.textLength = 100;
draft.registeredDelivery = 1;
const decisions = {
  kind: 0,
  group: 0,
  fateAtBirth: 0,
  archiveMode: 0,
  flags: 0,
  expiresAt: Date.now() + 86_400_000,
  deliverAfter: 0,
  route: 1,
  hops: 0,
  part: 0,
  parts: 0,
  gathered: 0,
} as const;

let next = await port.allocate(Math.ceil(messages / BATCH_LIMIT) + 1);
let left = messages;
let carrierId = 0;
async function lane(): Promise<void> {
  const builder = new BatchBuilder();
  const ledger = new LedgerWriter();
  const scratch = Buffer.alloc(16);
  while (left > 0) {
    const count = Math.min(BATCH_LIMIT, left);
    left -= count;
    const number = next++;
    for (let i = 0; i < count; i++) builder.add(draft, { ...decisions, group: builder.group('sink', 'load', 0) });
    const batch = builder.close(number, Date.now(), 1);
    const outcome = await port.append({ batch, take: ['sink'], ledger: [], exempt: false });
    if (outcome.type !== 'done' || outcome.granted.length !== 1) throw new Error('not granted');
    const ids: string[] = [];
    for (let i = 0; i < count; i++) {
      const id = (++carrierId).toString(16).padStart(8, '0');
      ids.push(id);
      scratch.latin1Write(id);
      ledger.add(
        messageId(number, i),
        What.settled,
        Fate.sent,
        1,
        LedgerFlag.awaitsReceipt,
        0,
        Date.now(),
        scratch,
        0,
        8,
      );
    }
    const settled = port.settle([{ destination: 'sink', entries: ledger.take() }]);
    const found = await port.correlate('sink', ids);
    for (let i = 0; i < count; i++) {
      scratch.latin1Write(ids[i]!);
      ledger.add(found.ids[i]!, What.receipt, Fate.delivered, 1, 0, 0, Date.now(), scratch, 0, 8);
    }
    await settled;
    await port.settle([{ destination: 'sink', entries: ledger.take() }]);
    const items = await port.outbox(1000);
    await port.archived(items.map(({ number, due }) => ({ number, due })));
  }
}
const cpu = process.cpuUsage();
const start = performance.now();
await Promise.all(Array.from({ length: inFlight }, lane));
const seconds = (performance.now() - start) / 1000;
const used = process.cpuUsage(cpu);
console.log({
  messages,
  perSecond: Math.round(messages / seconds),
  cpuMicrosAMessage: Number(((used.user + used.system) / messages).toFixed(2)),
  stats: store.stats(),
});
await store.close();
rmSync(folder, { recursive: true });
