/** Which TLVs a peer is not sent, and which it always is. */
export interface TlvRules {
  readonly remove: ReadonlySet<number>;
  /** As they are on the wire, SMPP v3.4 §3.2.4.1. */
  readonly add: Buffer;
}

/** A TLV that is added, as the configuration has it. */
export interface AddedTlv {
  readonly tag: number;
  /** Octets in hexadecimal. */
  readonly value: string;
}

/** Undefined when there are none: that costs nothing. */
export function tlvRules(remove: readonly number[], add: readonly AddedTlv[]): TlvRules | undefined {
  if (remove.length === 0 && add.length === 0) return undefined;
  const octets = add.map(({ tag, value }) => {
    const out = Buffer.alloc(4 + value.length / 2);
    out.writeUInt16BE(tag, 0);
    out.writeUInt16BE(value.length / 2, 2);
    out.write(value, 4, 'hex');
    return out;
  });
  return { remove: new Set(remove), add: Buffer.concat(octets) };
}

/** The TLVs that go on of those that a message has, in their order, and behind them what is added; itself when all do. */
export function outgoingTlvs(own: Buffer, { remove, add }: TlvRules): Buffer {
  const kept: Buffer[] = [];
  /** Behind the last one removed. */
  let from = 0;
  let end = 0;
  for (let at = 0; at + 4 <= own.length; at = end) {
    end = at + 4 + own.readUInt16BE(at + 2);
    if (!remove.has(own.readUInt16BE(at))) continue;
    kept.push(own.subarray(from, at));
    from = end;
  }
  if (kept.length === 0 && add.length === 0) return own;
  return Buffer.concat([...kept, own.subarray(from), add]);
}
