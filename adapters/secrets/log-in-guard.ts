import { isIPv4 } from 'node:net';

export interface GuardSettings {
  /** Failures of one account from one address within `windowMs` after which that pair is refused unlooked at. */
  readonly failures: number;
  readonly windowMs: number;
  /** The first refusal lasts `windowMs`; each further one twice the last, up to this. */
  readonly longestMs: number;
}

/** An address as a whole is refused after this many times the failures of a pair: several customers may share one. */
const ADDRESS_FACTOR = 4;

interface Entry {
  failures: number;
  windowEndsAt: number;
  refusedUntil: number;
  /** How long the next refusal lasts. */
  nextMs: number;
}

/**
 * Slows down guessing of passwords, before any hash is computed. Counted are failures by address and by address with
 * account, never by account alone: else anybody could shut a customer out. Time comes in; nothing runs by itself.
 *
 * Bounded: beyond `mostEntries` of a kind, the one whose last failure is longest ago is forgotten.
 */
export class LogInGuard {
  readonly #settings: GuardSettings;
  readonly #mostEntries: number;
  readonly #addresses = new Map<string, Entry>();
  readonly #pairs = new Map<string, Entry>();

  constructor(settings: GuardSettings, mostEntries = 100_000) {
    this.#settings = settings;
    this.#mostEntries = mostEntries;
  }

  /** Whether a log-in may be looked at. @param nowMs a clock that never goes back */
  allows(address: string, account: string, nowMs: number): boolean {
    const from = network(address);
    const open = (entry: Entry | undefined): boolean => entry === undefined || nowMs >= entry.refusedUntil;
    return open(this.#addresses.get(from)) && open(this.#pairs.get(pair(from, account)));
  }

  /**
   * Whether this failure began a refusal: worth an alarm. A log-in that was not looked at is not a failure: do not
   * report it.
   */
  failed(address: string, account: string, nowMs: number): boolean {
    const from = network(address);
    const byPair = this.#count(this.#pairs, pair(from, account), this.#settings.failures, nowMs);
    const byAddress = this.#count(this.#addresses, from, this.#settings.failures * ADDRESS_FACTOR, nowMs);
    return byPair || byAddress;
  }

  /** The account's own failures from there are forgotten; those of the address stay. */
  succeeded(address: string, account: string): void {
    this.#pairs.delete(pair(network(address), account));
  }

  #count(table: Map<string, Entry>, key: string, most: number, nowMs: number): boolean {
    const { windowMs, longestMs } = this.#settings;
    let entry = table.get(key);
    // After a quiet time as long as the longest refusal it starts anew.
    if (entry === undefined || nowMs > Math.max(entry.refusedUntil, entry.windowEndsAt) + longestMs) {
      entry = { failures: 0, windowEndsAt: 0, refusedUntil: 0, nextMs: windowMs };
    }
    if (nowMs >= entry.windowEndsAt) {
      entry.failures = 0;
      entry.windowEndsAt = nowMs + windowMs;
    }
    entry.failures += 1;
    const refuse = entry.failures >= most;
    if (refuse) {
      entry.failures = 0;
      entry.refusedUntil = nowMs + Math.min(entry.nextMs, longestMs);
      entry.nextMs = Math.min(entry.nextMs * 2, longestMs);
    }
    table.delete(key);
    table.set(key, entry);
    const [oldest] = table.keys();
    if (table.size > this.#mostEntries && oldest !== undefined) table.delete(oldest);
    return refuse;
  }
}

const pair = (from: string, account: string): string => `${from} ${account}`;

/** An IPv4 address, also when mapped into IPv6; of an IPv6 address the /64, which one customer has to himself. */
function network(address: string): string {
  const plain = address.replace(/^::ffff:/i, '');
  if (isIPv4(plain)) return plain;
  const [head = '', tail] = plain.split('::');
  const left = head === '' ? [] : head.split(':');
  if (tail === undefined) return left.slice(0, 4).join(':');
  const right = tail === '' ? [] : tail.split(':');
  const zeros = Array.from({ length: Math.max(0, 8 - left.length - right.length) }, () => '0');
  return [...left, ...zeros, ...right].slice(0, 4).join(':');
}
