import { spawn } from 'node:child_process';

export interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end with this process's Node.js. @param environment the whole of it, but for PATH */
export function runNode(
  file: string,
  args: readonly string[],
  options: { readonly environment?: Readonly<Record<string, string>>; readonly input?: string } = {},
): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const env = { PATH: process.env['PATH'] ?? '', NO_COLOR: '1', ...options.environment };
    const child = spawn(process.execPath, [file, ...args], { env, stdio: 'pipe' });
    const out: [string, string] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text: string) => (out[0] += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (out[1] += text));
    child.on('error', reject);
    child.on('close', code => resolve({ code, stdout: out[0], stderr: out[1] }));
    child.stdin.end(options.input ?? '');
  });
}
