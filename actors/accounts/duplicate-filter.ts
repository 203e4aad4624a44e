import type { Submitter } from '../batch/batch-actor.ts';
import { partMarkOf } from '../long/concatenation.ts';
import type { MessageDraft } from '../message/draft.ts';
import type { MessageId } from '../message/id.ts';
import { Refusal } from '../refusal.ts';
import { UDHI } from '../text/udh.ts';
import type { DuplicateTable } from './duplicate-table.ts';

/** What `enter` says of a message that is no duplicate. */
export const NEW = -1;

/** What an account has for a duplicate, and what it is told (`accounts[].duplicate_seconds`). */
export interface DuplicateRule {
  readonly windowMs: number;
  /** 0: it is told the id of the first, and nothing is kept. Otherwise the command_status to refuse it with. */
  readonly status: number;
}

/** A message that is on its way to its commit. */
interface Entered {
  submitter: Submitter;
  token: number;
  place: number;
  first: number;
  second: number;
  since: number;
  /** It is counted as a passage, not entered as a message. */
  passes: boolean;
}

/**
 * Keeps what an account sends twice from being sent twice: the same text from the same sender to the same number, within a
 * time. Stands between the intake and whoever submitted, so that a message that was not kept after all is no first.
 */
export class DuplicateFilter implements Submitter {
  readonly #table: DuplicateTable;
  readonly #found: () => void;
  readonly #entered: Entered[] = [];
  readonly #free: number[] = [];
  /** Those that are told the id of the first when this turn ends. */
  #repeated: { submitter: Submitter; token: number; id: MessageId; since: number }[] = [];
  #first = 0;
  #second = 0;
  /** Of the message that `enter` found new, for the intake. */
  token = 0;

  /** @param found a duplicate has come */
  constructor(table: DuplicateTable, found: () => void) {
    this.#table = table;
    this.#found = found;
  }

  get hasRepeated(): boolean {
    return this.#repeated.length > 0;
  }

  /**
   * Looks whether the message came before; one that is new is handed to the intake as this filter's, under `token`.
   *
   * @param mayRepeat false: a duplicate is refused however the rule is (a recipient of several has the id of the first of them)
   * @returns NEW; 0 when its submitter will be told the first one's id; else the command_status to refuse it with
   */
  enter(
    m: MessageDraft,
    account: string,
    rule: DuplicateRule,
    submitter: Submitter,
    token: number,
    now: number,
    mayRepeat: boolean,
  ): number {
    this.#hash(m, account);
    const table = this.#table;
    if (table.enter(this.#first, this.#second, rule.windowMs, now)) {
      this.#await(submitter, token, now, false);
      return NEW;
    }
    if (rule.status !== 0 || !mayRepeat) {
      this.#found();
      return rule.status === 0 ? DUPLICATE : rule.status;
    }
    // The first is not on disk: to acknowledge it again could be a lie.
    if (table.id === 0) return Refusal.throttled;
    this.#found();
    this.#repeated.push({ submitter, token, id: table.id, since: table.since });
    return 0;
  }

  /**
   * How often a message has gone on between carriers, this time counted, each within `windowMs` of the last: it is the same if it says
   * the same between the same two numbers, whichever of them is the sender, in parts of whatever reference. As `enter`, it is
   * this filter's from here on, under `token`: one that is refused after all, and comes again, has not passed.
   */
  passes(m: MessageDraft, windowMs: number, submitter: Submitter, token: number, now: number): number {
    const { buffer, sourceAt, sourceLength, destAt, destLength } = m;
    [this.#first, this.#second] = this.#table.seeds;
    this.#mix(PASSES);
    const order = buffer.compare(buffer, sourceAt, sourceAt + sourceLength, destAt, destAt + destLength);
    if (order < 0) this.#mixOctets(buffer, sourceAt, sourceLength);
    this.#mixOctets(buffer, destAt, destLength);
    if (order >= 0) this.#mixOctets(buffer, sourceAt, sourceLength);
    const header = (m.esmClass & UDHI) === 0 || m.textLength === 0 ? 0 : Math.min(1 + buffer[m.textAt]!, m.textLength);
    this.#mixOctets(buffer, m.textAt + header, m.textLength - header);
    this.#mix(((partMarkOf(m)?.sequence ?? 0) << 16) | (m.textLength - header));
    this.#first = finished(this.#first);
    this.#second = finished(this.#second);
    const times = this.#table.count(this.#first, this.#second, windowMs, now);
    this.#await(submitter, token, now, true);
    return times;
  }

  /** The intake did not take what `enter` found new, or `passes` counted. */
  drop(token: number): void {
    this.#forget(token);
  }

  /** Answers those that were found to repeat another. */
  answer(): void {
    const repeated = this.#repeated;
    this.#repeated = [];
    for (const { submitter, token, id, since } of repeated) submitter.accepted(token, id, since);
  }

  accepted(token: number, id: MessageId, acceptedAt?: number): void {
    const entered = this.#entered[token]!;
    const { place, first, second, since, submitter } = entered;
    if (!entered.passes) this.#table.commit(place, first, second, since, id);
    this.#free.push(token);
    entered.submitter = NOBODY;
    submitter.accepted(entered.token, id, acceptedAt);
  }

  refused(token: number, status: number): void {
    const { submitter, token: own } = this.#entered[token]!;
    this.#forget(token);
    submitter.refused(own, status);
  }

  inDoubt(token: number): void {
    // Its thread ends; what it had entered and not committed counts no longer soon.
    const { submitter, token: own } = this.#entered[token]!;
    submitter.inDoubt(own);
  }

  /** Leaves in `token` what the one that the table has just looked up is known by until it is committed or refused. */
  #await(submitter: Submitter, token: number, now: number, passes: boolean): void {
    this.token = this.#free.pop() ?? this.#entered.push(emptyEntry()) - 1;
    const entered = this.#entered[this.token]!;
    entered.submitter = submitter;
    entered.token = token;
    entered.place = this.#table.place;
    entered.first = this.#first;
    entered.second = this.#second;
    entered.since = now;
    entered.passes = passes;
  }

  #forget(token: number): void {
    const entered = this.#entered[token]!;
    const { place, first, second, since } = entered;
    if (entered.passes) this.#table.uncount(place, first, second);
    else this.#table.forget(place, first, second, since);
    entered.submitter = NOBODY;
    this.#free.push(token);
  }

  /** Of account, sender, recipient and text, its coding and its place in a longer one. */
  #hash(m: MessageDraft, account: string): void {
    [this.#first, this.#second] = this.#table.seeds;
    for (let i = 0; i < account.length; i++) this.#mix(account.charCodeAt(i));
    this.#mix((m.sourceLength << 24) | (m.destLength << 16) | (m.dataCoding << 8) | (m.esmClass & UDHI));
    this.#mixOctets(m.buffer, m.sourceAt, m.sourceLength);
    this.#mixOctets(m.buffer, m.destAt, m.destLength);
    this.#mixOctets(m.buffer, m.textAt, m.textLength);
    this.#mix(m.textLength);
    const mark = m.tlvsLength > 0 ? partMarkOf(m) : undefined;
    if (mark) this.#mix((mark.reference << 16) | (mark.total << 8) | mark.sequence);
    this.#first = finished(this.#first);
    this.#second = finished(this.#second);
  }

  #mixOctets(buffer: Buffer, from: number, length: number): void {
    const whole = from + (length & ~3);
    let at = from;
    for (; at < whole; at += 4) {
      this.#mix(buffer[at]! | (buffer[at + 1]! << 8) | (buffer[at + 2]! << 16) | (buffer[at + 3]! << 24));
    }
    let last = 0;
    for (; at < from + length; at++) last = (last << 8) | buffer[at]!;
    this.#mix(last);
  }

  /** Two lanes of MurmurHash3 (x86, 32 bits), of different constants: together 64 bits. */
  #mix(word: number): void {
    let k = Math.imul(word, 0xcc9e2d51);
    k = Math.imul((k << 15) | (k >>> 17), 0x1b873593);
    let h = this.#first ^ k;
    h = (h << 13) | (h >>> 19);
    this.#first = (Math.imul(h, 5) + 0xe6546b64) | 0;
    k = Math.imul(word, 0x239b961b);
    k = Math.imul((k << 16) | (k >>> 16), 0xab0e9789);
    h = this.#second ^ k;
    h = (h << 17) | (h >>> 15);
    this.#second = (Math.imul(h, 5) + 0x561ccd1b) | 0;
  }
}

/** In the place of an account: no name begins so. */
const PASSES = 0;

/** ESME_RSUBMITFAIL (SMPP v3.4 §5.1.3), where a duplicate cannot be told the id of the first. */
const DUPLICATE = 0x45;

function finished(hash: number): number {
  let h = hash ^ (hash >>> 16);
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  return h ^ (h >>> 16);
}

const NOBODY: Submitter = { accepted: () => undefined, refused: () => undefined, inDoubt: () => undefined };

const emptyEntry = (): Entered => ({
  submitter: NOBODY,
  token: 0,
  place: 0,
  first: 0,
  second: 0,
  since: 0,
  passes: false,
});
