import { readBatch } from '../message/batch.ts';
import { messageId } from '../message/id.ts';
import { R } from '../message/record.ts';

/** Ids kept. */
const MOST = 20;

/** The messages that came last, for `status`. */
export class Recent {
  /** Newest first. */
  ids: readonly number[] = [];

  /** Parts are not told: whoever submitted knows the whole. */
  add(bytes: Buffer): void {
    const { buffer, number, count, offsets } = readBatch(bytes, false);
    const ids: number[] = [];
    for (let i = count - 1; i >= 0 && ids.length < MOST; i--) {
      if (buffer[offsets[i]! + R.part] === 0) ids.push(messageId(number, i));
    }
    this.ids = [...ids, ...this.ids].slice(0, MOST);
  }
}
