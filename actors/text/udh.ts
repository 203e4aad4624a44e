/**
 * The user data header, 3GPP TS 23.040 §9.2.3.24: a length octet, then information elements of identifier, length, data. A
 * message has one when esm_class says so (SMPP v3.4 §5.2.12, bit 6); it is the beginning of its text.
 */

/** Bit 6 of esm_class: the text starts with a header. */
export const UDHI = 0x40;

/** Information elements that we know. */
export const Ie = {
  concat8: 0x00,
  ports8: 0x04,
  ports16: 0x05,
  concat16: 0x08,
  /** 3GPP TS 23.040 §9.2.3.24.15, §9.2.3.24.16. */
  singleShift: 0x24,
  lockingShift: 0x25,
} as const;

export interface InformationElement {
  readonly id: number;
  /** 0 to 255 octets. */
  readonly data: Uint8Array;
}

export interface UserDataHeader {
  /** All octets of the header, its length octet included: where the text starts. */
  readonly length: number;
  /** In order; repeated and unknown ones are kept. */
  readonly elements: readonly InformationElement[];
}

/** Where this message stands among the parts of a longer one (§9.2.3.24.1, §9.2.3.24.8). */
export interface Concatenation {
  readonly reference: number;
  /** True when the reference has 16 bits. */
  readonly wide: boolean;
  readonly total: number;
  /** From 1. */
  readonly sequence: number;
}

/** Reads a header; undefined when it runs past the octets there are, or an element past the header. */
export function parseUdh(octets: Uint8Array): UserDataHeader | undefined {
  const length = 1 + (octets[0] ?? Infinity);
  if (length > octets.length) return undefined;
  const elements: InformationElement[] = [];
  for (let at = 1; at < length;) {
    const end = at + 2 + (octets[at + 1] ?? Infinity);
    if (end > length) return undefined;
    elements.push({ id: octets[at]!, data: octets.subarray(at + 2, end) });
    at = end;
  }
  return { length, elements };
}

/** @throws RangeError when the elements take more than the 255 octets that a header can have */
export function writeUdh(elements: readonly InformationElement[]): Buffer {
  const length = elements.reduce((sum, { data }) => sum + 2 + data.length, 0);
  if (length > 255) throw new RangeError(`user data header: expected at most 255 octets, got ${length}`);
  const out = Buffer.alloc(1 + length);
  out[0] = length;
  let at = 1;
  for (const { id, data } of elements) {
    out[at] = id;
    out[at + 1] = data.length;
    out.set(data, at + 2);
    at += 2 + data.length;
  }
  return out;
}

/** The last valid concatenation element (a repeated element replaces the one before it, §9.2.3.24); undefined without one. */
export function concatenationOf({ elements }: UserDataHeader): Concatenation | undefined {
  let found: Concatenation | undefined;
  for (const { id, data } of elements) {
    const wide = id === Ie.concat16;
    if ((!wide && id !== Ie.concat8) || data.length !== (wide ? 4 : 3)) continue;
    const at = wide ? 2 : 1;
    const [total, sequence] = [data[at]!, data[at + 1]!];
    // "If the value is zero, or sequence is above total, the receiver shall ignore the whole element."
    if (total === 0 || sequence === 0 || sequence > total) continue;
    found = { reference: wide ? (data[0]! << 8) | data[1]! : data[0]!, wide, total, sequence };
  }
  return found;
}

export function concatenationElement({ reference, wide, total, sequence }: Concatenation): InformationElement {
  return wide
    ? { id: Ie.concat16, data: Uint8Array.of(reference >>> 8, reference, total, sequence) }
    : { id: Ie.concat8, data: Uint8Array.of(reference, total, sequence) };
}

/** The languages that a header sets: 0 where it says nothing (§9.2.3.24.15, §9.2.3.24.16). */
export function languagesOf({ elements }: UserDataHeader): { locking: number; single: number } {
  let locking = 0;
  let single = 0;
  for (const { id, data } of elements) {
    if (data.length !== 1) continue;
    if (id === Ie.lockingShift) locking = data[0]!;
    else if (id === Ie.singleShift) single = data[0]!;
  }
  return { locking, single };
}

export function languageElements(locking: number, single: number): InformationElement[] {
  const elements: InformationElement[] = [];
  if (single !== 0) elements.push({ id: Ie.singleShift, data: Uint8Array.of(single) });
  if (locking !== 0) elements.push({ id: Ie.lockingShift, data: Uint8Array.of(locking) });
  return elements;
}

/** True for a header that addresses a port: what follows is for a program, not for people (§9.2.3.24.3, §9.2.3.24.4). */
export function addressesPort({ elements }: UserDataHeader): boolean {
  return elements.some(({ id }) => id === Ie.ports8 || id === Ie.ports16);
}
