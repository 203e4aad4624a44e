import { batchNumberOf, indexOf, messageId, type MessageId } from '../message/id.ts';
import { Fate, L, nextEntry, What } from '../message/ledger.ts';
import type { Correlated, FoundMessage } from '../ports.ts';
import type { BatchShelf } from './batch-shelf.ts';
import { groupIndexOf, Standing } from './batch-state.ts';
import { CorrelatedBuilder } from './records.ts';
import type { Standings } from './standings.ts';

/** The verbs that change nothing. */

export function correlate(
  standings: Standings,
  shelf: BatchShelf,
  carrier: string,
  carrierIds: readonly string[],
): Correlated {
  const found = new CorrelatedBuilder(carrierIds.length);
  for (let i = 0; i < carrierIds.length; i++) {
    const id = standings.correlations.get(carrier, carrierIds[i]!);
    const state = id === undefined ? undefined : standings.get(batchNumberOf(id));
    const batch = state && shelf.read(state);
    if (id === undefined || !state || !batch) continue;
    const index = indexOf(id);
    const standing = state.standing[index];
    const held = standing === Standing.holding;
    const final = !held && standing !== Standing.awaiting && standing !== Standing.awaitingArchived;
    const { account } = state.groups[groupIndexOf(state, index)]!.group;
    found.add(i, id, final, state.createdAt, account, batch, index);
    if (held) found.hold(i, batch.tableVersion);
  }
  return found.done();
}

export function find(standings: Standings, shelf: BatchShelf, id: MessageId): FoundMessage | undefined {
  const state = standings.get(batchNumberOf(id));
  const batch = state && shelf.read(state);
  const index = indexOf(id);
  if (!state || !batch || !batch.offsets[index]) return undefined;
  const at = batch.offsets[index];
  const { group } = state.groups[groupIndexOf(state, index)]!;
  const standing = state.standing[index]!;
  const ledger = shelf.ledgerOf(state, index);
  return {
    id,
    account: group.account,
    destination: group.destination,
    createdAt: state.createdAt,
    tableVersion: batch.tableVersion,
    record: Uint8Array.from(batch.buffer.subarray(at, at + batch.buffer.readUInt32LE(at))),
    fate: lastFate(ledger) || (batch.buffer[at + 6]! as Fate),
    attempts: state.attempts?.[index] ?? 0,
    dueAt: standing === Standing.parked ? state.dueAt![index]! : 0,
    claimed: standing >= Standing.claimed,
    ledger,
  };
}

export function scan(
  standings: Standings,
  shelf: BatchShelf,
  destination: string,
  after: MessageId,
  limit: number,
): FoundMessage[] {
  const found: FoundMessage[] = [];
  for (const state of standings.queues.batches(destination)) {
    for (let i = 0; i < state.count && found.length < limit; i++) {
      const id = messageId(state.number, i);
      if (id <= after || state.standing[i] !== Standing.ready) continue;
      if (state.groups[groupIndexOf(state, i)]!.group.destination !== destination) continue;
      const message = find(standings, shelf, id);
      if (message) found.push(message);
    }
    if (found.length >= limit) break;
  }
  return found;
}

function lastFate(ledger: Buffer): Fate {
  let fate: number = Fate.queued;
  for (let at = 0; at < ledger.length; at = nextEntry(ledger, at)) {
    const what = ledger[at + L.what];
    if (what === What.settled || what === What.receipt) fate = ledger[at + L.fate]!;
    else if (what === What.rerouted) fate = Fate.queued;
  }
  return fate as Fate;
}
