/**
 * What becomes of a message that the next system did not take. Pure: time comes in, a decision comes out.
 */

export interface Backoff {
  /** The n-th failure is tried again after base × factor^n. */
  readonly baseMs: number;
  /** 1 or more. */
  readonly factor: number;
  /** Longest pause. */
  readonly maxMs: number;
}

export interface RetryPolicy extends Backoff {
  /** Most failures that are tried again; the next one is the last. */
  readonly limit: number;
  /** Pause after ESME_RTHROTTLED or ESME_RMSGQFUL. */
  readonly throttledMs: number;
}

/** 2^n minutes: 2, 4, 8, 16, 32, 64, … up to a day (features F03, J10). */
export const DEFAULT_RETRY: RetryPolicy = {
  baseMs: 60_000,
  factor: 2,
  maxMs: 86_400_000,
  limit: 20,
  throttledMs: 1000,
};

/**
 * How the next system failed us: it is only busy (ESME_RTHROTTLED, ESME_RMSGQFUL), or as its command_status is classed:
 * the message is at fault (`never`), it may work `later`, or by another system only (`elsewhere`).
 */
export type Failure = 'throttled' | 'never' | 'later' | 'elsewhere';

export interface FailedAttempt {
  readonly failure: Failure;
  /** Failures before this one; throttled ones do not count. */
  readonly attempts: number;
  /** End of the message's validity, ms since 1970. */
  readonly expiresAt: number;
  /** True while the fallback chain has another destination. */
  readonly hasAlternative: boolean;
}

export type RetryDecision =
  /** Put aside until then; `attempts` is what to count from now on. */
  | { readonly type: 'park'; readonly until: number; readonly attempts: number }
  /** Try the next destination now. */
  | { readonly type: 'elsewhere'; readonly attempts: number }
  /** Its validity would end before it could be tried again. */
  | { readonly type: 'expire'; readonly attempts: number }
  /** Undeliverable. */
  | { readonly type: 'fail'; readonly attempts: number };

/** Pause after the `attempt`-th failure (from 1), ms. */
export function backoffMs(attempt: number, { baseMs, factor, maxMs }: Backoff): number {
  return Math.min(maxMs, baseMs * factor ** attempt);
}

/** Decides about a failed attempt at `now` (ms since 1970). */
export function decide(failed: FailedAttempt, policy: RetryPolicy, now: number): RetryDecision {
  if (failed.failure === 'throttled') {
    return parkOrExpire(now + policy.throttledMs, failed.attempts, failed.expiresAt);
  }
  const attempts = failed.attempts + 1;
  const again = failed.failure === 'later' && attempts <= policy.limit;
  if (again) return parkOrExpire(now + backoffMs(attempts, policy), attempts, failed.expiresAt);
  // A message at fault is at fault everywhere.
  if (failed.failure !== 'never' && failed.hasAlternative) return { type: 'elsewhere', attempts };
  return { type: 'fail', attempts };
}

function parkOrExpire(until: number, attempts: number, expiresAt: number): RetryDecision {
  return until >= expiresAt ? { type: 'expire', attempts } : { type: 'park', until, attempts };
}
