import { messageId, type MessageId } from '../message/id.ts';
import { LedgerWriter } from '../message/ledger.ts';
import type { LedgerFrame } from '../ports.ts';

/** A message made of others: knows what is to be recorded together with its commit, once its id is known. */
export interface Made {
  /** Of how many, 1 to 255. */
  readonly count: number;
  /** The ledger of a destination: entries added to it are committed with the message. */
  made(id: MessageId, ledger: (destination: string) => LedgerWriter): void;
}

/** What the makers of a batch's messages record with it. */
export function ledgerOf(
  made: readonly { readonly index: number; readonly made: Made }[],
  batch: number,
): LedgerFrame[] {
  const writers = new Map<string, LedgerWriter>();
  const ledger = (destination: string): LedgerWriter => {
    let writer = writers.get(destination);
    if (!writer) writers.set(destination, (writer = new LedgerWriter()));
    return writer;
  };
  for (const { index, made: one } of made) one.made(messageId(batch, index), ledger);
  return [...writers].map(([destination, writer]) => ({ destination, entries: writer.take() }));
}
