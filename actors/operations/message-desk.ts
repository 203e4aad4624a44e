import type { MessageId } from '../message/id.ts';
import { changedRecord, replacedRecord, type Changes } from '../message/amend.ts';
import type { MessageDraft } from '../message/draft.ts';
import { Fate, L, nextEntry, What } from '../message/ledger.ts';
import { PLAIN_OCTETS } from '../long/split.ts';
import { destOf, R, RecordFlag, sourceOf } from '../message/record.ts';
import type { FoundMessage, Match, MessageStore, Place } from '../ports.ts';

/** What the archive tells of a message that has left the store. */
export interface ArchivedFate {
  readonly account: string;
  readonly source: string;
  readonly fate: Fate;
  /** ms since 1970; 0: not known. */
  readonly doneAt: number;
  readonly error: number;
}

/** Where a message stands, as its sender may know it. */
export interface MessageFate extends Omit<ArchivedFate, 'account'> {
  /** It has not been tried yet, and will not be before its time. */
  readonly scheduled: boolean;
  /** Nothing will change any more: `fate` is its last one. */
  readonly final: boolean;
}

/** `in-parts`: it goes in parts, which were cut for its text; `too-long`: the text would have to. */
export type ChangeOutcome = 'done' | 'unknown' | 'too-late' | 'in-parts' | 'too-long';

export interface DeskDeps {
  readonly store: Pick<MessageStore, 'find' | 'cancel' | 'amend' | 'search' | 'outcome'>;
  /** @throws while the archive cannot be asked */
  readonly findArchived: (id: MessageId) => Promise<ArchivedFate | undefined>;
  /** Resolves when all that was taken here so far is committed: what a peer has just sent can be found then. */
  readonly committed: () => Promise<void>;
}

/** Of the messages that match as many as the longest one has parts, and one. */
const NEWEST = 256;
/** Characters of GSM 03.38 in one message, an octet each (3GPP TS 23.040 §9.2.3.16). */
const MOST_GSM7 = 160;
/** Most messages that one cancellation by addresses takes. */
const CANCELLED_AT_ONCE = 10_000;

/**
 * What the sender of a message may do with it afterwards: ask, cancel, replace. Somebody else's message is as unknown as
 * one that never was. Everything is durable when it resolves.
 */
export class MessageDesk {
  readonly #deps: DeskDeps;

  constructor(deps: DeskDeps) {
    this.#deps = deps;
  }

  /**
   * @param source when given it must be the message's own
   * @throws while the archive cannot be asked
   */
  async query(account: string, id: MessageId, source: string): Promise<MessageFate | undefined> {
    const found = await this.#own(account, id, source);
    if (found) return fateOf(found);
    const archived = await this.#deps.findArchived(id);
    if (!archived || archived.account !== account || !isSame(source, archived.source)) return undefined;
    return { ...archived, scheduled: false, final: true };
  }

  /**
   * Cancels a message; one that was sent to several recipients for the one that `dest` names, or for all of them.
   *
   * @param dest '' for any
   */
  async cancel(account: string, id: MessageId, source: string, dest: string): Promise<ChangeOutcome> {
    const first = await this.#own(account, id, source);
    if (!first) return (await this.#isArchived(account, id)) ? 'too-late' : 'unknown';
    const siblings = [first, ...(await this.#siblings(first))].filter(({ record }) =>
      isSame(dest, destOf(asBuffer(record), 0)),
    );
    if (siblings.length === 0) return 'unknown';
    // What goes in parts waits as long as they do: it is cancelled when one of them can be.
    const [wholes, sent] = [siblings.filter(isWhole), siblings.filter(sibling => !isWhole(sibling))];
    const outcomes = await Promise.all(sent.map(sibling => this.#deps.store.cancel(sibling.id)));
    if (!outcomes.includes('done')) return 'too-late';
    await Promise.all(wholes.map(whole => this.#deps.store.cancel(whole.id)));
    return 'done';
  }

  /** Cancels all messages that wait and match. @returns how many */
  async cancelMatching(account: string, match: Match): Promise<number> {
    await this.#deps.committed();
    const found = await this.#waiting(account, match, CANCELLED_AT_ONCE);
    const outcomes = await Promise.all(found.filter(one => !isPart(one)).map(one => this.#cancelOne(one)));
    return outcomes.filter(outcome => outcome === 'done').length;
  }

  async change(account: string, id: MessageId, source: string, changes: Changes): Promise<ChangeOutcome> {
    const found = await this.#own(account, id, source);
    if (!found) return (await this.#isArchived(account, id)) ? 'too-late' : 'unknown';
    if (isInParts(found)) return 'in-parts';
    if (isTooLong(changes.text, found)) return 'too-long';
    const outcome = await this.#deps.store.amend(id, changedRecord(found.record, changes));
    return outcome === 'done' || outcome === 'unknown' ? outcome : 'too-late';
  }

  /**
   * Puts a message into the place of the newest one that waits and has the same addresses and service_type.
   *
   * @param m its buffer must stay as it is; its times are set already
   * @returns its id when it was replaced. Otherwise what is to be cancelled once the new one is taken: a message that goes
   *   in parts, or would have to; undefined when none waits
   */
  async replace(
    account: string,
    match: Match,
    m: MessageDraft,
  ): Promise<{ readonly replaced: MessageId } | { readonly obsolete: MessageId } | undefined> {
    await this.#deps.committed();
    const waiting = await this.#waiting(account, match, NEWEST);
    const found = waiting.find(one => !isPart(one));
    if (!found) return undefined;
    const text = m.buffer.subarray(m.textAt, m.textAt + m.textLength);
    if (isInParts(found) || isTooLong(text, found)) return { obsolete: found.id };
    const outcome = await this.#deps.store.amend(found.id, replacedRecord(asBuffer(found.record), m));
    return outcome === 'done' ? { replaced: found.id } : undefined;
  }

  /** Waits for the last fate of a message, at most `waitMs`; then it is not final. Undefined when it is not known. */
  async outcome(id: MessageId, waitMs: number): Promise<MessageFate | undefined> {
    const found = await this.#deps.store.outcome(id, waitMs);
    return found && fateOf(found);
  }

  /** Cancels a message that nobody waits for any more. */
  async abandon(id: MessageId): Promise<void> {
    const found = await this.#deps.store.find(id);
    if (found) await this.#cancelOne(found);
  }

  /** Cancels a message, with its parts where it has some. */
  async #cancelOne(found: FoundMessage): Promise<ChangeOutcome> {
    if (!isWhole(found)) return (await this.#deps.store.cancel(found.id)) === 'done' ? 'done' : 'too-late';
    const parts = await this.#siblings(found);
    const outcomes = await Promise.all(parts.map(({ id }) => this.#deps.store.cancel(id)));
    if (!outcomes.includes('done')) return 'too-late';
    await this.#deps.store.cancel(found.id);
    return 'done';
  }

  async #own(account: string, id: MessageId, source: string): Promise<FoundMessage | undefined> {
    const found = await this.#deps.store.find(id);
    if (!found || found.account !== account) return undefined;
    const record = asBuffer(found.record);
    // What a carrier or another customer has sent to this account is not its to change.
    return record[R.kind] === 0 && isSame(source, sourceOf(record, 0)) ? found : undefined;
  }

  /** The newest messages of an account that wait and match, all or `most` of them. */
  async #waiting(account: string, match: Match, most: number): Promise<FoundMessage[]> {
    const waiting: FoundMessage[] = [];
    let before: Place | undefined;
    do {
      const wanted = { ...match, account, waiting: true, before };
      const { found, until } = await this.#deps.store.search(wanted, most - waiting.length);
      waiting.push(...found);
      before = until;
    } while (before && waiting.length < most);
    return waiting;
  }

  /** An archive that cannot be asked does not know it: what is to be changed is not there anyhow. */
  async #isArchived(account: string, id: MessageId): Promise<boolean> {
    const archived = await this.#deps.findArchived(id).catch(() => undefined);
    return archived?.account === account;
  }

  /** The other messages of the submission that this is the first of. */
  async #siblings(first: FoundMessage): Promise<FoundMessage[]> {
    const siblings: FoundMessage[] = [];
    const count = asBuffer(first.record)[R.siblings]!;
    for (let i = 1; i < count; i++) {
      const next = await this.#deps.store.find(first.id + i);
      // Gone already: others that are left lie behind it.
      if (!next) continue;
      if (asBuffer(next.record)[R.sibling] !== i || next.account !== first.account) break;
      siblings.push(next);
    }
    return siblings;
  }
}

function fateOf(found: FoundMessage): MessageFate {
  const ledger = asBuffer(found.ledger);
  let doneAt = 0;
  let error = 0;
  let awaits = false;
  for (let at = 0; at < ledger.length; at = nextEntry(ledger, at)) {
    const what = ledger[at + L.what];
    error = ledger.readUInt32LE(at + L.error);
    if (what !== What.settled && what !== What.receipt) continue;
    doneAt = ledger.readDoubleLE(at + L.at);
    awaits = what === What.settled && (ledger[at + L.flags]! & 1) !== 0;
  }
  return {
    source: sourceOf(asBuffer(found.record), 0),
    fate: found.fate,
    scheduled: found.dueAt > 0 && found.attempts === 0 && !isWhole(found),
    final: found.fate !== Fate.queued && !awaits,
    doneAt: doneAt || found.createdAt,
    error,
  };
}

/** A message that goes in parts; it is not sent itself. */
const isWhole = ({ record }: FoundMessage): boolean => (record[R.flags]! & RecordFlag.whole) !== 0;
/** It, or one of its parts: each is cut for its text. */
const isInParts = ({ record }: FoundMessage): boolean =>
  (record[R.flags]! & (RecordFlag.whole | RecordFlag.part)) !== 0;

const isPart = ({ record }: FoundMessage): boolean => (record[R.flags]! & RecordFlag.part) !== 0;

/** Would this text have to go in parts, where the one it replaces did not? Parts are cut when a message comes in. */
function isTooLong(text: Buffer | undefined, { record }: FoundMessage): boolean {
  if (!text) return false;
  const most = record[R.dataCoding] === 0 ? MOST_GSM7 : PLAIN_OCTETS;
  return text.length > Math.max(most, asBuffer(record).readUInt32LE(R.textLength));
}

/** '' is not compared. */
const isSame = (wanted: string, own: string): boolean => wanted === '' || wanted === own;
const asBuffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
