import { FATE_NAMES, Fate } from '../../actors/message/ledger.ts';
import type { PublicIds } from '../../actors/message/id.ts';
import type { Match, Place } from '../../actors/ports.ts';
import type { Caller } from './caller.ts';
import { numberAsKept } from './draft-writer.ts';
import { Problem, type FieldError } from './problem.ts';
import { ISO_TIME, parseTime } from './times.ts';

/** `GET /api/messages`: its parameters, and the cursor of its pages. Pure. */

export const MOST_LISTED = 1000;
export const LISTED = 100;
/** How far back the archive is looked through when the request does not say. */
const REACH_MS = 24 * 3_600_000;
/** An address has at most 20 octets (SMPP v3.4 §5.2.8, §5.2.9), and a `+` before it here. */
const MOST_ADDRESS = 21;

/** Which messages are asked for. */
export interface ListQuery {
  readonly match: Match;
  /** The same for what is in the archive alone, ms since 1970: all that is queued is shown, however old. */
  readonly archiveFrom: number;
  readonly limit: number;
}

export const STATUSES = Object.values(FATE_NAMES);

/** Parameters by name, and what is expected of each. */
export const PARAMETERS = {
  account: 'Whose they are',
  source: 'The sender: a number as when submitted (a + or 00 before it is not compared), or letters',
  destination: 'The recipient’s number, likewise',
  queue: 'Where they go: the name of a carrier, an account or a frontend',
  dest_smsc: 'The same as queue',
  status: STATUSES.join(', '),
  from: `Accepted then or later: ${ISO_TIME}. Absent: all that is queued, and 24 hours of the archive`,
  to: 'Accepted before then',
  limit: `1 to ${MOST_LISTED}; absent: ${LISTED}`,
  cursor: 'Out of a Link: what comes after a page',
} as const;

type Name = keyof typeof PARAMETERS;

/**
 * @param url of the request
 * @throws Problem `bad-request` with all that is wrong
 */
export function readListQuery(url: URL, caller: Caller, ids: PublicIds, nowMs: number): ListQuery {
  const reader = new Reader(url.searchParams);
  const account = reader.name('account');
  const queue = reader.name('queue');
  const destSmsc = reader.name('dest_smsc');
  if (queue !== undefined && destSmsc !== undefined && queue !== destSmsc) {
    reader.wrong('dest_smsc', 'expected the same as queue, or one of the two alone');
  }
  const source = reader.address('source');
  const dest = reader.address('destination');
  const fate = reader.status('status');
  const from = reader.time('from');
  const to = reader.time('to');
  if (from !== undefined && to !== undefined && from >= to) reader.wrong('to', 'expected a time after from');
  const limit = reader.limit('limit');
  const cursor = reader.cursor('cursor', ids);
  reader.done();
  const match: Match = {
    account,
    destination: queue ?? destSmsc,
    visibleTo: caller.role === 'frontend' ? caller.name : undefined,
    source,
    dest,
    fate,
    from,
    before: cursor?.before ?? (to === undefined ? undefined : { at: to, id: 0 }),
  };
  return { match, archiveFrom: from ?? cursor?.archiveFrom ?? (to ?? nowMs) - REACH_MS, limit };
}

/** The same request for what comes after `next`, for a Link (RFC 8288). */
export function nextLink(url: URL, { archiveFrom }: ListQuery, next: Place, ids: PublicIds): string {
  const parameters = new URLSearchParams(url.searchParams);
  parameters.set('cursor', writeCursor(next, archiveFrom, ids));
  return `<${url.pathname}?${parameters.toString()}>; rel="next"`;
}

/** Ids as customers know them: others would tell how much everybody sends. */
function writeCursor({ at, id }: Place, archiveFrom: number, ids: PublicIds): string {
  return Buffer.from(`${at}.${ids.toPublic(id)}.${archiveFrom}`).toString('base64url');
}

function readCursor(
  text: string,
  ids: PublicIds,
): { readonly before: Place; readonly archiveFrom: number } | undefined {
  const parts = /^(\d{1,16})\.(\d{1,16})\.(\d{1,16})$/.exec(Buffer.from(text, 'base64url').toString('latin1'));
  const id = parts ? ids.parse(parts[2]!) : undefined;
  if (!parts || id === undefined) return undefined;
  const [at, archiveFrom] = [Number(parts[1]), Number(parts[3])];
  return at <= LATEST && archiveFrom <= LATEST ? { before: { at, id }, archiveFrom } : undefined;
}

/** The last time a Date has. */
const LATEST = 8.64e15;

class Reader {
  readonly #parameters: URLSearchParams;
  readonly #errors: FieldError[] = [];

  constructor(parameters: URLSearchParams) {
    this.#parameters = parameters;
    for (const name of new Set(parameters.keys())) {
      if (!(name in PARAMETERS)) this.wrong(name, `no such parameter: expected ${Object.keys(PARAMETERS).join(', ')}`);
      else if (parameters.getAll(name).length > 1) this.wrong(name, 'expected once');
    }
  }

  wrong(field: string, message: string): void {
    this.#errors.push({ field, message });
  }

  /** @throws Problem when anything was wrong */
  done(): void {
    const errors = this.#errors;
    if (errors.length === 0) return;
    const detail = errors.map(({ field, message }) => `${field}: ${message}`).join('; ');
    throw new Problem('bad-request', detail, { errors });
  }

  name(name: Name): string | undefined {
    return this.#read(name, 'expected a name', text => text);
  }

  address(name: Name): string | undefined {
    return this.#read(name, `expected a number or letters, at most ${MOST_ADDRESS}`, text => {
      // A + that is not written %2B comes as a space.
      const address = text.replace(/^ (?=\d)/, '+');
      return address.length > MOST_ADDRESS ? undefined : numberAsKept(address);
    });
  }

  status(name: Name): Fate | undefined {
    const fates: Readonly<Record<string, Fate>> = Fate;
    return this.#read(name, `expected ${STATUSES.join(', ')}`, text =>
      Object.hasOwn(fates, text) ? fates[text] : undefined,
    );
  }

  time(name: Name): number | undefined {
    // The + of a zone, likewise.
    return this.#read(name, `expected ${ISO_TIME}`, text => parseTime(text.replace(/(T.*) (\d\d:?\d\d)$/, '$1+$2')));
  }

  limit(name: Name): number {
    const limit = this.#read(name, `expected a whole number from 1 to ${MOST_LISTED}`, text => {
      const number = /^\d{1,9}$/.test(text) ? Number(text) : 0;
      return number >= 1 && number <= MOST_LISTED ? number : undefined;
    });
    return limit ?? LISTED;
  }

  cursor(name: Name, ids: PublicIds): ReturnType<typeof readCursor> {
    return this.#read(name, 'expected one out of a Link header', text => readCursor(text, ids));
  }

  #read<T>(name: Name, expected: string, parse: (text: string) => T | undefined): T | undefined {
    const text = this.#parameters.get(name);
    if (text === null) return undefined;
    const value = text === '' ? undefined : parse(text);
    if (value === undefined) this.wrong(name, `${expected}, got ${shown(text)}`);
    return value;
  }
}

const shown = (text: string): string => (text === '' ? 'nothing' : JSON.stringify(text.slice(0, 40)));
