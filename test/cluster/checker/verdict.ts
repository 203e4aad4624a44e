import type { Entry } from './ledger.ts';

/** What the run allows: everything else is a violation. */
export interface Allowances {
  /** Messages that may have come twice: the windows of all sessions that a fault hit, summed over the faults. */
  readonly duplicates: number;
  /** Receipts that may have come twice. */
  readonly receiptDuplicates: number;
  /** Acknowledged messages that the system itself says it still has. */
  readonly queued: number;
}

/** Rows of the archive by the number in the message's text. */
export type ArchivedTimes = ReadonlyMap<number, number>;

export interface Verdict {
  /** One line each; empty: everything held. */
  readonly violations: readonly string[];
  readonly acked: number;
  readonly lost: number;
  readonly duplicates: number;
  readonly withoutReceipt: number;
  readonly receiptDuplicates: number;
}

const SHOWN = 5;
/** The first few of them, for people. */
const some = (entries: readonly Entry[]): string =>
  `${entries
    .slice(0, SHOWN)
    .map(({ number, answer, id }) => `${number} (${answer} ${id})`)
    .join(', ')}${entries.length > SHOWN ? ', …' : ''}`;

/**
 * Judges a run that has come to rest (reliability goals I1, I2, I4, I5, I6, I8).
 *
 * @param archived what the archive holds, where there is one
 */
export function judge(entries: readonly Entry[], allow: Allowances, archived?: ArchivedTimes): Verdict {
  const violations: string[] = [];
  const acked = entries.filter(({ answer }) => answer === 'A');

  const lost = acked.filter(({ came }) => came === 0);
  if (lost.length > allow.queued) {
    violations.push(`${lost.length} acknowledged and not delivered, ${allow.queued} still queued: ${some(lost)}`);
  }
  const refused = entries.filter(({ answer, came }) => answer === 'R' && came > 0);
  if (refused.length > 0) violations.push(`${refused.length} refused and delivered all the same: ${some(refused)}`);

  const twice = entries.filter(({ came }) => came > 1);
  const duplicates = twice.reduce((sum, { came }) => sum + came - 1, 0);
  if (duplicates > allow.duplicates) {
    violations.push(`${duplicates} delivered again, at most ${allow.duplicates} allowed: ${some(twice)}`);
  }

  const ids = new Map<string, Entry>();
  const sameId: Entry[] = [];
  for (const entry of acked) {
    if (ids.has(entry.id)) sameId.push(entry);
    ids.set(entry.id, entry);
  }
  if (sameId.length > 0) violations.push(`${sameId.length} acknowledged with an id given before: ${some(sameId)}`);

  const silent = acked.filter(({ came, receipts }) => came > 0 && receipts === 0);
  if (silent.length > 0) violations.push(`${silent.length} delivered without a receipt: ${some(silent)}`);
  const again = entries.filter(({ receipts }) => receipts > 1);
  const receiptDuplicates = again.reduce((sum, { receipts }) => sum + receipts - 1, 0);
  if (receiptDuplicates > allow.receiptDuplicates) {
    violations.push(`${receiptDuplicates} receipts again, at most ${allow.receiptDuplicates} allowed: ${some(again)}`);
  }

  if (archived !== undefined) violations.push(...judgeArchive(entries, archived));
  return {
    violations,
    acked: acked.length,
    lost: lost.length,
    duplicates,
    withoutReceipt: silent.length,
    receiptDuplicates,
  };
}

/** Rows = acknowledged messages, once each; those whose answer was lost may have one, those that were refused may not. */
function judgeArchive(entries: readonly Entry[], archived: ArchivedTimes): string[] {
  const violations: string[] = [];
  const missing = entries.filter(({ answer, number, came }) => answer === 'A' && came > 0 && !archived.has(number));
  if (missing.length > 0) violations.push(`${missing.length} delivered and not archived: ${some(missing)}`);
  const doubled = entries.filter(({ number }) => (archived.get(number) ?? 0) > 1);
  if (doubled.length > 0) violations.push(`${doubled.length} archived more than once: ${some(doubled)}`);
  const refused = entries.filter(({ answer, number }) => answer === 'R' && archived.has(number));
  if (refused.length > 0) violations.push(`${refused.length} refused and archived: ${some(refused)}`);
  const known = new Set(entries.map(({ number }) => number));
  const unknown = [...archived.keys()].filter(number => !known.has(number));
  if (unknown.length > 0)
    violations.push(`${unknown.length} archived that nobody sent: ${unknown.slice(0, SHOWN).join(', ')}`);
  return violations;
}

/**
 * How long messages that had been acknowledged before `at` (µs in the generator's time) took to leave after it, ms: when the
 * last of them had left. 0 when none was waiting.
 */
export function lastLeftAfterMs(entries: readonly Entry[], at: number): number {
  let last = 0;
  for (const { answer, ackedAt, cameAt } of entries) {
    if (answer === 'A' && ackedAt < at && cameAt > at) last = Math.max(last, cameAt - at);
  }
  return last / 1000;
}

/** From a moment (µs in the generator's time) to the first acknowledgement after it, ms. Infinity: there is none. */
export function firstAckAfterMs(entries: readonly Entry[], at: number): number {
  let first = Infinity;
  for (const { answer, ackedAt } of entries) if (answer === 'A' && ackedAt >= at) first = Math.min(first, ackedAt);
  return (first - at) / 1000;
}

/** The longest time without an acknowledgement between two moments (µs in the generator's time), ms. */
export function longestSilenceMs(entries: readonly Entry[], from: number, to: number): number {
  const times = entries.flatMap(({ answer, ackedAt }) =>
    answer === 'A' && ackedAt >= from && ackedAt <= to ? [ackedAt] : [],
  );
  times.sort((a, b) => a - b);
  let [before, longest] = [from, 0];
  for (const time of [...times, to]) {
    longest = Math.max(longest, time - before);
    before = time;
  }
  return longest / 1000;
}
