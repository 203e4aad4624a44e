/**
 * Why a message is not taken, in the numbers of SMPP's command_status (v3.4 §5.1.3): the widest vocabulary of the
 * protocols we speak. Other protocols translate at their edge. A route's `reject` may give any other number.
 */
export const Refusal = {
  /** A failure of ours, or a store that does not answer. */
  system: 0x08,
  noRoute: 0x0b,
  queueFull: 0x14,
  /** Over a rate or a window, or this node takes nothing new at present: later, or elsewhere. */
  throttled: 0x58,
} as const;
