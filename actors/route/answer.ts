/** What the next system said of a message, as the protocol adapter sorts its answers. */
export const Answer = {
  taken: 0,
  /** Busy: the message is as good as ever, it goes again after a short rest. */
  throttled: 1,
  /** Failed for a time: it goes again, later each time. */
  later: 2,
  /** Will not be taken, now or ever. */
  never: 3,
  /** None came in time: whether it was taken is not known. */
  none: 4,
  /** Will not be taken by this system; another one may. */
  elsewhere: 5,
} as const;
export type Answer = (typeof Answer)[keyof typeof Answer];
