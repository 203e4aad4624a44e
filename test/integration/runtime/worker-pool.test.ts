import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../../runtime/clock.ts';
import type { SupervisorGaveUp } from '../../../runtime/supervisor.ts';
import { ThreadWiring } from '../../../runtime/thread-wiring.ts';
import { Timers } from '../../../runtime/timers.ts';
import type { WorkerGone, WorkerHandle } from '../../../runtime/worker-life.ts';
import { WorkerPool } from '../../../runtime/worker-pool.ts';
import type { PoolOptions } from '../../../runtime/worker-pool.ts';
import { waitUntil } from '../../support/wait-until.ts';
import type { Fault, FixtureApi, FixtureData } from './fixtures/thread.ts';

const entry = new URL('./fixtures/thread.ts', import.meta.url);

interface Seen {
  readonly pool: WorkerPool<FixtureApi>;
  readonly events: string[];
  readonly downs: WorkerGone[];
  readonly gaveUp: SupervisorGaveUp[];
}

const started: { pool: WorkerPool<FixtureApi>; timers: Timers }[] = [];

function makePool(
  options: Partial<PoolOptions<FixtureApi>> & { data?: (index: number) => FixtureData } = {},
  wiring?: ThreadWiring,
): Seen {
  const timers = new Timers(systemClock);
  const events: string[] = [];
  const downs: WorkerGone[] = [];
  const gaveUp: SupervisorGaveUp[] = [];
  const pool = new WorkerPool<FixtureApi>({
    role: 'worker',
    entry,
    count: 1,
    data: () => ({}),
    shutdownMs: 1000,
    fatal: new SharedArrayBuffer(4),
    clock: systemClock,
    timers,
    gaveUp: error => gaveUp.push(error),
    ...options,
    up: worker => {
      events.push(`up ${worker.role} ${worker.index} life ${worker.life}`);
      void wiring?.up(worker);
    },
    down: (worker, reason) => {
      events.push(`down ${worker.role} ${worker.index} life ${worker.life}`);
      downs.push(reason);
      wiring?.down(worker);
    },
  });
  started.push({ pool, timers });
  return { pool, events, downs, gaveUp };
}

afterEach(async () => {
  for (const { pool, timers } of started.splice(0)) {
    await pool.stop();
    // Nothing may be left behind: neither a time limit of a life nor the look at the beats.
    expect(timers.armed).toBe(0);
    timers.close();
  }
});

function first(seen: Seen): WorkerHandle<FixtureApi> {
  return seen.pool.workers[0]!;
}

describe('calls', () => {
  test('are answered by the thread they are for, errors included', async () => {
    const seen = makePool({ count: 2 });
    await seen.pool.start();
    const [one, two] = seen.pool.workers;
    expect(await Promise.all([one!.api.echo('a'), two!.api.echo('b')])).toEqual(['0: a', '1: b']);
    await expect(one!.api.fail('no such thing')).rejects.toThrow('no such thing');
    expect(seen.events.toSorted()).toEqual(['up worker 0 life 1', 'up worker 1 life 1']);
  });

  test('are bounded', async () => {
    const seen = makePool();
    await seen.pool.start();
    const hanging = Array.from({ length: 1000 }, () => first(seen).api.hang().catch(String));
    await expect(first(seen).api.hang()).rejects.toMatchObject({ code: 'RPC_FULL' });
    await seen.pool.stop();
    expect(new Set(await Promise.all(hanging))).toEqual(new Set(['WorkerGone: worker 0 was stopped']));
  });
});

describe('a thread that ends', () => {
  const faults: readonly (readonly [Fault, string])[] = [
    ['throw', 'worker 0 failed: planned throw'],
    ['reject', 'worker 0 failed: planned rejection'],
    ['exit', 'worker 0 ended by itself with exit code 7'],
    ['out-of-memory', 'worker 0 failed: Worker terminated due to reaching memory limit: JS heap out of memory'],
    ['endless-loop', 'worker 0 was stuck for 0.5 s'],
  ];

  test.each(faults)('by %s rejects what is pending, goes down, and comes up again', async (fault, why) => {
    // Full collections before the end of a heap take long on a loaded machine: only the loop is to count as stuck.
    const stuckMs = fault === 'endless-loop' ? 500 : 30_000;
    const seen = makePool({ stuckMs, resourceLimits: { maxOldGenerationSizeMb: 32 } });
    await seen.pool.start();
    const pending = first(seen).api.hang();
    const causing = first(seen).api.fault(fault);
    const gone = { name: 'WorkerGone', code: 'WORKER_GONE', role: 'worker', index: 0, message: why };
    await expect(pending).rejects.toMatchObject(gone);
    await expect(causing).rejects.toMatchObject(gone);
    await waitUntil('the second life', () => seen.events.length === 3);
    expect(seen.events).toEqual(['up worker 0 life 1', 'down worker 0 life 1', 'up worker 0 life 2']);
    expect(seen.downs[0]).toMatchObject(gone);
    expect(await first(seen).api.echo('again')).toBe('0: again');
  });

  test('leaves the others alone, and its old handle rejects', async () => {
    const seen = makePool({ count: 2 });
    await seen.pool.start();
    const [one, two] = seen.pool.workers;
    const kept = two!.api.hang().catch(String);
    await expect(one!.api.fault('throw')).rejects.toThrow('planned throw');
    await waitUntil('the second life', () => seen.pool.workers.length === 2);
    expect(await two!.api.echo('still here')).toBe('1: still here');
    await expect(one!.api.echo('?')).rejects.toThrow('worker 0 failed: planned throw');
    await seen.pool.stop();
    expect(await kept).toBe('WorkerGone: worker 1 was stopped');
  });

  test('too often makes the pool give up once, with the last cause', async () => {
    const crashed: string[] = [];
    const seen = makePool({
      count: 2,
      data: index => ({ failAtStart: index === 1 }),
      intensity: { maxRestarts: 2, periodMs: 60_000 },
      crashed: (thread, _error, restarts) => crashed.push(`${thread} ${restarts ? 'again' : 'given up'}`),
    });
    await expect(seen.pool.start()).rejects.toMatchObject({ code: 'SUPERVISOR_GAVE_UP' });
    expect(crashed).toEqual(['worker 1 again', 'worker 1 again', 'worker 1 given up']);
    expect(seen.gaveUp.map(error => error.message)).toEqual([
      'the supervisor of worker threads gives up: worker 1 ended again after 2 restarts within 60 s: worker 1 failed: planned failure at start',
    ]);
    await waitUntil('all threads have ended', () => seen.pool.workers.length === 0);
  });

  test('not even by force makes the pool give up: no second one is started beside it', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'heliograph-pool-'));
    const fifo = join(folder, 'fifo');
    expect(spawnSync('mkfifo', [fifo]).status).toBe(0);
    const seen = makePool({ stuckMs: 300, data: () => ({ fifo }) });
    await seen.pool.start();
    await expect(first(seen).api.openFifo()).rejects.toThrow('worker 0 was stuck for 0.3 s');
    await waitUntil('the pool gives up', () => seen.gaveUp.length === 1, 20_000);
    expect(seen.gaveUp[0]!.message).toBe(
      'the supervisor of worker threads gives up: worker 0 was killed and did not end: worker 0 did not end within 5 s of terminate()',
    );
    expect(seen.events).toEqual(['up worker 0 life 1', 'down worker 0 life 1']);
    // Opens only when somebody reads: the thread, which then ends.
    closeSync(openSync(fifo, 'w'));
    rmSync(folder, { recursive: true });
  });

  test('is not one that is only busy', async () => {
    const seen = makePool({ stuckMs: 2000 });
    await seen.pool.start();
    for (let i = 0; i < 3; i++) await first(seen).api.block(800);
    expect(seen.events).toEqual(['up worker 0 life 1']);
  });
});

describe('stop', () => {
  test('is asked of the thread, and ends it', async () => {
    const seen = makePool({ count: 2 });
    await seen.pool.start();
    const handle = first(seen);
    await seen.pool.stop();
    expect(seen.events.slice(2).toSorted()).toEqual(['down worker 0 life 1', 'down worker 1 life 1']);
    await expect(handle.api.echo('late')).rejects.toThrow('worker 0 was stopped');
  });

  test('ends by force a thread that does not answer', async () => {
    const seen = makePool({ data: () => ({ stopHangs: true }), shutdownMs: 0 });
    await seen.pool.start();
    await seen.pool.stop();
    expect(seen.downs.map(String)).toEqual(['WorkerGone: worker 0 was ended by its supervisor']);
    expect(seen.gaveUp).toEqual([]);
  });
});

describe('wiring', () => {
  test('links threads of two roles, again after a restart of either', async () => {
    const failed: unknown[] = [];
    const wiring = new ThreadWiring([['worker', 'store']], error => failed.push(error));
    const workers = makePool({ count: 2 }, wiring);
    const store = makePool({ role: 'store' }, wiring);
    await Promise.all([workers.pool.start(), store.pool.start()]);
    const asked = async (): Promise<string[]> =>
      Promise.all(workers.pool.workers.map(worker => worker.api.ask('store', 0, `hello from ${worker.index}`)));
    const answers = ['store 0 got hello from 0', 'store 0 got hello from 1'];
    await waitUntilAnswered(asked, answers);
    expect(await first(store).api.ask('worker', 1, 'the other way')).toBe('worker 1 got the other way');

    await first(workers)
      .api.fault('throw')
      .catch(() => {});
    await waitUntil('the worker is back', () => workers.pool.workers.length === 2);
    await waitUntilAnswered(asked, answers);

    await first(store)
      .api.fault('throw')
      .catch(() => {});
    await waitUntil('the store is back', () => store.pool.workers.length === 1);
    await waitUntilAnswered(asked, answers);
    expect(failed).toEqual([]);
  });
});

test.each<Fault>(['throw', 'exit', 'endless-loop'])(
  'a link request pending when its peer ends by %s rejects',
  async fault => {
    const wiring = new ThreadWiring([['worker', 'store']], () => {});
    const workers = makePool({}, wiring);
    const store = makePool({ role: 'store', stuckMs: 300 }, wiring);
    await Promise.all([workers.pool.start(), store.pool.start()]);
    await waitUntilAnswered(async () => [await first(workers).api.ask('store', 0, 'hello')], ['store 0 got hello']);
    const pending = first(workers).api.ask('store', 0, 'hang').catch(String);
    await first(store)
      .api.fault(fault)
      .catch(() => {});
    expect(await pending).toBe('LinkClosed: the link to store 0 closed');
  },
);

// Ports are handed over after `up`, so the first requests can come before the link.
async function waitUntilAnswered(ask: () => Promise<string[]>, expected: string[]): Promise<void> {
  let last: unknown;
  let busy = false;
  await waitUntil(`answers ${JSON.stringify(expected)}`, () => {
    if (!busy) {
      busy = true;
      ask()
        .then(answers => (last = answers))
        .catch((error: unknown) => (last = error))
        .finally(() => (busy = false));
    }
    return JSON.stringify(last) === JSON.stringify(expected);
  });
}
