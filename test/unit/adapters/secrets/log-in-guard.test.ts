import { describe, expect, it } from 'vitest';
import { LogInGuard } from '../../../../adapters/secrets/log-in-guard.ts';

const SETTINGS = { failures: 5, windowMs: 60_000, longestMs: 3_600_000 };

/** Fails until a refusal begins; returns how many failures that took. */
function failUntilRefused(guard: LogInGuard, address: string, account: string, nowMs: number): number {
  for (let failures = 1; failures < 1000; failures += 1) if (guard.failed(address, account, nowMs)) return failures;
  throw new Error('never refused');
}

describe('LogInGuard', () => {
  it('refuses an account from an address after five failures in a minute, and nobody else', () => {
    const guard = new LogInGuard(SETTINGS);
    expect(failUntilRefused(guard, '192.0.2.1', 'demo', 0)).toBe(5);
    expect(guard.allows('192.0.2.1', 'demo', 59_999)).toBe(false);
    expect(guard.allows('192.0.2.1', 'other', 1)).toBe(true);
    expect(guard.allows('192.0.2.2', 'demo', 1)).toBe(true);
    expect(guard.allows('192.0.2.1', 'demo', 60_000)).toBe(true);
  });

  it('refuses an address that tries many accounts', () => {
    const guard = new LogInGuard(SETTINGS);
    for (let at = 0; at < 20; at += 1) {
      expect(guard.allows('192.0.2.1', 'demo', at)).toBe(true);
      guard.failed('192.0.2.1', `guess${at}`, at);
    }
    expect(guard.allows('192.0.2.1', 'demo', 20)).toBe(false);
  });

  it('doubles the refusal up to the longest, and starts anew after as long a quiet time', () => {
    const guard = new LogInGuard(SETTINGS);
    let now = 0;
    const lasted: number[] = [];
    for (let round = 0; round < 8; round += 1) {
      failUntilRefused(guard, '192.0.2.1', 'demo', now);
      let low = now;
      let high = now + 10_000_000;
      while (high - low > 1) {
        const middle = Math.floor((low + high) / 2);
        if (guard.allows('192.0.2.1', 'demo', middle)) high = middle;
        else low = middle;
      }
      lasted.push((high - now) / 60_000);
      now = high;
    }
    expect(lasted).toEqual([1, 2, 4, 8, 16, 32, 60, 60]);
    now += 2 * SETTINGS.longestMs;
    failUntilRefused(guard, '192.0.2.1', 'demo', now);
    expect(guard.allows('192.0.2.1', 'demo', now + 60_000)).toBe(true);
  });

  it('forgets failures that are longer apart, and those of a pair that got in', () => {
    const guard = new LogInGuard(SETTINGS);
    for (let at = 0; at < 4; at += 1) guard.failed('192.0.2.1', 'demo', 0);
    expect(guard.failed('192.0.2.1', 'demo', 60_000)).toBe(false);
    guard.succeeded('192.0.2.1', 'demo');
    expect(failUntilRefused(guard, '192.0.2.1', 'demo', 60_001)).toBe(5);
  });

  it.each([
    ['::ffff:192.0.2.1', '192.0.2.1', true],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::9', true],
    ['2001:db8::1', '2001:db8:0:0:7::', true],
    ['::1', '::2', true],
    ['2001:db8:1:2::1', '2001:db8:1:3::1', false],
    ['192.0.2.1', '192.0.2.2', false],
  ])('takes %s and %s for one peer: %s', (one, other, same) => {
    const guard = new LogInGuard(SETTINGS);
    failUntilRefused(guard, one, 'demo', 0);
    expect(guard.allows(other, 'demo', 1)).toBe(!same);
  });

  it('stays within its bound and keeps whoever failed last', () => {
    const guard = new LogInGuard({ ...SETTINGS, failures: 1 }, 1000);
    for (let at = 0; at < 5000; at += 1) guard.failed(`10.0.${at >> 8}.${at & 255}`, 'demo', at);
    expect(guard.allows('10.0.0.1', 'demo', 5000)).toBe(true);
    expect(guard.allows('10.0.19.135', 'demo', 5000)).toBe(false);
  });
});
