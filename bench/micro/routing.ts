import { cpus } from 'node:os';
import { compile } from '../../actors/routing/compile.ts';
import { CompiledTable } from '../../actors/routing/compiled.ts';
import { fallbacks, lookup } from '../../actors/routing/match.ts';
import type { Route } from '../../actors/routing/table.ts';

/**
 * How long a table takes to compile and how many messages a second are looked up in it: `node bench/micro/routing.ts
 * [rules …]`. Recipients are drawn from all rules alike, so the tries do not stay in the caches as they would for the few
 * hundred prefixes that real traffic goes to: expect more in practice.
 */

const sizes = process.argv.slice(2).map(Number);
console.log(`node ${process.version}, ${cpus().length} x ${cpus()[0]?.model ?? '?'}`);
for (const size of sizes.length > 0 ? sizes : [1000, 100_000, 1_000_000]) run(size);

function run(size: number): void {
  const random = generator(size);
  const routes = makeRoutes(size, random);
  const compileMs: number[] = [];
  let memory = new SharedArrayBuffer(0);
  for (let i = 0; i < 5; i++) {
    const start = performance.now();
    const outcome = compile({ version: 1, routes });
    compileMs.push(performance.now() - start);
    if (!outcome.ok) throw new Error(JSON.stringify(outcome.problems));
    memory = outcome.memory;
  }
  const attachStart = performance.now();
  const table = new CompiledTable(memory);
  const attachMs = performance.now() - attachStart;

  const messages = 65_536;
  const stride = 32;
  const buffer = Buffer.alloc(messages * stride);
  for (let i = 0; i < messages; i++) {
    const prefix = routes[Math.floor(random() * size)]!.calledPrefix;
    buffer.latin1Write(prefix.padEnd(12, String(i % 10)), i * stride);
    buffer.latin1Write('447700900123', i * stride + 16);
  }
  const origin = table.origin({ account: 'demo' });
  const rate = best(() => {
    const start = performance.now();
    let found = 0;
    for (let round = 0; round < 32; round++) {
      for (let i = 0; i < messages; i++) {
        const at = i * stride;
        found += lookup(table, origin, buffer, at, 12, at + 16, 12, 0.5) >= 0 ? 1 : 0;
      }
    }
    if (found !== 32 * messages) throw new Error(`expected ${32 * messages} found, got ${found}`);
    return found / (performance.now() - start);
  });
  const out = new Int32Array(8);
  const chains = best(() => {
    const start = performance.now();
    for (let i = 0; i < messages; i++) {
      const at = i * stride;
      const first = lookup(table, origin, buffer, at, 12, at + 16, 12, 0.5);
      fallbacks(table, origin, buffer, at, 12, at + 16, 12, 0.5, first, out);
    }
    return messages / (performance.now() - start);
  });
  console.log(
    `${size} rules: compile ${compileMs.map(ms => ms.toFixed(0)).join(' ')} ms, ${(memory.byteLength / 2 ** 20).toFixed(1)} MiB, ` +
      `attach ${attachMs.toFixed(2)} ms, lookup ${(rate / 1000).toFixed(2)} million/s, with fallbacks ${(chains / 1000).toFixed(2)} million/s`,
  );
}

function makeRoutes(size: number, random: () => number): Route[] {
  const seen = new Set<string>();
  const routes: Route[] = [];
  const digits = Math.ceil(Math.log10(size)) + 2;
  while (routes.length < size) {
    const length = 2 + Math.floor(random() * digits);
    const calledPrefix = Array.from({ length }, () => Math.floor(random() * 10)).join('');
    if (seen.has(calledPrefix)) continue;
    seen.add(calledPrefix);
    const destSmsc = `carrier-${routes.length % 20}`;
    routes.push({
      calledPrefix,
      callingPrefix: '',
      action: { type: 'forward', destSmsc },
      priority: 100,
      weight: 100,
      charged: 'default',
      enabled: true,
      description: '',
    });
  }
  return routes;
}

function best(measure: () => number): number {
  let most = 0;
  for (let i = 0; i < 5; i++) most = Math.max(most, measure());
  return most;
}

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let x = Math.imul(state ^ (state >>> 15), state | 1);
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32;
  };
}
