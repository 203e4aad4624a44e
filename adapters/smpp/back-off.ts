export type BackOff = {
  /** Delay before the first new attempt. */
  readonly baseMs: number;
  /** Longest delay. */
  readonly maxMs: number;
};

/** After a connection that could not be made, or was lost. */
export const CONNECT_BACK_OFF: BackOff = { baseMs: 1_000, maxMs: 60_000 };

/**
 * After a bind that was refused, whatever the status: a wrong password may be put right, ESME_RALYBND ends when the
 * peer notices that our old session is dead. Slower, because some SMSCs ban an address that keeps trying.
 */
export const REFUSED_BACK_OFF: BackOff = { baseMs: 5_000, maxMs: 60_000 };

/**
 * How long to wait before attempt number `attempt` (0 is the first after the failure). Doubles up to `maxMs`, and half
 * of it is random, so that a hundred sessions that one carrier dropped do not come back in one instant. It never gives
 * up: v5.0 §2.8.1, "continually try".
 *
 * @param random from 0 to 1
 */
export function nextDelayMs(attempt: number, random: number, { baseMs, maxMs }: BackOff = CONNECT_BACK_OFF): number {
  const full = Math.min(maxMs, baseMs * 2 ** attempt);
  return Math.round(full / 2 + (random * full) / 2);
}
