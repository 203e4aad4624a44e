const SAMPLE_MS = 5000;
const MINUTE_MS = 60_000;

/** Messages a second, averaged over about 1, 5 and 15 minutes: as Unix has its load, the newest count most. */
export class LoadAverage {
  one = 0;
  five = 0;
  fifteen = 0;
  #sampledMs: number;
  #count = 0;

  /** @param nowMs monotonic, as below */
  constructor(nowMs: number) {
    this.#sampledMs = nowMs;
  }

  /** To be called now and then; a few times a second is often enough. @param count messages so far */
  sample(count: number, nowMs: number): void {
    const elapsedMs = nowMs - this.#sampledMs;
    if (elapsedMs < SAMPLE_MS) return;
    const rate = ((count - this.#count) * 1000) / elapsedMs;
    this.#sampledMs = nowMs;
    this.#count = count;
    this.one = towards(this.one, rate, elapsedMs, 1);
    this.five = towards(this.five, rate, elapsedMs, 5);
    this.fifteen = towards(this.fifteen, rate, elapsedMs, 15);
  }
}

const towards = (average: number, rate: number, elapsedMs: number, minutes: number): number =>
  rate + (average - rate) * Math.exp(-elapsedMs / (minutes * MINUTE_MS));
