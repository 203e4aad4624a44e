/**
 * Where the CPU of a P1 run goes, by thread: `node bench/profile.ts [--count 200000] [--top 25]`. Prints self time in µs a
 * message, garbage collection and native calls included, and which thread waits most. Profiling itself costs 5 to 15 %.
 */
import { mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { endAll, keepTrackOf } from './harness/children.ts';
import { NodePlace } from './harness/node-process.ts';
import { loadNode } from './harness/node-run.ts';
import { compileSmppload } from './harness/smppload.ts';
import { shown } from './harness/stats.ts';

interface Profile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
  }[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const { values } = parseArgs({
  options: { count: { type: 'string', default: '200000' }, top: { type: 'string', default: '25' } },
});
const [count, top] = [Number(values.count), Number(values.top)];
const IDLE = new Set(['(idle)', '(program)', '(root)']);

/** Which thread a profile is of: its entry is among its files. */
function roleOf({ nodes }: Profile): string {
  for (const role of ['worker', 'store', 'archive', 'simulator']) {
    if (nodes.some(node => node.callFrame.url.endsWith(`/node/${role}-thread.ts`))) return role;
  }
  return nodes.some(node => node.callFrame.url.endsWith('/main.ts')) ? 'main' : 'another thread';
}

function show(profile: Profile): void {
  const frames = new Map(profile.nodes.map(node => [node.id, node.callFrame]));
  const self = new Map<string, number>();
  let busy = 0;
  for (const [i, sample] of profile.samples.entries()) {
    const { functionName, url, lineNumber } = frames.get(sample)!;
    if (IDLE.has(functionName)) continue;
    const file = url.replace(`file://${ROOT}`, '').replace(/^.*node_modules\//, '');
    const name = `${functionName || '(anonymous)'} ${file === '' ? '' : `${file}:${lineNumber + 1}`}`;
    self.set(name, (self.get(name) ?? 0) + profile.timeDeltas[i]!);
    busy += profile.timeDeltas[i]!;
  }
  console.log(`\n${roleOf(profile)}: ${shown(busy / count)} µs a message`);
  for (const [name, us] of [...self].sort((a, b) => b[1] - a[1]).slice(0, top)) {
    console.log(`${(us / count).toFixed(2).padStart(8)}  ${name}`);
  }
}

const folder = mkdtempSync(join(tmpdir(), 'hg-profile-'));
keepTrackOf(folder);
try {
  compileSmppload();
  const nodeArguments = ['--cpu-prof', '--cpu-prof-interval', '500', '--cpu-prof-dir', folder];
  using place = await NodePlace.make({
    root: ROOT,
    runs: 1,
    count,
    seed: 1,
    only: undefined,
    nodeArguments,
    note: console.error,
  });
  {
    await using node = place.start();
    await node.up({ archive: true });
    const { load, cpuUsPerMessage, problems } = await loadNode(node, place, { count }, { archived: true });
    console.log(`${shown(load.dlr_per_s)} messages/s, ${shown(cpuUsPerMessage)} µs of CPU a message`, ...problems);
    await node.stop();
  }
  for (const file of readdirSync(folder).sort()) show(JSON.parse(readFileSync(join(folder, file), 'utf8')) as Profile);
} finally {
  await endAll();
}
