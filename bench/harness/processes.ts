import { readdirSync, readFileSync } from 'node:fs';
import { cpus } from 'node:os';

/** CPU time as Linux counts it (proc(5)): in ticks of 10 ms. */
const TICK_US = 10_000;

interface Stat {
  readonly parent: number;
  /** µs of the process, and of its children that have ended and were waited for. */
  readonly ownUs: number;
  readonly endedUs: number;
}

function statOf(pid: number | 'self'): Stat | undefined {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'latin1');
  } catch {
    return undefined;
  }
  // The program's name, in brackets, may hold anything: fields are counted behind it, from the third on.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const ticks = (number: number): number => Number(fields[number - 3]) * TICK_US;
  return { parent: Number(fields[1]), ownUs: ticks(14) + ticks(15), endedUs: ticks(16) + ticks(17) };
}

/** CPU time of a process, all its threads, user and system, µs in steps of 10,000; 0 when it is gone. */
export function cpuUs(pid: number): number {
  return statOf(pid)?.ownUs ?? 0;
}

/** CPU time of all processes under `pid`, itself not: of a node, its database's. Those that have ended count too. */
export function descendantsCpuUs(pid: number): number {
  const children = new Map<number, number[]>();
  const stats = new Map<number, Stat>();
  for (const name of readdirSync('/proc')) {
    const found = /^\d+$/.test(name) ? statOf(Number(name)) : undefined;
    if (!found) continue;
    stats.set(Number(name), found);
    children.set(found.parent, [...(children.get(found.parent) ?? []), Number(name)]);
  }
  let sum = stats.get(pid)?.endedUs ?? 0;
  const toDo = [...(children.get(pid) ?? [])];
  for (let child = toDo.pop(); child !== undefined; child = toDo.pop()) {
    const { ownUs, endedUs } = stats.get(child)!;
    sum += ownUs + endedUs;
    toDo.push(...(children.get(child) ?? []));
  }
  return sum;
}

/** Anonymous memory of a process, octets: what it needs, without pages of files (a mapped store) that the kernel keeps. */
export function anonymousOctets(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'latin1');
  return Number(/^RssAnon:\s+(\d+) kB$/m.exec(status)?.[1] ?? NaN) * 1024;
}

/** Of all cores together, µs since boot, everything but idling. */
function machineBusyUs(): number {
  const [total = ''] = readFileSync('/proc/stat', 'latin1').split('\n', 1);
  // user nice system idle iowait irq softirq steal: what the hypervisor took was not ours either.
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = total
    .trim()
    .split(/\s+/)
    .slice(1)
    .map(Number);
  return (user + nice + system + irq + softirq + steal) * TICK_US;
}

/** Which share of the machine other programs took while something was measured: 0 on a quiet machine. */
export class Elsewhere {
  readonly #live: readonly number[];
  readonly #startMs = performance.now();
  readonly #busyUs = machineBusyUs();
  readonly #oursUs: number;

  /** @param live pids of ours that go on after the measurement; their descendants count as ours */
  constructor(live: readonly number[]) {
    this.#live = live;
    this.#oursUs = this.#ours();
  }

  share(): number {
    const spentUs = machineBusyUs() - this.#busyUs - (this.#ours() - this.#oursUs);
    return Math.max(0, spentUs / ((performance.now() - this.#startMs) * 1000 * cpus().length));
  }

  #ours(): number {
    // The bench itself, programs it has started that have ended, and the live ones.
    const self = statOf('self')!;
    return this.#live.reduce((sum, pid) => sum + cpuUs(pid) + descendantsCpuUs(pid), self.ownUs + self.endedUs);
  }
}
