import type { MessageDraft } from '../message/draft.ts';
import { charsetOf } from '../text/data-coding.ts';
import { apart } from './shape.ts';
import type { Shaper } from './shaper.ts';

/** How a text would go. */
export interface Preview {
  readonly dataCoding: number;
  /**
   * Of the text without its header, with what its account has sent beside it: septets where it is in GSM 7-bit (a
   * character of the extension table has two), units of 16 bits in UCS-2, else octets.
   */
  readonly characters: number;
  /** Messages that it goes on in. */
  readonly parts: number;
}

/** How a message would go to a destination, by the code that shapes those that go there. Nothing of it is kept. */
export function preview(shaper: Shaper, m: MessageDraft, destination: string, account: string): Preview {
  const wanted = shaper.wrapOf(account);
  const shaped = shaper.mayShape(m, wanted) ? shaper.shape(m, destination, wanted) : undefined;
  const { buffer, textAt, textLength, esmClass } = shaped?.message ?? m;
  const { dataCoding } = shaped ?? m;
  const octets = buffer.subarray(textAt, textAt + textLength);
  const { length } = apart(octets, dataCoding, esmClass)?.body ?? octets;
  const characters = charsetOf(dataCoding) === 'ucs2' ? length >> 1 : length;
  return { dataCoding, characters, parts: shaped?.parts?.length ?? 1 };
}
