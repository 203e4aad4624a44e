/** Reads PostgreSQL's binary COPY format, written from its manual and apart from our encoder. */
export function readCopy(stream: Buffer): (Buffer | null)[][] {
  if (stream.subarray(0, 11).toString('latin1') !== 'PGCOPY\n\xff\r\n\0') throw new Error('no COPY signature');
  const rows: (Buffer | null)[][] = [];
  let at = 19 + stream.readInt32BE(15);
  for (;;) {
    const fields = stream.readInt16BE(at);
    at += 2;
    if (fields === -1) break;
    const row: (Buffer | null)[] = [];
    for (let i = 0; i < fields; i++) {
      const length = stream.readInt32BE(at);
      at += 4;
      row.push(length === -1 ? null : Buffer.from(stream.subarray(at, at + length)));
      at += Math.max(length, 0);
    }
    rows.push(row);
  }
  if (at !== stream.length) throw new Error(`${stream.length - at} octets after the trailer`);
  return rows;
}

/** ms since 1970 of a binary timestamptz. */
export const readInstant = (field: Buffer): number => Number(field.readBigInt64BE(0) / 1000n) + Date.UTC(2000, 0, 1);
