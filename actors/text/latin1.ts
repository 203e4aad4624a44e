/** ISO-8859-1, data_coding 3 (SMPP v3.4 §5.2.19). */

/** undefined when the text has a character beyond U+00FF. */
export function encodeLatin1(text: string): Buffer | undefined {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 0xff) return undefined;
  return Buffer.from(text, 'latin1');
}

export function decodeLatin1(octets: Uint8Array): string {
  return Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength).latin1Slice();
}
