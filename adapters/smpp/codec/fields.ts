import { STATUS } from './command-status.ts';
import { PduEncodeError } from './errors.ts';

/** The part of a PDU's body that has not been read yet. No read goes past `end`, the end of the frame. */
export type Cursor = {
  readonly buf: Buffer;
  at: number;
  readonly end: number;
  /** Responses are read more leniently: nobody can be told what is wrong with them. */
  readonly response: boolean;
};

/** A field that cannot be read; `decodePdu` makes a PduBodyError of it. */
export class FieldFault extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

export type FieldKind = 'uint8' | 'cstring' | 'time' | 'octets' | 'dest_address' | 'unsuccess_sme';

/** One kind of mandatory parameter: the table of a PDU (pdus.ts) is a list of these, and drives both directions. */
export interface Field<T> {
  readonly kind: FieldKind;
  /** Most octets (cstring: with its NUL, as the spec counts them), or most elements of a list. */
  readonly max: number;
  /** What stands for a field that was not given, and for those of a response without a body. */
  readonly empty: T;
  /** @throws FieldFault */
  read(c: Cursor): T;
  /** Octets on the wire. @throws PduEncodeError naming the field when the value does not fit it. */
  size(value: T, name: string): number;
  /** Writes a value that `size` accepted; returns where it ends. */
  write(out: Buffer, at: number, value: T): number;
}

function readUint8(c: Cursor): number {
  if (c.at >= c.end) throw new FieldFault(STATUS.ESME_RINVCMDLEN, 'the PDU ends before it');
  return c.buf[c.at++]!;
}

function readUint32(c: Cursor): number {
  if (c.at + 4 > c.end) throw new FieldFault(STATUS.ESME_RINVCMDLEN, 'the PDU ends before it');
  const value = c.buf.readUInt32BE(c.at);
  c.at += 4;
  return value;
}

function checkInteger(value: number, most: number, name: string): void {
  if (!Number.isInteger(value) || value < 0 || value > most) {
    throw new PduEncodeError(name, `must be an integer from 0 to ${most}`);
  }
}

export const uint8: Field<number> = {
  kind: 'uint8',
  max: 1,
  empty: 0,
  read: readUint8,
  size(value, name) {
    checkInteger(value, 0xff, name);
    return 1;
  },
  write(out, at, value) {
    out[at] = value;
    return at + 1;
  },
};

/**
 * Leniency: a C-octet string that runs to the very end of a *response* without its NUL is taken as it stands.
 * Otherwise the message_id a carrier gave, and with it every receipt of the message, would be lost.
 */
function readCString(c: Cursor, max: number, status: number): string {
  const most = Math.min(c.at + max, c.end);
  let stop = c.at;
  while (stop < most && c.buf[stop] !== 0) stop++;
  if (stop === most && !(c.response && stop === c.end && stop - c.at < max)) {
    throw new FieldFault(status, stop === c.end ? 'has no terminating NUL' : `is longer than ${max - 1} octets`);
  }
  const value = c.buf.toString('latin1', c.at, stop);
  c.at = Math.min(stop + 1, c.end);
  return value;
}

function cstringSize(value: string, max: number, name: string): number {
  if (value.length >= max) throw new PduEncodeError(name, `must be at most ${max - 1} octets`);
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i);
    if (code === 0 || code > 0xff) throw new PduEncodeError(name, 'must be Latin-1 without a NUL');
  }
  return value.length + 1;
}

function writeCString(out: Buffer, at: number, value: string): number {
  const end = at + out.write(value, at, 'latin1');
  out[end] = 0;
  return end + 1;
}

/**
 * C-Octet String, v3.4 §3.1. Octets map one to one onto the first 256 code points, so nothing is lost.
 * @param max most octets with the NUL; longer, or unterminated, is answered with `status`
 */
export function cstring(max: number, status: number): Field<string> {
  return {
    kind: 'cstring',
    max,
    empty: '',
    read: c => readCString(c, max, status),
    size: (value, name) => cstringSize(value, max, name),
    write: writeCString,
  };
}

/** A time of v3.4 §7.1.1 as it came: 0 or 16 octets and a NUL. Another length is answered with `status` (v5.0 §2.8.2). */
export function time(status: number): Field<string> {
  return {
    kind: 'time',
    max: 17,
    empty: '',
    read(c) {
      const value = readCString(c, 17, status);
      if (value.length !== 0 && value.length !== 16) throw new FieldFault(status, 'must be 0 or 16 octets');
      return value;
    },
    size(value, name) {
      if (value.length !== 0 && value.length !== 16) throw new PduEncodeError(name, 'must be 0 or 16 octets');
      return cstringSize(value, 17, name);
    },
    write: writeCString,
  };
}

/**
 * sm_length and short_message in one. v3.4 §5.2.21 allows 254 octets, v5.0 §4.7.28 allows 255.
 * Leniency: 255 is read from everyone (peers that bind as 3.4 send it); what we write ourselves is cut off at 254
 * by hot-write.ts.
 */
export const shortMessage: Field<Buffer> = {
  kind: 'octets',
  max: 255,
  empty: Buffer.alloc(0),
  read(c) {
    const length = readUint8(c);
    if (c.at + length > c.end) {
      throw new FieldFault(STATUS.ESME_RINVMSGLEN, `sm_length is ${length}, ${c.end - c.at} octets follow`);
    }
    const value = Buffer.from(c.buf.subarray(c.at, c.at + length));
    c.at += length;
    return value;
  },
  size(value, name) {
    if (value.length > 255) throw new PduEncodeError(name, 'must be at most 255 octets');
    return value.length + 1;
  },
  write(out, at, value) {
    out[at] = value.length;
    out.set(value, at + 1);
    return at + 1 + value.length;
  },
};

/** One destination of submit_multi, v3.4 Table 4-13 to 4-15. dest_flag 1: an address; 2: a distribution list. */
export type DestAddress =
  | {
      readonly dest_flag: 1;
      readonly dest_addr_ton: number;
      readonly dest_addr_npi: number;
      readonly destination_addr: string;
    }
  | { readonly dest_flag: 2; readonly dl_name: string };

/** number_of_dests and the list, 1 to 255 (v3.4 §5.2.24 says 254, v5.0 §4.7.17 says 255). */
export const destAddresses: Field<readonly DestAddress[]> = {
  kind: 'dest_address',
  max: 255,
  empty: [],
  read(c) {
    const count = readUint8(c);
    if (count === 0) throw new FieldFault(STATUS.ESME_RINVNUMDESTS, 'number_of_dests is 0');
    const list: DestAddress[] = [];
    for (let i = 0; i < count; i++) {
      // A count that the body does not hold out is a wrong count.
      if (c.at >= c.end) throw new FieldFault(STATUS.ESME_RINVNUMDESTS, `${count} announced, ${i} found`);
      const flag = readUint8(c);
      if (flag === 1) {
        const dest_addr_ton = readUint8(c);
        const dest_addr_npi = readUint8(c);
        const destination_addr = readCString(c, 21, STATUS.ESME_RINVDSTADR);
        list.push({ dest_flag: 1, dest_addr_ton, dest_addr_npi, destination_addr });
      } else if (flag === 2) {
        list.push({ dest_flag: 2, dl_name: readCString(c, 21, STATUS.ESME_RINVDLNAME) });
      } else {
        throw new FieldFault(STATUS.ESME_RINVDESTFLAG, `dest_flag ${flag} is neither 1 nor 2`);
      }
    }
    return list;
  },
  size(list, name) {
    if (list.length === 0 || list.length > 255) throw new PduEncodeError(name, 'must hold 1 to 255 destinations');
    let size = 1;
    for (const d of list) {
      if (d.dest_flag === 2) {
        size += 1 + cstringSize(d.dl_name, 21, `${name}.dl_name`);
      } else {
        checkInteger(d.dest_addr_ton, 0xff, `${name}.dest_addr_ton`);
        checkInteger(d.dest_addr_npi, 0xff, `${name}.dest_addr_npi`);
        size += 3 + cstringSize(d.destination_addr, 21, `${name}.destination_addr`);
      }
    }
    return size;
  },
  write(out, at, list) {
    out[at++] = list.length;
    for (const d of list) {
      out[at++] = d.dest_flag;
      if (d.dest_flag === 2) {
        at = writeCString(out, at, d.dl_name);
      } else {
        out[at++] = d.dest_addr_ton;
        out[at++] = d.dest_addr_npi;
        at = writeCString(out, at, d.destination_addr);
      }
    }
    return at;
  },
};

/** One destination that submit_multi could not take, v3.4 Table 4-17. */
export type UnsuccessSme = {
  readonly dest_addr_ton: number;
  readonly dest_addr_npi: number;
  readonly destination_addr: string;
  readonly error_status_code: number;
};

/** no_unsuccess and the list, 0 to 255. */
export const unsuccessSmes: Field<readonly UnsuccessSme[]> = {
  kind: 'unsuccess_sme',
  max: 255,
  empty: [],
  read(c) {
    const count = readUint8(c);
    const list: UnsuccessSme[] = [];
    for (let i = 0; i < count; i++) {
      const dest_addr_ton = readUint8(c);
      const dest_addr_npi = readUint8(c);
      const destination_addr = readCString(c, 21, STATUS.ESME_RINVDSTADR);
      list.push({ dest_addr_ton, dest_addr_npi, destination_addr, error_status_code: readUint32(c) });
    }
    return list;
  },
  size(list, name) {
    if (list.length > 255) throw new PduEncodeError(name, 'must hold at most 255 destinations');
    let size = 1;
    for (const u of list) {
      checkInteger(u.dest_addr_ton, 0xff, `${name}.dest_addr_ton`);
      checkInteger(u.dest_addr_npi, 0xff, `${name}.dest_addr_npi`);
      checkInteger(u.error_status_code, 0xffffffff, `${name}.error_status_code`);
      size += 6 + cstringSize(u.destination_addr, 21, `${name}.destination_addr`);
    }
    return size;
  },
  write(out, at, list) {
    out[at++] = list.length;
    for (const u of list) {
      out[at++] = u.dest_addr_ton;
      out[at++] = u.dest_addr_npi;
      at = writeCString(out, at, u.destination_addr);
      at = out.writeUInt32BE(u.error_status_code, at);
    }
    return at;
  },
};
