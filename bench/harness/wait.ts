import { readFileSync } from 'node:fs';

/** Polls every `everyMs` until `condition` holds. @throws Error that says what did not come */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  limitMs: number,
  everyMs = 20,
): Promise<void> {
  const endMs = performance.now() + limitMs;
  while (!(await condition())) {
    if (performance.now() > endMs) throw new Error(`not within ${limitMs / 1000} s: ${what}`);
    await pause(everyMs);
  }
}

export function pause(ms: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, ms));
}

/** Does somebody listen on this IPv4 port? Looked up (proc(5): net/tcp), not tried: a connection would count. */
export function isListening(port: number): boolean {
  const local = port.toString(16).toUpperCase().padStart(4, '0');
  return readFileSync('/proc/net/tcp', 'latin1')
    .split('\n')
    .some(line => {
      const [, address = '', , state] = line.trim().split(/\s+/);
      return state === '0A' && address.endsWith(`:${local}`);
    });
}
