import { RuntimeError } from '../../runtime/errors.ts';
import { infoOf } from '../../runtime/redis/info.ts';
import type { RedisLine } from '../../runtime/redis/line.ts';

const LOOK_EVERY_MS = 500;
/** Of Redis's memory: above it new messages are refused, so that what is queued can still leave. */
const FULL_AT = 0.8;

/** How much room Redis has left, looked at every now and then. */
export class RoomWatch {
  readonly #line: RedisLine;
  readonly #timer: NodeJS.Timeout;
  #octets = 0;
  #full = false;

  constructor(line: RedisLine) {
    this.#line = line;
    this.#timer = setInterval(() => void this.look(), LOOK_EVERY_MS);
  }

  get isFull(): boolean {
    return this.#full;
  }

  /** Octets that this Redis uses, for all that is in it. */
  get octets(): number {
    return this.#octets;
  }

  async look(): Promise<void> {
    try {
      const info = infoOf(await this.#line.command('INFO', 'memory'));
      const limit = Number(info.get('maxmemory')) || Number(info.get('total_system_memory'));
      this.#octets = Number(info.get('used_memory'));
      this.#full = this.#octets >= limit * FULL_AT;
    } catch (error) {
      // Not reachable: what was seen last stands, and a commit waits anyway.
      if (!(error instanceof RuntimeError)) throw error;
    }
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
