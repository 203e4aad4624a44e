import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** `<data>/node.json`: how scripts and the command line find the node that runs on a data folder. Kept stable. */
export interface NodeFile {
  readonly pid: number;
  readonly node: string;
  readonly version: string;
  /** ISO 8601. */
  readonly started: string;
  readonly host: string;
  /** The ports taken, by listener: `{ smpp: 2775, api: 8080, panel: 8086 }`. */
  readonly ports: Readonly<Record<string, number>>;
  readonly controlSocket: string;
}

const nameIn = (dataDir: string): string => join(dataDir, 'node.json');

/** Replaces the file in one step: a reader sees the old one or the new one. */
export function writeNodeFile(dataDir: string, node: NodeFile): void {
  const path = nameIn(dataDir);
  const fresh = `${path}.${process.pid}`;
  writeFileSync(fresh, `${JSON.stringify(node, null, 2)}\n`, { mode: 0o644 });
  renameSync(fresh, path);
}

/** undefined when there is none, or none that can be understood. @throws when it may not be read */
export function readNodeFile(dataDir: string): NodeFile | undefined {
  let text: string;
  try {
    text = readFileSync(nameIn(dataDir), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EACCES') throw error;
    return undefined;
  }
  try {
    const node = JSON.parse(text) as NodeFile;
    return typeof node.controlSocket === 'string' && typeof node.pid === 'number' ? node : undefined;
  } catch {
    return undefined;
  }
}

export function removeNodeFile(dataDir: string): void {
  rmSync(nameIn(dataDir), { force: true });
}
