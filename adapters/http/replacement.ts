import { MessageDraft } from '../../actors/message/draft.ts';
import type { Changes } from '../../actors/message/amend.ts';
import { deliverAfterOf, R, readRecord, validUntil } from '../../actors/message/record.ts';
import { charsetOf } from '../../actors/text/data-coding.ts';
import { alphabetOf } from '../../actors/text/gsm7.ts';
import { encodeLatin1 } from '../../actors/text/latin1.ts';
import { encodeUcs2 } from '../../actors/text/ucs2.ts';
import { languagesOf, parseUdh, UDHI, type UserDataHeader } from '../../actors/text/udh.ts';
import { hexOctets, MOST_DELAY_MS } from './draft-writer.ts';
import { invalid } from './problem.ts';
import type { ChangeBody } from './schema.ts';
import { parseTime } from './times.ts';

/** When the validity of a message ends, within the bounds that there are (`Intake.expiryOf`). */
type ExpiryOf = (m: MessageDraft, nowMs: number) => number;

/**
 * What a request changes of a message that waits. As with replace_sm its data_coding, header and what else stays.
 *
 * @throws Problem `invalid` naming the field
 */
export function changesOf(body: ChangeBody, record: Buffer, nowMs: number, expiryOf: ExpiryOf): Changes {
  const fields = ['message_body', 'deliver_after', 'expires', 'registered_delivery'] as const;
  if (fields.every(field => (body[field] ?? undefined) === undefined)) {
    throw invalid([{ field: '', message: `expected one or more of ${fields.join(', ')}` }]);
  }
  const deliverAfter = timeOf(body.deliver_after);
  if (deliverAfter !== undefined && deliverAfter > nowMs + MOST_DELAY_MS) {
    throw wrong('deliver_after', 'expected a time within a year from now');
  }
  const expires = timeOf(body.expires);
  const from = Math.max(nowMs, deliverAfter ?? deliverAfterOf(record, 0));
  if (expires !== undefined && expires <= from) {
    throw wrong('expires', 'expected a time that is still to come, and after deliver_after');
  }
  if (expires === undefined && deliverAfter !== undefined && deliverAfter >= validUntil(record, 0)) {
    throw wrong('deliver_after', 'expected a time before the message expires, or a later expires too');
  }
  return {
    text: typeof body.message_body === 'string' ? textOf(body.message_body, body, record) : undefined,
    deliverAfter: deliverAfter !== undefined && deliverAfter <= nowMs ? 0 : deliverAfter,
    expiresAt: expires === undefined ? undefined : bounded(expiryOf, from, expires, nowMs),
    registeredDelivery: body.registered_delivery ?? undefined,
    defaultMessageId: undefined,
  };
}

function bounded(expiryOf: ExpiryOf, from: number, expires: number, nowMs: number): number {
  const m = new MessageDraft();
  m.deliverAfter = from;
  m.expiresAt = expires;
  return expiryOf(m, nowMs);
}

/** The text as the message is coded, behind the header that it has. */
function textOf(text: string, { raw_data_flag: isRaw }: ChangeBody, record: Buffer): Buffer {
  const m = new MessageDraft();
  readRecord(m, record, 0);
  const before = record.subarray(m.textAt, m.textAt + m.textLength);
  const header = (record[R.esmClass]! & UDHI) === 0 ? NO_HEADER : (parseUdh(before) ?? NO_HEADER);
  const octets = isRaw === true ? hexOctets(text) : encoded(text, m.dataCoding, header);
  return Buffer.concat([before.subarray(0, header.length), octets]);
}

const NO_HEADER: UserDataHeader = { length: 0, elements: [] };

function encoded(text: string, dataCoding: number, header: UserDataHeader): Buffer {
  const charset = charsetOf(dataCoding);
  if (charset === 'ucs2') return encodeUcs2(text);
  if (charset === 'latin1') return encodeLatin1(text) ?? missing(charset);
  if (charset !== 'gsm7') {
    throw wrong('raw_data_flag', `expected true and octets in hexadecimal: the message has data_coding ${dataCoding}`);
  }
  const { locking, single } = languagesOf(header);
  return alphabetOf(locking, single).encode(text) ?? missing(charset);
}

function missing(charset: string): never {
  throw wrong('message_body', `expected characters that ${charset} has: the message keeps its coding`);
}

const timeOf = (text: string | null | undefined): number | undefined =>
  typeof text === 'string' ? parseTime(text) : undefined;

const wrong = (field: keyof ChangeBody, message: string) => invalid([{ field, message }]);
