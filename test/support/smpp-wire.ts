/**
 * Octets as a person writes them down from the specification: hex digits in any grouping, "text" in quotes for ASCII.
 * Shares nothing with the codec under test.
 *
 *     wire('00000010 00000015 00000000 00000001')
 *     wire('"40404" 00')
 */
export function wire(text: string): Buffer {
  const parts = text.match(/"[^"]*"|[0-9a-f]+|\S/gi) ?? [];
  return Buffer.concat(
    parts.map(part => {
      if (part.startsWith('"')) return Buffer.from(part.slice(1, -1), 'latin1');
      const octets = Buffer.from(part, 'hex');
      if (octets.length * 2 !== part.length) throw new Error(`not hex: ${part}`);
      return octets;
    }),
  );
}

/** A copy with command_length set to what the PDU really is: for PDUs that were damaged or cut on purpose. */
export function withLength(pdu: Buffer): Buffer {
  const copy = Buffer.from(pdu);
  copy.writeUInt32BE(copy.length, 0);
  return copy;
}
