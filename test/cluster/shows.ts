import type { Run } from './chaos.ts';
import { lastLeftAfterMs, longestSilenceMs } from './checker/verdict.ts';
import type { Step } from './schedule.ts';

const US = 1000;

/** One line a run, for the log of the suite and of the long runs. */
export function runText(steps: readonly Step[], { verdict, archivedAfterMs, result, entries, doneAt }: Run): string {
  const silence = longestSilenceMs(entries, 0, Math.max(...entries.map(({ sentAt }) => sentAt)));
  const kills = steps.flatMap((step, i) => (step.do === 'kill' ? [lastLeftAfterMs(entries, doneAt[i]! * US)] : []));
  return JSON.stringify({
    sent: result.sent,
    acked: verdict.acked,
    refused: result.rej,
    lost: verdict.lost,
    duplicates: verdict.duplicates,
    withoutReceipt: verdict.withoutReceipt,
    receiptDuplicates: verdict.receiptDuplicates,
    sessionsMax: result.sessions_max,
    longestSilenceMs: Math.round(silence),
    archivedAfterMs: Math.round(archivedAfterMs),
    queuesMovedAfterKillMs: kills.map(Math.round),
  });
}
