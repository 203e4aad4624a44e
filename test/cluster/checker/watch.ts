/** What the checker needs of the generator's news: see `--events` of `bench/load/smppload.c`. */
export interface News {
  /** ms since the generator started. */
  readonly t: number;
  readonly e: string;
  readonly sessions?: number | readonly unknown[];
  readonly sent?: number;
  readonly acked?: number;
  readonly rejected?: number;
  readonly delivered?: number;
  readonly duplicates?: number;
  readonly dlr?: number;
}

/** Counters that never go back. */
const RISING = ['sent', 'acked', 'rejected', 'delivered', 'duplicates', 'dlr'] as const;

/** Looks at every piece of news as it comes: what must hold at each moment, not only at the end. */
export class Watch {
  readonly violations: string[] = [];
  readonly #binds: number;
  #excused = false;
  #last: News = { t: 0, e: 'counts' };

  /** @param binds sessions that the carrier may ever see at once */
  constructor(binds: number) {
    this.#binds = binds;
  }

  /**
   * Whether the carrier may see more sessions for now: a node that is frozen, or cut off from the carrier itself, can close
   * nothing, and its lease goes to another while its sessions still stand.
   */
  excuse(excused: boolean): void {
    this.#excused = excused;
  }

  see(news: News): void {
    const sessions = typeof news.sessions === 'number' ? news.sessions : news.sessions?.length;
    if (!this.#excused && sessions !== undefined && sessions > this.#binds) {
      this.#violated(news, `the carrier has ${sessions} sessions, at most ${this.#binds} allowed`);
    }
    if (news.e !== 'counts') return;
    for (const name of RISING) {
      const [was, is] = [this.#last[name] ?? 0, news[name] ?? 0];
      if (is < was) this.#violated(news, `${name} went back from ${was} to ${is}`);
    }
    const { sent = 0, acked = 0, rejected = 0, delivered = 0 } = news;
    if (acked + rejected > sent) this.#violated(news, `${acked} acknowledged and ${rejected} refused of ${sent} sent`);
    if (delivered > sent) this.#violated(news, `${delivered} delivered of ${sent} sent`);
    this.#last = news;
  }

  #violated({ t }: News, what: string): void {
    this.violations.push(`at ${t} ms: ${what}`);
  }
}
