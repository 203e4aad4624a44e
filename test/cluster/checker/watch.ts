/** A session as the generator counts it: its number, who it is with, submit_sm that came on it. */
type CountedSession = readonly [session: number, peer: string, submits: number, ...unknown[]];

/** What the checker needs of the generator's news: see `--events` of `bench/load/smppload.c`. */
export interface News {
  /** ms since the generator started. */
  readonly t: number;
  readonly e: string;
  /** `bound`, `ended`: of which session, and with whom. */
  readonly session?: number;
  readonly peer?: string;
  /** `counts`: those that are bound. */
  readonly sessions?: number | readonly CountedSession[];
  readonly sent?: number;
  readonly acked?: number;
  readonly rejected?: number;
  readonly delivered?: number;
  readonly duplicates?: number;
  readonly dlr?: number;
}

/** Counters that never go back. */
const RISING = ['sent', 'acked', 'rejected', 'delivered', 'duplicates', 'dlr'] as const;
/** A node that was away has to notice that its sessions went to others, and to end them, within this, ms. */
const GRACE_MS = 8000;

interface OpenSession {
  readonly host: string;
  /** Its node could not end it for a while: another may have its slot, and then it must not send. */
  stale: boolean;
  submits: number;
}

/** Looks at every piece of news as it comes: what must hold at each moment, not only at the end. */
export class Watch {
  readonly violations: string[] = [];
  readonly #binds: number;
  readonly #open = new Map<number, OpenSession>();
  /** Hosts of nodes that are frozen, or cut off from the carrier: they can end nothing. */
  readonly #away = new Set<string>();
  /** When a host came back, by its address, ms of the generator. */
  readonly #back = new Map<string, number>();
  /** Hosts whose nodes stood still: what their sessions send afterwards, they have written afterwards. */
  readonly #frozen = new Set<string>();
  /** The slots of sessions that are open were all taken by others at the news before this. */
  #wereTaken = false;
  #last: News = { t: 0, e: 'counts' };

  /** @param binds sessions that the carrier may ever see at once, of those that can send */
  constructor(binds: number) {
    this.#binds = binds;
  }

  /** Its node can end no session from now on: one that stands does not count while others have its slot. */
  away(host: string, how: 'frozen' | 'cut'): void {
    this.#away.add(host);
    if (how === 'frozen') this.#frozen.add(host);
    this.#wereTaken = false;
    for (const session of this.#open.values()) if (session.host === host) session.stale = true;
  }

  /** It can again. What still stands after a while counts. */
  back(host: string): void {
    if (this.#away.delete(host)) this.#back.set(host, this.#last.t);
  }

  see(news: News): void {
    if (news.e === 'bound') this.#bound(news);
    else if (news.e === 'ended') this.#open.delete(news.session ?? 0);
    for (const [host, at] of this.#back) if (news.t > at + GRACE_MS) this.#settled(host);
    const counted = [...this.#open.values()].filter(({ stale }) => !stale).length;
    if (counted > this.#binds) {
      this.#violated(news, `the carrier has ${counted} sessions, at most ${this.#binds} allowed`);
    }
    if (news.e === 'counts') this.#counts(news, counted);
  }

  #bound({ session = 0, peer = '' }: News): void {
    const host = peer.split(':')[0]!;
    this.#open.set(session, { host, stale: this.#away.has(host), submits: 0 });
  }

  #settled(host: string): void {
    this.#back.delete(host);
    this.#frozen.delete(host);
    for (const session of this.#open.values()) if (session.host === host) session.stale = false;
  }

  #counts(news: News, counted: number): void {
    for (const [number, , submits] of typeof news.sessions === 'object' ? news.sessions : []) {
      const session = this.#open.get(number);
      if (!session) continue;
      const more = submits - session.submits;
      if (this.#wereTaken && session.stale && this.#frozen.has(session.host) && more > 0) {
        this.#violated(news, `${session.host} sent ${more} messages on a session whose slot others have`);
      }
      session.submits = submits;
    }
    this.#wereTaken = counted === this.#binds;
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
