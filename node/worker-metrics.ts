import { performance, PerformanceObserver } from 'node:perf_hooks';
import { MetricsWriter } from '../runtime/metrics-writer.ts';
import type { MetricsPlan } from '../runtime/metrics.ts';
import type { Timer, Timers } from '../runtime/timers.ts';
import { ANSWER_TIME, GC_TIME, LOOP_BUSY, SUBMIT_TIME, WORKER_COUNTERS } from './metric-names.ts';

type Counts = Record<keyof typeof WORKER_COUNTERS, number>;

const EVERY_MS = 1000;

/**
 * A worker's side of `/metrics`. Its actors count in plain numbers; what was added goes into memory that the main thread
 * reads, once a second and whenever it asks: so counters do not go back when a worker is restarted.
 */
export class WorkerMetrics {
  readonly #writer: MetricsWriter;
  readonly #submitted;
  readonly #answered;
  readonly #slots: readonly (readonly [keyof Counts, number])[];
  readonly #last = new Map<number, number>();
  readonly #read: () => Counts;
  readonly #timer: Timer;
  readonly #observer: PerformanceObserver;
  readonly #busySlot: number;
  readonly #gcSlot: number;
  #gcMs = 0;

  /** @param read what was counted since this thread started */
  constructor(plan: MetricsPlan, thread: string, timers: Timers, read: () => Counts) {
    const writer = (this.#writer = new MetricsWriter(plan));
    this.#read = read;
    this.#submitted = writer.histogram(SUBMIT_TIME);
    this.#answered = {
      account: writer.histogram(ANSWER_TIME, { side: 'account' }),
      carrier: writer.histogram(ANSWER_TIME, { side: 'carrier' }),
    };
    this.#slots = Object.entries(WORKER_COUNTERS).map(
      ([key, named]) => [key as keyof Counts, writer.slot(named.name, 'labels' in named ? named.labels : {})] as const,
    );
    this.#busySlot = writer.slot(LOOP_BUSY, { thread });
    this.#gcSlot = writer.slot(GC_TIME, { thread });
    this.#observer = new PerformanceObserver(list => {
      for (const { duration } of list.getEntries()) this.#gcMs += duration;
    });
    this.#observer.observe({ entryTypes: ['gc'] });
    this.#timer = timers.timer(() => this.#everySecond());
    this.#timer.start(EVERY_MS);
  }

  committed(ms: number): void {
    this.#submitted.record(microseconds(ms));
  }

  answered(side: 'account' | 'carrier', ms: number): void {
    this.#answered[side].record(microseconds(ms));
  }

  stop(): void {
    this.#timer.cancel();
    this.#observer.disconnect();
    this.write();
  }

  #everySecond(): void {
    this.#timer.start(EVERY_MS);
    this.write();
  }

  /** Makes what was counted so far seen. */
  write(): void {
    const counts = this.#read();
    for (const [key, slot] of this.#slots) this.#add(slot, counts[key]);
    this.#add(this.#busySlot, performance.eventLoopUtilization().active / 1000);
    this.#add(this.#gcSlot, this.#gcMs / 1000);
  }

  #add(slot: number, total: number): void {
    const last = this.#last.get(slot) ?? 0;
    if (total === last) return;
    this.#writer.add(slot, total - last);
    this.#last.set(slot, total);
  }
}

const microseconds = (ms: number): number => Math.max(1, Math.round(ms * 1000));
