import type { Batch } from '../../actors/message/batch.ts';
import { R } from '../../actors/message/record.ts';

/** A copy of one record with at most `textLimit` octets of its text and without its TLVs: what a receipt needs to know. */
export function recordWithout(batch: Batch, index: number, textLimit: number): Uint8Array {
  const b = batch.buffer;
  const at = batch.offsets[index]!;
  const textAt = R.head + b[at + R.sourceLength]! + b[at + R.destLength]! + b[at + R.serviceTypeLength]!;
  const textLength = Math.min(b.readUInt32LE(at + R.textLength), textLimit);
  const copy = Buffer.allocUnsafeSlow(textAt + textLength);
  b.copy(copy, 0, at, at + copy.length);
  copy.writeUInt32LE(copy.length, R.length);
  copy.writeUInt32LE(textLength, R.textLength);
  copy.writeUInt32LE(0, R.tlvsLength);
  return copy;
}
