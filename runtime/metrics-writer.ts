import type { RecordableHistogram } from 'node:perf_hooks';
import { RuntimeError } from './errors.ts';
import { seriesKey } from './metrics.ts';
import type { Labels, MetricsPlan } from './metrics.ts';

/** One thread's side of `Metrics`. Slots are looked up once, at the start or when the configuration changes. */
export class MetricsWriter {
  readonly #values: Float64Array;
  readonly #slots = new Map<string, number>();
  readonly #histograms = new Map<string, RecordableHistogram>();

  constructor(plan: MetricsPlan) {
    this.#values = new Float64Array(plan.block);
    this.learn(plan);
  }

  /** Series that were added since. */
  learn(plan: MetricsPlan): void {
    for (const { name, labels, slot } of plan.series) this.#slots.set(seriesKey(name, labels), slot);
    for (const { name, labels, histogram } of plan.histograms) this.#histograms.set(seriesKey(name, labels), histogram);
  }

  /** @throws RuntimeError METRIC_UNKNOWN */
  slot(name: string, labels: Labels = {}): number {
    return found(this.#slots.get(seriesKey(name, labels)), name, labels);
  }

  /** @throws RuntimeError METRIC_UNKNOWN */
  histogram(name: string, labels: Labels = {}): RecordableHistogram {
    return found(this.#histograms.get(seriesKey(name, labels)), name, labels);
  }

  /** Hot path: only this thread writes this block, so no lock and no atomic. */
  add(slot: number, by: number): void {
    this.#values[slot]! += by;
  }

  set(slot: number, value: number): void {
    this.#values[slot] = value;
  }
}

function found<T>(value: T | undefined, name: string, labels: Labels): T {
  if (value === undefined)
    throw new RuntimeError('METRIC_UNKNOWN', `no series ${name} ${JSON.stringify(labels)} is defined`);
  return value;
}
