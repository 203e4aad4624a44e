/** Patterns of senders: `*` is any run of characters, `?` any one, case is ignored (ASCII). */

const ANY_RUN = 0x2a;
const ANY_ONE = 0x3f;

/** A pattern as `patternFits` wants it: lower case, and a number's without a leading "+" or "00". */
export function normalizePattern(pattern: string): string {
  return pattern.replace(/^(?:\+|00)(?=\d[\d*?]*$)/, '').toLowerCase();
}

/**
 * True when the octets of a sender, `at` to `end` (exclusive), are what the pattern says. Nothing is allocated; the time is
 * at most the product of the two lengths.
 *
 * @param pattern holds the normalized pattern at `patternAt` to `patternEnd` (exclusive)
 */
export function patternFits(
  pattern: Uint8Array,
  patternAt: number,
  patternEnd: number,
  sender: Uint8Array,
  at: number,
  end: number,
): boolean {
  let p = patternAt;
  let s = at;
  // On a mismatch the last `*` takes one octet more: no recursion is needed, since an earlier one never has to.
  let afterStar = -1;
  let starTook = 0;
  while (s < end) {
    const wanted = p < patternEnd ? pattern[p]! : -1;
    if (wanted === ANY_RUN) {
      afterStar = ++p;
      starTook = s;
    } else if (wanted === ANY_ONE || wanted === lower(sender[s]!)) {
      p++;
      s++;
    } else if (afterStar >= 0) {
      p = afterStar;
      s = ++starTook;
    } else {
      return false;
    }
  }
  while (p < patternEnd && pattern[p] === ANY_RUN) p++;
  return p === patternEnd;
}

const lower = (octet: number): number => (octet >= 0x41 && octet <= 0x5a ? octet | 0x20 : octet);
