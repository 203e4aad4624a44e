/**
 * The ledger of the load generator: what an application and a carrier saw, one line for each message (`bench/load/smppload.c`,
 * `--ledger`). The checker imports nothing of the product: it can only be wrong in its own way.
 */
export interface Entry {
  readonly number: number;
  /** A: acknowledged. R: refused. L: the answer was lost with its connection, or never came. */
  readonly answer: 'A' | 'R' | 'L';
  /** µs since the generator started; 0: never. */
  readonly sentAt: number;
  readonly ackedAt: number;
  /** As submit_sm_resp gave it; '' when it did not. */
  readonly id: string;
  /** Times it came to the carrier, and when first. */
  readonly came: number;
  readonly cameAt: number;
  /** Receipts that the application got for it, and when the first. */
  readonly receipts: number;
  readonly receiptAt: number;
}

/** @throws Error at a line that is none */
export function readLedger(text: string): Entry[] {
  const entries: Entry[] = [];
  for (const line of text.split('\n')) {
    if (line === '') continue;
    const [number, answer, sentAt, ackedAt, id, came, cameAt, receipts, receiptAt, ...more] = line.split(' ');
    if (receiptAt === undefined || more.length > 0 || !/^[ARL]$/.test(answer ?? '')) {
      throw new Error(`not a line of a ledger: ${line}`);
    }
    entries.push({
      number: Number(number),
      answer: answer as Entry['answer'],
      sentAt: Number(sentAt),
      ackedAt: Number(ackedAt),
      id: id === '-' ? '' : id!,
      came: Number(came),
      cameAt: Number(cameAt),
      receipts: Number(receipts),
      receiptAt: Number(receiptAt),
    });
  }
  return entries;
}
