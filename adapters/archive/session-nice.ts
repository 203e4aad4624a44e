import { writeFileSync } from 'node:fs';

/**
 * Sets the nice value of the session that a process belongs to: 0, an equal share, to 19, the least.
 *
 * Linux shares the cores among sessions first, then among the threads of each (autogroup, sched(7)). Each process of Postgres
 * makes itself a session (setsid): one that writes rows has as large a share as the node with all its threads, whatever its own
 * nice value. Its session's is what counts, and its user may raise and lower it. Where a control group shares out the cores
 * sessions do not matter, nor does this.
 *
 * @returns false when it was not done: the machine knows none, the process is gone, or, for who is not root, another was set
 *   within the last 100 ms
 */
export function setSessionNice(pid: number, nice: number): boolean {
  try {
    writeFileSync(`/proc/${pid}/autogroup`, String(nice));
    return true;
  } catch {
    return false;
  }
}
