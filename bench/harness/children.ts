import { spawn, type ChildProcess, type SpawnOptions } from 'node:child_process';
import { rmSync } from 'node:fs';

/** Programs and folders of a run that are still there: an interrupted bench leaves neither behind. */
const running = new Set<ChildProcess>();
const folders = new Set<string>();
let ending = false;

/** Starts a program that ends with the bench at the latest. */
export function start(command: string, args: readonly string[], options: SpawnOptions): ChildProcess {
  if (ending) throw new Error('the bench is being ended');
  const child = spawn(command, args, options);
  running.add(child);
  child.once('exit', () => running.delete(child));
  child.once('error', () => running.delete(child));
  return child;
}

/** Sends `signal`; resolves when the program has ended, by SIGKILL after `limitMs`. @returns its exit code */
export async function end(child: ChildProcess, signal: NodeJS.Signals, limitMs = 30_000): Promise<number | null> {
  const ended = exited(child);
  child.kill(signal);
  const hurry = setTimeout(() => child.kill('SIGKILL'), limitMs);
  const code = await ended;
  clearTimeout(hurry);
  return code;
}

export function exited(child: ChildProcess): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve(child.exitCode);
  return new Promise(resolve => child.once('exit', code => resolve(code)));
}

/** A folder to be removed with everything in it, at the latest when the bench ends. */
export function keepTrackOf(folder: string): void {
  folders.add(folder);
}

export function removeFolder(folder: string): void {
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}

/** Ends everything that was started, removes what was made. */
export async function endAll(): Promise<void> {
  ending = true;
  // SIGTERM first: a node that is killed leaves its database running.
  await Promise.all([...running].map(child => end(child, 'SIGTERM', 10_000)));
  for (const folder of folders) removeFolder(folder);
}
