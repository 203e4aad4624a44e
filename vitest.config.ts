import { defineConfig } from 'vitest/config';
import { ClosingLineReporter } from './test/support/closing-line-reporter.ts';

/** Whole nodes under load, with times, shares or memory that are asserted: what runs beside them would be measured too. */
const ALONE = [
  'test/cluster/**/*.test.ts',
  'test/integration/{durability,node,routing,runtime}/**/*.test.ts',
  'test/integration/smpp/bad-peers/**/*.test.ts',
  'test/integration/smpp/{ending,throughput}.test.ts',
];

/** Most of the time of a file goes into the starts of its nodes, which keep one core busy: two files at a time. */
const AT_A_TIME = 2;

export default defineConfig({
  test: {
    testTimeout: 60_000,
    hookTimeout: 60_000,
    pool: 'forks',
    reporters: ['default', new ClosingLineReporter()],
    projects: [
      {
        extends: true,
        test: {
          name: 'side by side',
          include: ['test/**/*.test.ts'],
          exclude: ALONE,
          maxWorkers: AT_A_TIME,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: { name: 'alone', include: ALONE, maxWorkers: 1, fileParallelism: false, sequence: { groupOrder: 1 } },
      },
    ],
  },
});
