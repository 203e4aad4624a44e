import { Fate } from '../../actors/message/ledger.ts';
import { RECEIPT_LIMIT, writeReceipt } from '../../actors/message/receipt.ts';
import { HASH_WORDS, carrierSeed, hashCarrierId } from '../../actors/message/correlation-key.ts';
import { ParsedReceipt, parseReceipt } from '../../adapters/smpp/receipt-parse.ts';
import { RECEIPT_TEXT_LIMIT, writeReceiptText, writeReceiptTlvs } from '../../adapters/smpp/receipt-text.ts';

/** Receipts written, read and hashed a second, on one core: `node bench/micro/receipts.ts`. The best of five. */

const ROUNDS = 1_000_000;
const body = Buffer.alloc(RECEIPT_LIMIT);
const now = Date.UTC(2026, 10, 21, 12, 30);
const text = Buffer.from('Hello from the bench');
const receipt = { messageId: 0, submittedAt: now - 90_000, doneAt: now, fate: Fate.delivered, error: '000' };
writeReceipt(body, 0, receipt, text, 0, text.length);
const out = Buffer.alloc(1024);
const textLength = writeReceiptText(out, 0, body, 0, 1_234_567_890_123);
const tlvsLength = writeReceiptTlvs(out, textLength, body, 0, 1_234_567_890_123) - textLength;
const wire = Buffer.from(out.subarray(0, textLength + tlvsLength));
const parsed = new ParsedReceipt();
const hash = new Uint32Array(HASH_WORDS);
const seed = carrierSeed('sink');

report('text written', i => writeReceiptText(out, 0, body, 0, 1_234_567_890_123 + i));
report('text and TLVs written', i => {
  const end = writeReceiptText(out, 0, body, 0, 1_234_567_890_123 + i);
  return writeReceiptTlvs(out, end, body, 0, 1_234_567_890_123 + i);
});
report('text read', () => Number(parseReceipt(wire, 0, textLength, textLength, 0, 4, parsed)));
report('text and TLVs read', () => Number(parseReceipt(wire, 0, textLength, textLength, tlvsLength, 4, parsed)));
report('id hashed', () => {
  hashCarrierId(seed, wire, 3, 13, hash, 0);
  return hash[0]!;
});
console.log(`node ${process.version}; text ${textLength} octets, limit ${RECEIPT_TEXT_LIMIT}`);

function report(name: string, once: (i: number) => number): void {
  let best = 0;
  let sum = 0;
  for (let run = 0; run < 5; run++) {
    const start = performance.now();
    for (let i = 0; i < ROUNDS; i++) sum += once(i);
    best = Math.max(best, ROUNDS / (performance.now() - start) / 1000);
  }
  if (sum === 0) throw new Error(`${name}: nothing was done`);
  console.log(`${name}: ${best.toFixed(2)} million/s`);
}
