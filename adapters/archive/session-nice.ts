import { existsSync, readFileSync, writeFileSync } from 'node:fs';

/*
 * Linux shares the cores among sessions first, then among the threads of each (autogroup, sched(7)). Each process of Postgres
 * makes itself a session (setsid): one that writes rows has as large a share as the node with all its threads, whatever its own
 * nice value. Its session's is what counts, and its user may raise and lower it. Where a control group shares out the cores,
 * sessions do not matter, and nice values do.
 */

/** Whether sessions share the cores of this machine, for this process. */
export function sessionsShare(): boolean {
  return read('/proc/sys/kernel/sched_autogroup_enabled').trim() === '1' && !isInGroup(read('/proc/self/cgroup'));
}

/**
 * Sets the nice value of the session that a process belongs to: 0, an equal share, to 19, the least.
 *
 * @returns false when it was not done: the process is gone, or, for who is not root, another was set within the last 100 ms
 */
export function setSessionNice(pid: number, nice: number): boolean {
  try {
    writeFileSync(`/proc/${pid}/autogroup`, String(nice));
    return true;
  } catch {
    return false;
  }
}

/** @param groups as /proc/self/cgroup has them, cgroups(7): `7:cpu,cpuacct:/path`, or `0::/path` of version 2 */
function isInGroup(groups: string): boolean {
  for (const line of groups.split('\n')) {
    const [, controllers = '', path = ''] = line.split(':');
    if (controllers.split(',').includes('cpu') && path !== '/') return true;
    // The root has no such file; inside a container its own group is called / too.
    if (line.startsWith('0::') && existsSync(`/sys/fs/cgroup${path}/cpu.max`)) return true;
  }
  return false;
}

function read(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}
