import type { MessageDraft } from '../message/draft.ts';

/** TLVs that are an operator's own, SMPP v3.4 §3.2.4.1 and Table 5-7: they pass from end to end, in receipts too. */
const VENDOR_FIRST = 0x1400;
const VENDOR_LAST = 0x3fff;
/** Most octets of a receipt's; of more, the first that fit. */
export const VENDOR_TLVS_LIMIT = 1024;

/** The operator's own among the TLVs at `at`, copied; undefined when there are none, as in most receipts. */
export function vendorTlvs(buffer: Buffer, at: number, length: number): Buffer | undefined {
  let found: Buffer[] | undefined;
  let octets = 0;
  const end = at + length;
  for (let p = at; p + 4 <= end;) {
    const next = p + 4 + ((buffer[p + 2]! << 8) | buffer[p + 3]!);
    const tag = (buffer[p]! << 8) | buffer[p + 1]!;
    if (tag >= VENDOR_FIRST && tag <= VENDOR_LAST && octets + next - p <= VENDOR_TLVS_LIMIT) {
      octets += next - p;
      (found ??= []).push(buffer.subarray(p, next));
    }
    p = next;
  }
  return found && Buffer.concat(found);
}

/** Puts TLVs behind the `used` octets of a draft's buffer. */
export function attachTlvs(m: MessageDraft, used: number, tlvs: Buffer): void {
  m.buffer = Buffer.concat([m.buffer.subarray(0, used), tlvs]);
  m.tlvsAt = used;
  m.tlvsLength = tlvs.length;
}
