import { createHistogram } from 'node:perf_hooks';
import type { RecordableHistogram } from 'node:perf_hooks';
import { RuntimeError } from './errors.ts';

export type Labels = Readonly<Record<string, string>>;

/** One counter or gauge that threads write: its slot is the same in every thread's block. */
export interface SeriesPlan {
  readonly type: 'counter' | 'gauge';
  readonly name: string;
  readonly labels: Labels;
  readonly slot: number;
}

/** One latency figure that all threads write into: the native store is shared (measured: 78 ns a record). */
export interface HistogramPlan {
  readonly name: string;
  readonly labels: Labels;
  /** Whole numbers of 1 or more, in the unit that the name ends with. */
  readonly histogram: RecordableHistogram;
}

/** What a thread is given at its start, and again when series were added: `MetricsWriter` reads it. Cloneable. */
export interface MetricsPlan {
  readonly block: SharedArrayBuffer;
  readonly series: readonly SeriesPlan[];
  readonly histograms: readonly HistogramPlan[];
}

export interface Sample {
  readonly labels: Labels;
  readonly value: number;
}

export interface DistributionSample {
  readonly labels: Labels;
  readonly count: number;
  readonly sum: number;
  readonly max: number;
  readonly quantiles: readonly (readonly [number, number])[];
}

/** All values of one name at one moment. */
export type Family =
  | {
      readonly type: 'counter' | 'gauge';
      readonly name: string;
      readonly help: string;
      readonly samples: readonly Sample[];
    }
  | {
      readonly type: 'summary';
      readonly name: string;
      readonly help: string;
      readonly samples: readonly DistributionSample[];
    };

/** More series than were made room for: a label value that does not come from the configuration, or too large a configuration. */
export class MetricsFull extends RuntimeError {
  constructor(name: string, capacity: number) {
    super('METRICS_FULL', `no room for another series of ${name}: all ${capacity} are in use`);
  }
}

interface Entry {
  readonly type: 'counter' | 'gauge' | 'summary';
  readonly help: string;
  readonly series: SeriesPlan[];
  readonly histograms: HistogramPlan[];
  readonly read: (() => readonly Sample[]) | undefined;
}

const QUANTILES = [0.5, 0.9, 0.99, 0.999] as const;

export function seriesKey(name: string, labels: Labels): string {
  const pairs = Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([name, pairs]);
}

/**
 * The main thread's list of what is counted. A thread adds to a plain word of its own block, so counting costs an
 * addition, and nothing is locked; a snapshot sums the blocks. Label values come from the configuration alone, never from a peer.
 */
export class Metrics {
  readonly #capacity: number;
  readonly #entries = new Map<string, Entry>();
  readonly #known = new Set<string>();
  readonly #blocks = new Map<string, Float64Array<SharedArrayBuffer>>();
  #slots = 0;

  /** @param capacity series of counters and gauges, at most; each takes 8 bytes a thread */
  constructor(capacity = 8192) {
    this.#capacity = capacity;
  }

  /** Counts up. Defining a series again changes nothing. @throws MetricsFull */
  counter(name: string, help: string, labels: Labels = {}): void {
    this.#addSeries('counter', name, help, labels);
  }

  /** A value that threads set; the snapshot shows the sum over the threads. @throws MetricsFull */
  gauge(name: string, help: string, labels: Labels = {}): void {
    this.#addSeries('gauge', name, help, labels);
  }

  /** A value of the main thread, read at each snapshot. */
  gaugeOf(name: string, help: string, read: () => readonly Sample[]): void {
    this.#entries.set(name, { type: 'gauge', help, series: [], histograms: [], read });
  }

  /** A distribution of whole numbers from 1 to `highest`, in the unit that the name ends with. */
  histogram(name: string, help: string, highest: number, labels: Labels = {}): void {
    const entry = this.#entry('summary', name, help);
    const key = seriesKey(name, labels);
    if (this.#known.has(key)) return;
    const plan: HistogramPlan = { name, labels, histogram: createHistogram({ lowest: 1, highest, figures: 2 }) };
    this.#known.add(key);
    entry.histograms.push(plan);
  }

  /**
   * For one thread, by a name of its own. A thread that is restarted gets its old block under the same name, so counters
   * never go back; its gauges are set to zero, as what they counted is gone.
   */
  planFor(thread: string): MetricsPlan {
    let block = this.#blocks.get(thread);
    if (block === undefined) {
      block = new Float64Array(new SharedArrayBuffer(this.#capacity * Float64Array.BYTES_PER_ELEMENT));
      this.#blocks.set(thread, block);
    }
    const entries = [...this.#entries.values()];
    const series = entries.flatMap(entry => entry.series);
    return { block: block.buffer, series, histograms: entries.flatMap(entry => entry.histograms) };
  }

  /** To be called when a thread has ended. */
  clearGauges(thread: string): void {
    const block = this.#blocks.get(thread);
    if (block === undefined) return;
    for (const entry of this.#entries.values()) {
      for (const series of entry.series) if (series.type === 'gauge') block[series.slot] = 0;
    }
  }

  /** Everything, summed over the threads. */
  snapshot(): Family[] {
    return [...this.#entries].map(([name, entry]): Family => {
      const { help, type } = entry;
      if (type === 'summary') return { type, name, help, samples: entry.histograms.map(summarise) };
      const samples = entry.read?.() ?? entry.series.map(({ labels, slot }) => ({ labels, value: this.#sum(slot) }));
      return { type, name, help, samples };
    });
  }

  #sum(slot: number): number {
    let sum = 0;
    for (const block of this.#blocks.values()) sum += block[slot]!;
    return sum;
  }

  #addSeries(type: 'counter' | 'gauge', name: string, help: string, labels: Labels): void {
    const entry = this.#entry(type, name, help);
    const key = seriesKey(name, labels);
    if (this.#known.has(key)) return;
    if (this.#slots === this.#capacity) throw new MetricsFull(name, this.#capacity);
    const plan: SeriesPlan = { type, name, labels, slot: this.#slots++ };
    this.#known.add(key);
    entry.series.push(plan);
  }

  #entry(type: Entry['type'], name: string, help: string): Entry {
    let entry = this.#entries.get(name);
    if (entry === undefined) {
      entry = { type, help, series: [], histograms: [], read: undefined };
      this.#entries.set(name, entry);
    }
    if (entry.type !== type) throw new RuntimeError('METRIC_TYPE', `${name} is a ${entry.type}, not a ${type}`);
    return entry;
  }
}

function summarise({ labels, histogram }: HistogramPlan): DistributionSample {
  const { count, mean, max } = histogram;
  if (count === 0) return { labels, count: 0, sum: 0, max: 0, quantiles: QUANTILES.map(quantile => [quantile, 0]) };
  const quantiles = QUANTILES.map(quantile => [quantile, histogram.percentile(quantile * 100)] as const);
  return { labels, count, sum: mean * count, max, quantiles };
}
