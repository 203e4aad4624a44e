import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';
import { MetricsWriter } from '../../../runtime/metrics-writer.ts';
import { Metrics } from '../../../runtime/metrics.ts';

async function count(metrics: Metrics, thread: string, times: number): Promise<void> {
  const entry = new URL('./fixtures/metrics-thread.ts', import.meta.url);
  const worker = new Worker(entry, { workerData: { plan: metrics.planFor(thread), times } });
  await once(worker, 'exit');
}

function define(): Metrics {
  const metrics = new Metrics(3);
  metrics.counter('smsc_accepted_total', 'Messages accepted', { account: 'demo' });
  metrics.counter('smsc_accepted_total', 'Messages accepted', { account: 'other' });
  metrics.gauge('smsc_sessions', 'Sessions bound');
  metrics.gaugeOf('smsc_workers', 'Threads up', () => [{ labels: {}, value: 2 }]);
  metrics.histogram('smsc_submit_us', 'From submit to response', 60_000_000, { account: 'demo' });
  return metrics;
}

test('threads count without locks, the snapshot sums them, a restarted thread goes on', async () => {
  const metrics = define();
  await Promise.all([count(metrics, 'worker 0', 1000), count(metrics, 'worker 1', 200)]);
  await count(metrics, 'worker 1', 300);
  const [accepted, sessions, workers, latency] = metrics.snapshot();
  expect(accepted).toMatchObject({
    type: 'counter',
    samples: [
      { labels: { account: 'demo' }, value: 1500 },
      { labels: { account: 'other' }, value: 0 },
    ],
  });
  expect(sessions).toMatchObject({ type: 'gauge', samples: [{ labels: {}, value: 6 }] });
  expect(workers?.samples).toEqual([{ labels: {}, value: 2 }]);
  const [distribution] = latency!.samples;
  expect(distribution).toMatchObject({ labels: { account: 'demo' }, count: 1500 });
  // Two figures: within 1 %.
  const sum = (1000 * 1001 + 200 * 201 + 300 * 301) / 2;
  expect(Math.abs((distribution as { sum: number }).sum / sum - 1)).toBeLessThan(0.01);
  expect(Math.abs((distribution as { max: number }).max / 1000 - 1)).toBeLessThan(0.01);

  metrics.clearGauges('worker 1');
  expect(metrics.snapshot()[1]?.samples).toEqual([{ labels: {}, value: 3 }]);
  expect(metrics.snapshot()[0]?.samples[0]).toMatchObject({ value: 1500 });
});

test('a series that is defined again is the same one; the room is bounded; a name has one type', () => {
  const metrics = define();
  metrics.counter('smsc_accepted_total', 'Messages accepted', { account: 'other' });
  expect(() => metrics.counter('smsc_accepted_total', 'Messages accepted', { account: 'third' })).toThrow(
    'no room for another series of smsc_accepted_total: all 3 are in use',
  );
  expect(() => new Metrics().snapshot()).not.toThrow();
  expect(() => metrics.histogram('smsc_sessions', '', 10)).toThrow('smsc_sessions is a gauge, not a summary');
});

test('a thread learns series that were added later, and cannot name others', () => {
  const metrics = new Metrics();
  const writer = new MetricsWriter(metrics.planFor('worker 0'));
  expect(() => writer.slot('smsc_new_total', { b: '2', a: '1' })).toThrow('no series smsc_new_total');
  metrics.counter('smsc_new_total', 'New', { a: '1', b: '2' });
  writer.learn(metrics.planFor('worker 0'));
  writer.add(writer.slot('smsc_new_total', { b: '2', a: '1' }), 5);
  expect(metrics.snapshot()[0]?.samples).toEqual([{ labels: { a: '1', b: '2' }, value: 5 }]);
});
