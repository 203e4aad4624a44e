import { MessageDraft } from '../../actors/message/draft.ts';
import { EXTRAS_LIMIT, writeExtras } from '../../actors/message/extras.ts';
import { RecordFlag } from '../../actors/message/record.ts';
import { PushEvent, type PushRequest } from '../../actors/push/push-request.ts';
import { alphabetOf } from '../../actors/text/gsm7.ts';
import { encodeLatin1 } from '../../actors/text/latin1.ts';
import { encodeUcs2 } from '../../actors/text/ucs2.ts';
import { languagesOf, UDHI, writeUdh, type InformationElement } from '../../actors/text/udh.ts';
import { dataCodingOf, type CharacterSet } from './data-coding-fields.ts';
import { invalid } from './problem.ts';
import { EXTRA_FIELDS, type SubmitBody } from './schema.ts';
import { parseTime } from './times.ts';

/** Type of number and numbering plan, SMPP v3.4 §5.2.5, §5.2.6. */
const INTERNATIONAL = 1;
const ALPHANUMERIC = 5;
const ISDN = 1;

/** registered_delivery, SMPP v3.4 §5.2.17: the carrier's receipt tells us the fate that the sender asks for. */
const RECEIPT = 0x01;
const INTERMEDIATE = 0x10;

/** Octets of 255 messages of 134 with their headers: a longer text cannot be cut (3GPP TS 23.040 §9.2.3.24.1). */
export const MOST_TEXT_OCTETS = 255 * 134;
/** Longest postponement. */
export const MOST_DELAY_MS = 366 * 24 * 3_600_000;
/** Two addresses of at most 20 octets and a header of at most 256 beside text and extras. */
const SCRATCH = 512 + MOST_TEXT_OCTETS + EXTRAS_LIMIT;

/** Fills a draft with what a request says. One per thread: the draft is good until the next call. */
export class DraftWriter {
  readonly #draft = new MessageDraft();
  readonly #scratch = Buffer.allocUnsafeSlow(SCRATCH);

  constructor() {
    this.#draft.buffer = this.#scratch;
  }

  /** @param push how its sender is told of it by HTTP @throws Problem `invalid` naming the field */
  fill(body: SubmitBody, nowMs: number, push?: PushRequest): MessageDraft {
    const m = this.#draft;
    let at = this.#source(body.source_msisdn);
    at = this.#destination(body.destination_msisdn, at);
    at = this.#text(body, at);
    this.#extras(body, at, push);
    setTimes(m, body, nowMs);
    return m;
  }

  #source(number: string): number {
    const m = this.#draft;
    const isNumber = NUMBER.test(number);
    const digits = numberAsKept(number);
    m.sourceTon = !isNumber ? ALPHANUMERIC : digits.length < number.length ? INTERNATIONAL : 0;
    m.sourceNpi = isNumber ? ISDN : 0;
    m.sourceAt = 0;
    return (m.sourceLength = this.#scratch.latin1Write(digits, 0));
  }

  #destination(number: string, at: number): number {
    const m = this.#draft;
    const digits = withoutPrefix(number);
    m.destTon = digits.length < number.length ? INTERNATIONAL : 0;
    m.destNpi = ISDN;
    m.destAt = at;
    return at + (m.destLength = this.#scratch.latin1Write(digits, at));
  }

  #text(body: SubmitBody, at: number): number {
    const m = this.#draft;
    const elements = elementsOf(body);
    const header = elements.length === 0 ? undefined : headerOf(elements);
    const { characterSet, octets } = body.raw_data_flag === true ? rawOctets(body) : encoded(body, elements);
    const length = octets.length + (header?.length ?? 0);
    if (length > MOST_TEXT_OCTETS) {
      throw wrong('message_body', `expected at most ${MOST_TEXT_OCTETS} octets (255 messages), got ${length}`);
    }
    m.esmClass = header ? UDHI : 0;
    m.dataCoding = dataCodingOf(body, characterSet);
    m.textAt = at;
    m.textLength = length;
    let to = at;
    if (header) to += header.copy(this.#scratch, to);
    return to + octets.copy(this.#scratch, to);
  }

  #extras(body: SubmitBody, at: number, push: PushRequest | undefined): void {
    const m = this.#draft;
    m.registeredDelivery = push && (push.mask & PushEvent.intermediate) !== 0 ? RECEIPT | INTERMEDIATE : RECEIPT;
    const extras: Record<string, unknown> = {};
    let any = false;
    for (const field of EXTRA_FIELDS) {
      const value = body[field];
      if (value === undefined || value === null || value === false) continue;
      extras[field] = value;
      any = true;
    }
    if (push) {
      extras['receipt'] = push;
      any = true;
    }
    m.flags = (any ? RecordFlag.extras : 0) | (push ? RecordFlag.pushed : 0);
    m.tlvsAt = at;
    m.tlvsLength = any ? writeExtras(this.#scratch, at, extras) - at : 0;
  }
}

function setTimes(m: MessageDraft, body: SubmitBody, nowMs: number): void {
  m.deliverAfter = 0;
  m.expiresAt = 0;
  if (typeof body.deliver_after === 'string') {
    const at = parseTime(body.deliver_after)!;
    if (at > nowMs + MOST_DELAY_MS) throw wrong('deliver_after', 'expected a time within a year from now');
    if (at > nowMs) m.deliverAfter = at;
  }
  if (typeof body.expires === 'string') {
    const at = parseTime(body.expires)!;
    if (at <= Math.max(nowMs, m.deliverAfter)) {
      throw wrong('expires', 'expected a time that is still to come, and after deliver_after');
    }
    m.expiresAt = at;
  }
}

/** A sender or recipient as it is kept with the message, and compared. */
export function numberAsKept(address: string): string {
  return NUMBER.test(address) ? withoutPrefix(address) : address;
}

const NUMBER = /^\+?\d+$/;

/** An international number without what marks it so; others as they are. */
function withoutPrefix(number: string): string {
  if (number.charCodeAt(0) === 0x2b) return number.slice(1);
  return number.length > 2 && number.startsWith('00') ? number.slice(2) : number;
}

function elementsOf({ tp_user_data_header: map }: SubmitBody): InformationElement[] {
  if (!map) return [];
  return Object.entries(map).map(([id, data]) => ({ id: Number(id), data: Buffer.from(data, 'hex') }));
}

function headerOf(elements: readonly InformationElement[]): Buffer {
  try {
    return writeUdh(elements);
  } catch (error) {
    throw wrong('tp_user_data_header', (error as RangeError).message);
  }
}

interface Encoded {
  readonly characterSet: CharacterSet;
  readonly octets: Buffer;
}

const rawOctets = (body: SubmitBody): Encoded => ({
  characterSet: body.tp_dcs_character_set ?? '8bit',
  octets: hexOctets(body.message_body),
});

/** The octets that message_body says in hexadecimal. @throws Problem */
export function hexOctets(text: string): Buffer {
  if (text.length % 2 === 0 && /^[0-9a-f]*$/i.test(text)) return Buffer.from(text, 'hex');
  throw wrong('message_body', 'expected octets in hexadecimal, since raw_data_flag is true');
}

/** The text in the character set asked for, or in the one that has all of it. National tables as the header sets them. */
function encoded(body: SubmitBody, elements: readonly InformationElement[]): Encoded {
  const { message_body: text, tp_dcs_character_set: asked } = body;
  const characterSet = asked ?? 'gsm7';
  const octets = encodeIn(text, characterSet, elements);
  if (octets) return { characterSet, octets };
  if (!asked) return { characterSet: 'ucs2', octets: encodeUcs2(text) };
  throw wrong('message_body', `expected characters that ${asked} has`);
}

function encodeIn(text: string, asked: CharacterSet, elements: readonly InformationElement[]): Buffer | undefined {
  switch (asked) {
    case 'gsm7': {
      const { locking, single } = languagesOf({ length: 0, elements });
      return alphabetOf(locking, single).encode(text);
    }
    case 'ucs2':
      return encodeUcs2(text);
    case 'latin1':
    case '8bit':
      return encodeLatin1(text);
    default:
      return asked satisfies never;
  }
}

const wrong = (field: keyof SubmitBody, message: string) => invalid([{ field, message }]);
