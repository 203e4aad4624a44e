import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { open, type Database } from 'lmdb';
import { checkPages, type PageReport } from './page-check.ts';
import { salvage } from './salvage.ts';

export type Environment = Database<Buffer, Buffer>;

export const DATA_FILE = 'data.mdb';

/** Damage named one by one; the rest is counted. */
const NAMED = 20;
/** Octets of one transaction of a salvage. */
const SALVAGE_OCTETS = 8 * 1024 * 1024;

/**
 * Opens or makes the LMDB environment in `folder`. Its structure is checked before LMDB sees it; of a damaged file all
 * that can be read is taken over into a new one, the old one is kept beside it, and `alarm` is told.
 *
 * @param now ms since 1970, for the name of the damaged file's folder
 */
export function openEnvironment(folder: string, now: number, alarm: (line: string) => void): Environment {
  finishSwap(folder, now);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const file = join(folder, DATA_FILE);
  if (existsSync(file)) {
    if (statSync(file).size === 0) {
      alarm(`store ${basename(folder)}: ${DATA_FILE} is empty: the store begins anew`);
      rmSync(file);
    } else {
      const report = checkPages(file);
      if (report.damage.length > 0) rescue(folder, report, now, alarm);
    }
  }
  return openAt(folder);
}

function openAt(folder: string): Environment {
  return open<Buffer, Buffer>({
    path: folder,
    encoding: 'binary',
    keyEncoding: 'binary',
    // Flushed means flushed (L3, L5): no overlap of sync and the next transaction, verified meta pages.
    overlappingSync: false,
    safeRestore: true,
    noReadAhead: true,
    cache: false,
    permissionsMode: 0o600,
    // A dot in the folder's name does not make it a file's.
    noSubdir: false,
  } as Parameters<typeof open<Buffer, Buffer>>[0]);
}

function rescue(folder: string, report: PageReport, now: number, alarm: (line: string) => void): void {
  const { damage, meta } = report;
  const name = `store ${basename(folder)}`;
  for (const line of damage.slice(0, NAMED)) alarm(`${name}: ${DATA_FILE} is damaged: ${line}`);
  if (damage.length > NAMED)
    alarm(`${name}: ${DATA_FILE} is damaged in ${damage.length - NAMED} more places, or in many more`);
  const making = `${folder}.making`;
  rmSync(making, { recursive: true, force: true });
  mkdirSync(making, { mode: 0o700 });
  const entries = copyEntries(join(folder, DATA_FILE), report, making);
  // From this name on the new one is complete; `finishSwap` goes on from there after a crash.
  renameSync(making, rescuedName(folder));
  const kept = finishSwap(folder, now);
  const of = meta ? ` of ${meta.main.entries}` : '';
  alarm(`${name}: ${entries}${of} entries are taken over into a new ${DATA_FILE}; the damaged one is kept in ${kept}`);
}

const rescuedName = (folder: string): string => `${folder}.rescued`;

/** Puts a complete new environment in the damaged one's place. Returns the name of the folder the damaged one is in. */
function finishSwap(folder: string, now: number): string {
  const rescued = rescuedName(folder);
  const damaged = `${folder}.damaged-${new Date(now).toISOString().replaceAll(':', '')}`;
  if (!existsSync(rescued)) return '';
  if (existsSync(folder)) renameSync(folder, damaged);
  renameSync(rescued, folder);
  syncFolder(dirname(folder));
  return basename(damaged);
}

/** Makes the names in a folder durable. */
export function syncFolder(folder: string): void {
  const fd = openSync(folder, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

function copyEntries(from: string, report: PageReport, to: string): number {
  const db = openAt(to);
  let entries = 0;
  let octets = 0;
  let writes: [Buffer, Buffer][] = [];
  const flush = (): void => {
    db.transactionSync(() => {
      for (const [key, value] of writes) {
        if (db.doesExist(key)) continue;
        db.putSync(key, value);
        entries++;
      }
    });
    writes = [];
    octets = 0;
  };
  for (const { key, value } of salvage(from, report)) {
    if (key.length > LONGEST_KEY) continue;
    writes.push([key, value]);
    octets += value.length;
    if (octets > SALVAGE_OCTETS) flush();
  }
  flush();
  // Nothing of it waits: every transaction was synchronous.
  void db.close();
  return entries;
}

/** Keys of ours are far shorter; LMDB takes 1,978 octets. */
const LONGEST_KEY = 1024;
