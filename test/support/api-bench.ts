import { Throughput } from '../../actors/accounts/limits.ts';
import type { Submitter } from '../../actors/batch/batch-actor.ts';
import { readBatch, BatchBuilder } from '../../actors/message/batch.ts';
import type { MessageDraft } from '../../actors/message/draft.ts';
import { messageId, PublicIds, type MessageId } from '../../actors/message/id.ts';
import { Fate, LedgerWriter } from '../../actors/message/ledger.ts';
import { ArchiveMode, Kind, RecordFlag } from '../../actors/message/record.ts';
import { Shaper } from '../../actors/long/shaper.ts';
import type { NodeStatus } from '../../actors/node-control.ts';
import { MessageDesk } from '../../actors/operations/message-desk.ts';
import { AddressRules } from '../../actors/push/address-rules.ts';
import { urlProblem } from '../../actors/push/push-url.ts';
import type { FoundMessage, Match, Place } from '../../actors/ports.ts';
import { newestFirst, placeOf } from '../../actors/store/place.ts';
import type { Source } from '../../actors/batch/source.ts';
import { createApi } from '../../adapters/http/app.ts';
import type { KeyOwner } from '../../adapters/http/caller.ts';
import type { ApiAccount, ApiDeps, Health } from '../../adapters/http/deps.ts';
import { MessageLister } from '../../adapters/http/message-lister.ts';
import type { ArchivedRow } from '../../adapters/http/message-view.ts';
import { statusOf } from '../../adapters/smpp/codec/command-status.ts';
import { EMPTY_STATUS } from './sample-control.ts';

export const NOW = Date.UTC(2025, 9, 16, 10, 30, 0, 123);

/** What was handed to the intake. */
export interface Submitted {
  readonly record: Buffer;
  readonly source: Source;
  readonly destination: string;
}

/**
 * The API with everything behind it in memory: an intake that takes each message in the next turn (or refuses it, as
 * `answer` says), one batch a message, and `found` by public id.
 */
export class ApiBench {
  readonly ids = new PublicIds(Buffer.from('0123456789abcdef'));
  readonly submitted: Submitted[] = [];
  readonly found = new Map<number, FoundMessage>();
  readonly rows = new Map<number, ArchivedRow>();
  readonly accounts = new Map<string, ApiAccount>([['load', account()]]);
  readonly keys = new Map<string, KeyOwner>(
    (['admin', 'operator', 'viewer', 'frontend'] as const).map(role => [
      `key-of-${role}`,
      { name: `the-${role}`, role, allows: () => true },
    ]),
  );
  readonly counters = { accepted: 0, refused: 0 };
  readonly failures: unknown[] = [];
  /** What becomes of the next messages: a command_status at once or by the commit, or nobody knows. */
  answer: { readonly now?: number; readonly later?: number | 'in-doubt' } = {};
  archiveIsUp = true;
  readonly shaper = new Shaper(0);
  /** Where the routes lead; undefined: nowhere. */
  routed: string | undefined = 'sink';
  health: Health = 'ok';
  status: NodeStatus = EMPTY_STATUS;
  draining = false;
  destination = '';
  /** What lists ask of the store, and of the archive. */
  readonly searched: (readonly [match: Match, limit: number])[] = [];
  readonly listed: (readonly [match: Match, from: number, limit: number])[] = [];
  /** Where the store's and the archive's next search ends early. */
  storeUntil: Place | undefined;
  archiveUntil: Place | undefined;
  readonly lister = new MessageLister({
    ids: this.ids,
    find: async id => this.found.get(this.ids.toPublic(id)),
    search: async (match, limit) => {
      this.searched.push([match, limit]);
      const found = [...this.found].flatMap(([id, one]) =>
        isAfter(match, placeOf(one)) && !this.hidden.has(id) ? [one] : [],
      );
      found.sort((a, b) => newestFirst(placeOf(a), placeOf(b)));
      return { found: found.slice(0, limit), until: this.storeUntil };
    },
    listArchived: async (match, from, limit) => {
      if (!this.archiveIsUp) throw new Error('the database is away');
      this.listed.push([match, from, limit]);
      const rows = [...this.rows.values()].filter(row => isAfter(match, this.#placeOf(row)));
      rows.sort((a, b) => newestFirst(this.#placeOf(a), this.#placeOf(b)));
      return { rows: rows.slice(0, limit), until: this.archiveUntil };
    },
    archivedAt: async places => {
      const wanted = new Set(places.map(({ id }) => this.ids.toPublic(id)));
      return [...this.rows.values(), ...this.oldRows.values()].filter(({ id }) => wanted.has(id));
    },
  });
  /** What the store has, and no search matches. */
  readonly hidden = new Set<number>();
  /** What the archive has, and does not list. */
  readonly oldRows = new Map<number, ArchivedRow>();
  #next = 1;
  readonly #app: ReturnType<typeof createApi>;

  constructor(auth: 'required' | 'none' = 'required') {
    this.#app = createApi(this.#deps(auth));
  }

  /** A request with the key of a role. */
  async request(path: string, role = 'admin', init: RequestInit = {}, address = '192.0.2.7'): Promise<Response> {
    const headers = new Headers(init.headers);
    if (role !== '') headers.set('authorization', `Bearer key-of-${role}`);
    const env = { incoming: { socket: { remoteAddress: address, destroy: () => this.failures.push('destroyed') } } };
    return this.#app.request(path, { ...init, headers }, env);
  }

  post(body: unknown, role = 'admin', headers: Record<string, string> = {}): Promise<Response> {
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    const all = { 'content-type': 'application/json', 'content-length': `${Buffer.byteLength(text)}`, ...headers };
    return this.request('/api/messages', role, { method: 'POST', headers: all, body: text });
  }

  /** Puts what was submitted last where `GET` finds it. @returns its public id */
  keep(more: Partial<FoundMessage> = {}): number {
    const { record, source, destination } = this.submitted.at(-1)!;
    const id = messageId(this.#next++, 0);
    const publicId = this.ids.toPublic(id);
    this.found.set(publicId, {
      id,
      account: source.name,
      destination,
      createdAt: NOW,
      tableVersion: 1,
      record,
      fate: Fate.queued,
      attempts: 0,
      dueAt: 0,
      claimed: false,
      ledger: new LedgerWriter().take(),
      ...more,
    });
    return publicId;
  }

  #placeOf({ acceptedAt, id }: ArchivedRow): Place {
    return { at: acceptedAt.getTime(), id: this.ids.fromPublic(id) };
  }

  #deps(auth: 'required' | 'none'): ApiDeps {
    return {
      guard: { auth, host: '127.0.0.1' },
      version: '1.2.3',
      ids: this.ids,
      now: () => NOW,
      draining: () => this.draining,
      monotonic: () => 0,
      intake: this.#intake(),
      counters: this.counters,
      ownerOf: key => this.keys.get(key),
      urlProblem: url => urlProblem(url, { allowHttp: false, hosts: [], addresses: new AddressRules([]) }),
      account: name => this.accounts.get(name),
      isDestination: name => ['sink', 'smpp-provider', 'load'].includes(name),
      statusOf,
      find: async id => this.found.get(this.ids.toPublic(id)),
      desk: this.#desk(),
      findArchived: async publicId => {
        if (!this.archiveIsUp) throw new Error('the database is away');
        return this.rows.get(publicId);
      },
      list: query => this.lister.list(query),
      repush: async ({ account, from, to, run = 'made' }) =>
        this.accounts.has(account)
          ? { run, account, from, to, state: 'running', pushed: 0, problem: '' }
          : { code: 'not-found', message: `no account is called ${account}` },
      repushed: async run => ({ run, account: 'load', from: NOW, to: NOW + 1, state: 'done', pushed: 7, problem: '' }),
      health: async () => this.health,
      status: async () => this.status,
      metrics: async () => 'smsc_up 1\n',
      failed: error => this.failures.push(error),
    };
  }

  /** The real one, over `found`. */
  #desk(): MessageDesk {
    const change = (id: MessageId, more: Partial<FoundMessage>): 'done' | 'unknown' | 'in-flight' | 'final' => {
      const publicId = this.ids.toPublic(id);
      const found = this.found.get(publicId);
      if (!found) return 'unknown';
      if (found.fate !== Fate.queued) return 'final';
      if (found.claimed) return 'in-flight';
      this.found.set(publicId, { ...found, ...more });
      return 'done';
    };
    return new MessageDesk({
      store: {
        find: async id => this.found.get(this.ids.toPublic(id)),
        cancel: async id => change(id, { fate: Fate.deleted }),
        amend: async (id, record) => change(id, { record }),
        search: async () => ({ found: [], until: undefined }),
        outcome: async () => undefined,
      },
      findArchived: async () => undefined,
      committed: async () => undefined,
    });
  }

  #intake(): ApiDeps['intake'] {
    const intake = {
      expiryOf: (m: MessageDraft, nowMs: number) => m.expiresAt || nowMs + 86_400_000,
      shaper: this.shaper,
      destinationFor: () => this.routed,
      parts: 1,
      destination: '',
      submit: (m: MessageDraft, source: Source, submitter: Submitter, token: number, destination?: string) =>
        this.#take(m, source, submitter, token, destination),
    };
    // A field that changes is read through.
    Object.defineProperty(intake, 'destination', { get: () => this.destination });
    return intake;
  }

  #take(m: MessageDraft, source: Source, submitter: Submitter, token: number, destination = ''): number {
    const { now = 0, later = 0 } = this.answer;
    if (now !== 0) return now;
    this.destination = destination === '' ? 'sink' : destination;
    this.submitted.push({ record: recordOf(m), source, destination: this.destination });
    setImmediate(() => {
      if (later === 'in-doubt') submitter.inDoubt(token);
      else if (later !== 0) submitter.refused(token, later);
      else submitter.accepted(token, messageId(this.#next, 0), NOW + 40);
    });
    return 0;
  }
}

const isAfter = ({ before }: Match, place: Place): boolean => before === undefined || newestFirst(before, place) < 0;

export const account = (more: Partial<ApiAccount> = {}): ApiAccount => ({
  archiveMode: ArchiveMode.metadata,
  enabled: true,
  rate: new Throughput(0, 0),
  rules: undefined,
  numbers: undefined,
  duplicates: undefined,
  push: undefined,
  ...more,
});

function recordOf(m: MessageDraft): Buffer {
  const builder = new BatchBuilder();
  builder.add(m, {
    kind: Kind.mt,
    group: builder.group('sink', 'x', 0),
    fateAtBirth: 0,
    archiveMode: ArchiveMode.full,
    flags: RecordFlag.pull,
    expiresAt: m.expiresAt,
    deliverAfter: m.deliverAfter,
    route: 1,
    hops: 0,
    part: 0,
    parts: 0,
    gathered: 0,
  });
  const { buffer, offsets } = readBatch(builder.close(1, NOW, 1), true);
  return buffer.subarray(offsets[0], offsets[0]! + buffer.readUInt32LE(offsets[0]));
}
