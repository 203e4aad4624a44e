import { createHash } from 'node:crypto';

/**
 * Lua that Redis runs, by verb and version. A script that a release has shipped must never change: a new version gets a
 * new number, and nodes of both releases work side by side, each with its own. Every script names all the keys it
 * touches, looks at everything before its first write, and does nothing a second time when it is sent a second time.
 */
export interface Script {
  readonly verb: string;
  readonly version: number;
  readonly body: string;
  readonly sha: string;
}

/** A script that passes when Redis is out of memory (`allow-oom`). Shebang lines came with Redis 7.0. */
export function script(verb: string, version: number, body: string): Script {
  const text = `#!lua flags=allow-oom\n-- heliograph ${verb} ${version}\n${body.trim()}\n`;
  return { verb, version, body: text, sha: createHash('sha1').update(text).digest('hex') };
}
