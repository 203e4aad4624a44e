import type { MessageId, PublicIds } from '../../actors/message/id.ts';
import { Fate } from '../../actors/message/ledger.ts';
import type { FoundMessage, Match, Place, Searched } from '../../actors/ports.ts';
import { newestFirst, placeOf, soFar } from '../../actors/store/place.ts';
import { isInArchive, isReceipt } from './found-message.ts';
import type { ListQuery } from './list-query.ts';
import type { ArchivedRow } from './message-view.ts';
import { Problem, retryAfter } from './problem.ts';

/** A page of the archive's, newest first; `until` as in `Searched`. */
export interface ArchivedPage {
  readonly rows: readonly ArchivedRow[];
  readonly until: Place | undefined;
}

export interface ListerDeps {
  readonly ids: PublicIds;
  readonly search: (match: Match, limit: number) => Promise<Searched>;
  readonly find: (id: MessageId) => Promise<FoundMessage | undefined>;
  /** @throws when the archive cannot be asked */
  readonly listArchived: (match: Match, from: number, limit: number) => Promise<ArchivedPage>;
  /** The rows of messages that lie there. @throws when the archive cannot be asked */
  readonly archivedAt: (places: readonly Place[]) => Promise<readonly ArchivedRow[]>;
}

/** A message of a list: at least one of the two; both when the store awaits the receipt of one that is archived. */
export interface Listed {
  readonly place: Place;
  readonly found?: FoundMessage;
  readonly row?: ArchivedRow;
}

export interface ListedPage {
  readonly messages: readonly Listed[];
  /** What is older than this place comes next; undefined: nothing does. */
  readonly next: Place | undefined;
  /** false: it could not be asked, and what only the archive has is missing. */
  readonly archiveAsked: boolean;
}

/** Lists that one worker makes at once; whoever comes then is told to come again. */
const MOST_AT_ONCE = 2;

/**
 * Lists of messages, newest first, from the store and the archive. A page takes bounded work on either side, so it may be
 * shorter than asked for, or empty, and yet not the last. No message is on two pages, and none that was there at the first
 * is left out, whatever comes meanwhile: pages follow the time of acceptance, which never changes.
 */
export class MessageLister {
  readonly #deps: ListerDeps;
  #busy = 0;

  constructor(deps: ListerDeps) {
    this.#deps = deps;
  }

  /** @throws Problem `throttled`; and what the store throws */
  async list(query: ListQuery): Promise<ListedPage> {
    if (this.#busy >= MOST_AT_ONCE) {
      throw new Problem('throttled', `${MOST_AT_ONCE} lists are being made here already`, {}, retryAfter(1));
    }
    this.#busy++;
    try {
      return await this.#list(query);
    } finally {
      this.#busy--;
    }
  }

  async #list({ match, archiveFrom, limit }: ListQuery): Promise<ListedPage> {
    // In this order: what moves from the store to the archive meanwhile is found twice, not never.
    const searched = await this.#deps.search(match, limit + 1);
    const archived = await this.#deps.listArchived(match, archiveFrom, limit + 1).catch(() => undefined);
    const until = soFar([searched.until, archived?.until]);
    const messages = this.#merged(searched.found, archived?.rows ?? []).filter(
      ({ place }) => until === undefined || newestFirst(place, until) <= 0,
    );
    const isMore = messages.length > limit;
    messages.length = Math.min(messages.length, limit);
    return {
      messages: await this.#completed(messages, match, archived !== undefined),
      next: isMore ? messages.at(-1)!.place : until,
      archiveAsked: archived !== undefined,
    };
  }

  #merged(found: readonly FoundMessage[], rows: readonly ArchivedRow[]): Listed[] {
    const byId = new Map<MessageId, Listed>();
    for (const one of found) if (!isReceipt(one)) byId.set(one.id, { place: placeOf(one), found: one });
    for (const row of rows) {
      const id = this.#deps.ids.fromPublic(row.id);
      byId.set(id, { place: { at: row.acceptedAt.getTime(), id }, ...byId.get(id), row });
    }
    return [...byId.values()].sort((a, b) => newestFirst(a.place, b.place));
  }

  /**
   * Where store and archive know of the same message, each may match alone: the store learns of a receipt first, and the
   * archive is not looked through as far back.
   */
  async #completed(messages: readonly Listed[], { fate }: Match, isArchiveUp: boolean): Promise<readonly Listed[]> {
    const bare = messages.filter(({ found, row }) => found && !row && isInArchive(found)).map(({ place }) => place);
    const rows = isArchiveUp && bare.length > 0 ? await this.#deps.archivedAt(bare).catch(() => []) : [];
    const byId = new Map(rows.map(row => [this.#deps.ids.fromPublic(row.id), row]));
    const complete = messages.map(one => {
      const row = one.row ?? byId.get(one.place.id);
      return row ? { ...one, row } : one;
    });
    return fate === Fate.sent ? this.#stillSent(complete) : complete;
  }

  async #stillSent(messages: readonly Listed[]): Promise<readonly Listed[]> {
    const fates = await Promise.all(
      messages.map(async one => (one.found ?? (await this.#deps.find(one.place.id)))?.fate),
    );
    return messages.filter((_, i) => (fates[i] ?? Fate.sent) === Fate.sent);
  }
}
