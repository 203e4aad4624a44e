import { spawn } from 'node:child_process';
import { compileSmppload, type LoadResult } from '../../bench/harness/smppload.ts';

/** Options of the generator (`bench/load/smppload.c`), by their long names; true for those without a value. */
export type LoadOptions = Readonly<Record<string, number | string | true>>;

export interface Smppload {
  readonly pid: number;
  /** What it counted, when it has ended by itself or by `stop`. */
  readonly result: Promise<LoadResult & { readonly rej: Readonly<Record<string, number>> }>;
  /** Asks it to end now and to tell what it has. */
  stop(): void;
}

/** Starts a generator as account `load`, with receipts. */
export function smppload(options: LoadOptions): Smppload {
  const defaults: LoadOptions = { 'system-id': 'load', password: 'load', dlr: true };
  const args = Object.entries({ ...defaults, ...options }).flatMap(([name, value]) =>
    value === true ? [`--${name}`] : [`--${name}`, String(value)],
  );
  const child = spawn(compileSmppload(), args, { stdio: ['ignore', 'pipe', 'pipe'] });
  process.once('exit', () => child.kill('SIGKILL'));
  let output = '';
  let errors = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text));
  const result = new Promise<LoadResult & { rej: Record<string, number> }>((resolve, reject) => {
    child.once('close', code => {
      if (code === 0 && output !== '') resolve(JSON.parse(output));
      else reject(new Error(`smppload ended with ${code}: ${errors.trim() || 'it said nothing'}`));
    });
  });
  // Who starts it and fails before the end must not be told twice.
  result.catch(() => undefined);
  return { pid: child.pid!, result, stop: () => child.kill('SIGTERM') };
}
