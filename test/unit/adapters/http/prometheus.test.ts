import { expect, test } from 'vitest';
import { prometheusText } from '../../../../adapters/http/prometheus.ts';

test('families are written in the text format 0.0.4', () => {
  const text = prometheusText([
    { type: 'counter', name: 'a_total', help: 'All\nof "a" \\.', samples: [{ labels: {}, value: 3 }] },
    { type: 'gauge', name: 'b', help: 'B.', samples: [{ labels: { x: 'say "hi"\\\n', y: 'z' }, value: 0.5 }] },
    { type: 'gauge', name: 'none', help: 'Nothing yet.', samples: [] },
    {
      type: 'summary',
      name: 'c_microseconds',
      help: 'C.',
      samples: [{ labels: { side: 'carrier' }, count: 2, sum: 30, max: 20, quantiles: [[0.5, 10]] }],
    },
  ]);
  expect(text).toBe(
    [
      '# HELP a_total All\\nof "a" \\\\.',
      '# TYPE a_total counter',
      'a_total 3',
      '# HELP b B.',
      '# TYPE b gauge',
      'b{x="say \\"hi\\"\\\\\\n",y="z"} 0.5',
      '# HELP none Nothing yet.',
      '# TYPE none gauge',
      '# HELP c_microseconds C.',
      '# TYPE c_microseconds summary',
      'c_microseconds{side="carrier",quantile="0.5"} 10',
      'c_microseconds_sum{side="carrier"} 30',
      'c_microseconds_count{side="carrier"} 2',
      '',
    ].join('\n'),
  );
});
