import { Fate } from '../../actors/message/ledger.ts';

/**
 * message_state (SMPP v3.4 §5.2.28, v5.0 §4.7.15) and the words that receipt texts have for it (v3.4 Appendix B, Table B-2,
 * and what SMSCs send instead: their makers' documentation and the receipts in the issues of other implementations).
 */
export const MessageState = {
  scheduled: 0,
  enroute: 1,
  delivered: 2,
  expired: 3,
  deleted: 4,
  undeliverable: 5,
  accepted: 6,
  unknown: 7,
  rejected: 8,
  skipped: 9,
} as const;
export type MessageState = (typeof MessageState)[keyof typeof MessageState];

/** What we write, by message_state. */
export const STATE_WORDS = [
  'ENROUTE',
  'ENROUTE',
  'DELIVRD',
  'EXPIRED',
  'DELETED',
  'UNDELIV',
  'ACCEPTD',
  'UNKNOWN',
  'REJECTD',
  'SKIPPED',
] as const;

/** What we understand, by message_state; upper case. */
const UNDERSTOOD: Readonly<Record<MessageState, readonly string[]>> = {
  [MessageState.scheduled]: ['SCHEDULED', 'SCHEDLD'],
  [MessageState.enroute]: ['ENROUTE', 'BUFFRED', 'BUFFERD', 'BUFFERED', 'QUEUED', 'PENDING', 'RETRY', 'INPROG', 'SENT'],
  [MessageState.delivered]: ['DELIVRD', 'DELIVERD', 'DELIVERED', 'DELIVER', 'DELIVERY', 'DELIVRED', 'DLVRD', 'READ'],
  [MessageState.expired]: ['EXPIRED', 'EXPIRD'],
  [MessageState.deleted]: ['DELETED', 'CANCELED', 'CANCELLED', 'CANCELD'],
  [MessageState.undeliverable]: [
    'UNDELIV',
    'UNDELIVERABLE',
    'UNDELIVERED',
    'UNDELIVRD',
    'UNDELIVD',
    'NOTDELIV',
    'FAILED',
    'FAIL',
    'FAILURE',
    'ERROR',
    'SYSERR',
    'ABSENT',
  ],
  [MessageState.accepted]: ['ACCEPTD', 'ACCEPTED', 'ACCEPT', 'ACKED'],
  [MessageState.unknown]: ['UNKNOWN', 'UNKNOWD', 'UNKNWN', 'NULL'],
  [MessageState.rejected]: [
    'REJECTD',
    'REJECTED',
    'REJECT',
    'BLOCKED',
    'BARRED',
    'BARREDA',
    'NOCRED',
    'NOCREDIT',
    'NOROUTE',
    'ZEROBAL',
  ],
  [MessageState.skipped]: ['SKIPPED', 'SKIPPD'],
};

/** The words by length, so that few are compared. */
const BY_LENGTH: { word: Buffer; state: MessageState }[][] = [];
for (const [state, words] of Object.entries(UNDERSTOOD)) {
  for (const word of words) {
    (BY_LENGTH[word.length] ??= []).push({ word: Buffer.from(word), state: Number(state) as MessageState });
  }
}

/** The state a word stands for, case ignored; `unknown` for one that nobody has told us of. */
export function stateOfWord(buffer: Uint8Array, at: number, length: number): MessageState {
  const words = BY_LENGTH[length];
  if (words === undefined) return MessageState.unknown;
  for (let w = 0; w < words.length; w++) {
    const { word, state } = words[w]!;
    let i = 0;
    // ASCII letters differ in this bit by case only.
    while (i < length && (buffer[at + i]! & 0xdf) === word[i]) i++;
    if (i === length) return state;
  }
  return MessageState.unknown;
}

/** The fate a receipt tells. `scheduled` and `enroute` are on the way; a skipped message was not sent and never will be. */
export function fateOfState(state: MessageState): Fate {
  if (state === MessageState.scheduled || state === MessageState.enroute) return Fate.sent;
  return state === MessageState.skipped ? Fate.undeliverable : state;
}

/** What a receipt says of a fate. */
export function stateOfFate(fate: Fate): MessageState {
  if (fate === Fate.queued || fate === Fate.sent) return MessageState.enroute;
  if (fate === Fate.dropped) return MessageState.deleted;
  return fate === Fate.replied ? MessageState.delivered : fate;
}
