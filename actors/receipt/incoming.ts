import type { Submitter } from '../batch/batch-actor.ts';
import { normalizeCarrierId, type CarrierId } from '../message/correlation-key.ts';
import type { Fate } from '../message/ledger.ts';

/** A receipt as it came from a carrier. */
export interface IncomingReceipt {
  readonly carrier: string;
  /** The carrier's id of the message, as its response most likely gave it. */
  readonly carrierId: string;
  /** The id as it stood there. */
  readonly written: string;
  /** Other ids that the message may be known under; undefined when there are none. */
  readonly others: readonly CarrierId[] | undefined;
  /** Where there are others: the number the message went to, which tells the right one. Latin-1. */
  readonly phone: string;
  readonly fate: Fate;
  /** False for an intermediate one: the message is still on its way. */
  readonly final: boolean;
  /** `err:` as it stood there. */
  readonly error: string;
  /** ms since 1970. */
  readonly doneAt: number;
  /** TLVs of the carrier's own (0x1400 to 0x3FFF), passed on; undefined when it gave none. */
  readonly tlvs: Buffer | undefined;
  /** Answered when what the receipt brings is flushed. */
  readonly submitter: Submitter;
  readonly token: number;
}

/** A receipt whose message is looked for. */
export interface Asked {
  readonly receipt: IncomingReceipt;
  /** How long it is looked for, monotonic ms; 0 = it has not been looked for yet. */
  readonly until: number;
  /** Under which of its ids: 0 = `carrierId`, then `others`, then `carrierId` again whoever the message went to. */
  turn: number;
  /** A message has that id, but it went to somebody else. */
  readonly doubtful: boolean;
}

/** The carrier and the id under which the message is looked for. */
export const carrierOf = ({ receipt, turn }: Asked): string => receipt.others?.[turn - 1]?.carrier ?? receipt.carrier;
export const idOf = ({ receipt, turn }: Asked): string => receipt.others?.[turn - 1]?.id ?? receipt.carrierId;

/** The carrier's id to tell others: as it stood there, where that is the id it was found under. */
export function idToTell(asked: Asked): string {
  const id = idOf(asked);
  const { written } = asked.receipt;
  return normalizeCarrierId(written) === id ? written : id;
}
