import { describe, expect, test } from 'vitest';
import { partMarkOf } from '../../../../actors/long/concatenation.ts';
import { DraftsLike } from '../../../../actors/long/drafts-like.ts';
import { putTogether } from '../../../../actors/long/put-together.ts';
import { apart, joined, type Shape, type Split } from '../../../../actors/long/shape.ts';
import { splitText } from '../../../../actors/long/split.ts';
import { MessageDraft } from '../../../../actors/message/draft.ts';
import { decodeText } from '../../../../actors/text/decode.ts';
import { UDHI } from '../../../../actors/text/udh.ts';
import { formOf, reform } from '../../../../adapters/smpp/form.ts';
import { GOLDEN_TEXTS, type GoldenText } from '../../../vectors/golden-texts.ts';

/** Every text, 1 to 10 parts long, cut in every way and put together again. */

const SPLITS: readonly Split[] = ['udh8', 'udh16', 'sar', 'payload'];
const shapeFor = (split: Split): Shape => ({
  split,
  messageOctets: 140,
  maxParts: 255,
  codings: [],
  languages: [],
  transliterate: false,
});

/** Octets of a text's own header: 3GPP TS 23.040 §9.2.3.24.16 for a locking table. */
const elementOctets = ({ locking }: GoldenText): number => (locking === 0 ? 0 : 3);

/** What fits a message beside marks of so many octets, counted in octets as SMPP has them: TS 23.040 §9.2.3.16. */
function room(golden: GoldenText, markOctets: number): number {
  const header = markOctets + elementOctets(golden);
  const left = 140 - (header === 0 ? 0 : 1 + header);
  if (golden.dataCoding === 0) return Math.floor((left * 8) / 7);
  return golden.dataCoding === 8 ? left - (left % 2) : left;
}

/** How many parts it takes to hold these pieces, none of which may be cut. */
function partsNeeded(pieces: readonly string[], most: number): number {
  let parts = 1;
  let filled = 0;
  for (const { length } of pieces) {
    if (filled + length / 2 > most) {
      parts++;
      filled = 0;
    }
    filled += length / 2;
  }
  return parts;
}

function draftOf(golden: GoldenText, octets: Buffer): MessageDraft {
  const m = new MessageDraft();
  const text = golden.locking === 0 ? octets : Buffer.concat([Buffer.from([3, 0x25, 1, golden.locking]), octets]);
  m.buffer = Buffer.concat([Buffer.from('ACME447'), text]);
  m.sourceLength = 4;
  m.destAt = 4;
  m.destLength = 3;
  m.textAt = 7;
  m.textLength = text.length;
  m.dataCoding = golden.dataCoding;
  m.esmClass = golden.locking === 0 ? 0 : UDHI;
  m.tlvsAt = m.buffer.length;
  m.registeredDelivery = 1;
  return m;
}

const textOf = (m: MessageDraft): Buffer => m.buffer.subarray(m.textAt, m.textAt + m.textLength);

describe.each(GOLDEN_TEXTS)('$name', golden => {
  const unit = golden.hex.length / 2;

  test('reads as it was written', () => {
    const m = draftOf(golden, Buffer.from(golden.hex, 'hex'));
    expect(decodeText(textOf(m), m.dataCoding, golden.locking !== 0)).toBe(golden.text);
  });

  describe.each(SPLITS)('by %s', split => {
    const mark = { udh8: 5, udh16: 6, sar: 6, payload: 0 }[split];
    const most = room(golden, mark);

    test.each([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])('in %i parts', wanted => {
      // As many repetitions as there is room for in so many parts, less what cutting between pieces may cost each.
      const count = wanted === 1 ? Math.floor(room(golden, 0) / unit) : Math.floor(((most - 3) * wanted) / unit);
      const hex = golden.hex.repeat(Math.max(1, count));
      const pieces = hex.match(golden.together)!;
      const octets = Buffer.from(hex, 'hex');
      const m = draftOf(golden, octets);
      const text = apart(textOf(m), m.dataCoding, m.esmClass)!;
      const cut = splitText(text, shapeFor(split), 0xabcd);
      if (split === 'payload' || octets.length <= room(golden, 0)) {
        expect(cut).toBeUndefined();
        return;
      }
      expect(cut!.length).toBe(partsNeeded(pieces, most));
      expect(cut!.length).toBeGreaterThanOrEqual(Math.min(wanted, 2));
      expect(cut!.length).toBeLessThanOrEqual(wanted + 1);

      const drafts = new DraftsLike();
      drafts.parts(m, cut!, m.dataCoding);
      const parts = cut!.map((_, i) => {
        const part = Object.assign(new MessageDraft(), drafts.part(i));
        reform(part, formOf('gsm7', split === 'sar'));
        return part;
      });
      let at = 0;
      parts.forEach((part, i) => {
        const { header, body } = apart(textOf(part), part.dataCoding, part.esmClass)!;
        expect(body.toString('hex')).toBe(hex.slice(at, at + body.length * 2));
        at += body.length * 2;
        // Cut between pieces: what is left begins with a whole one.
        expect(body.toString('hex').match(golden.together)!.join('')).toBe(body.toString('hex'));
        const head = joined({ header, body: Buffer.alloc(0) }).length;
        const onAir = golden.dataCoding === 0 ? Math.ceil((body.length * 7) / 8) : body.length;
        expect(head + onAir).toBeLessThanOrEqual(140);
        expect(partMarkOf(part)).toEqual({
          reference: split === 'udh8' ? 0xcd : 0xabcd,
          wide: split !== 'udh8',
          total: parts.length,
          sequence: i + 1,
          by: split === 'sar' ? 'sar' : 'udh',
        });
        const own = decodeText(textOf(part), part.dataCoding, (part.esmClass & UDHI) !== 0)!;
        expect(own).not.toContain('\ufffd');
      });
      expect(at).toBe(hex.length);

      const whole = putTogether(parts, 1, 0);
      expect(textOf(whole).toString('hex')).toBe(textOf(m).toString('hex'));
      expect([whole.dataCoding, whole.esmClass, whole.tlvsLength]).toEqual([m.dataCoding, m.esmClass, 0]);
      expect(decodeText(textOf(whole), whole.dataCoding, golden.locking !== 0)).toBe(
        golden.text.repeat(Math.max(1, count)),
      );
    });
  });
});
