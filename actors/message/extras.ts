import type { MessageDraft } from './draft.ts';
import { RecordFlag } from './record.ts';

/**
 * What came with a message by an API and has no place in SMPP: kept with it, shown to whoever asks for the message, and
 * never sent to an SMPP peer. It lies before the message's TLVs in the form of one, marked by `RecordFlag.extras`:
 *
 *     0  u16 tag 0xFFFF (reserved, SMPP v3.4 §5.3.2), u16 octets of the value, both big-endian
 *     4  JSON, UTF-8
 *
 * In the store and in the archive: must never change.
 */
const TAG = 0xffff;
const HEAD = 4;
/** Most octets of all of it. */
export const EXTRAS_LIMIT = 2048;

/** Field names and values as the API has them. */
export type Extras = Readonly<Record<string, unknown>>;

/**
 * Writes extras at `at`, where there must be room for EXTRAS_LIMIT octets. Returns the offset after them.
 * @throws RangeError when they take more
 */
export function writeExtras(out: Buffer, at: number, extras: Extras): number {
  const text = JSON.stringify(extras);
  const length = Buffer.byteLength(text);
  if (HEAD + length > EXTRAS_LIMIT) throw new RangeError(`extras: expected at most ${EXTRAS_LIMIT} octets`);
  out.writeUInt16BE(TAG, at);
  out.writeUInt16BE(length, at + 2);
  return at + HEAD + out.write(text, at + HEAD, 'utf8');
}

/** The extras that these TLVs of a record or an archived row begin with; undefined when there are none. */
export function readExtras(tlvs: Uint8Array): Extras | undefined {
  const octets = Buffer.from(tlvs.buffer, tlvs.byteOffset, tlvs.byteLength);
  if (octets.length < HEAD || octets.readUInt16BE(0) !== TAG) return undefined;
  try {
    return JSON.parse(octets.toString('utf8', HEAD, HEAD + octets.readUInt16BE(2))) as Extras;
  } catch {
    // An archived row does not tell ours from a TLV that a peer gave the same tag.
    return undefined;
  }
}

/** Makes a draft that was read from a record begin its TLVs after the extras: for whoever sends it to a peer. */
export function skipExtras(m: MessageDraft): void {
  const length = extrasLength(m);
  m.tlvsAt += length;
  m.tlvsLength -= length;
}

/** Octets of a draft's extras. */
export function extrasLength(m: MessageDraft): number {
  if ((m.flags & RecordFlag.extras) === 0 || m.tlvsLength < HEAD) return 0;
  return HEAD + m.buffer.readUInt16BE(m.tlvsAt + 2);
}
