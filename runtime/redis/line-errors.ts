import { RuntimeError } from '../errors.ts';

/** Nothing was sent: there is no connection. */
export class LineDownError extends RuntimeError {}

/** It was sent, and no answer came: done or not done. */
export class NoReplyError extends RuntimeError {}

/** Redis has said no. Nothing was written. */
export class RedisRefusedError extends RuntimeError {
  /** The first word of Redis's error: OOM, MISCONF, READONLY, … */
  readonly word: string;
  constructor(text: string, cause: unknown) {
    super('REDIS_REFUSED', `Redis refuses: ${text}`, cause);
    this.word = text.split(' ', 1)[0]!;
  }
}
