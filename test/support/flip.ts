import { closeSync, fstatSync, openSync, readSync, writeSync } from 'node:fs';

/** A seeded source of numbers (mulberry32): a run that failed can be run again. */
export function seeded(seed: number): (limit: number) => number {
  let state = seed | 0;
  return limit => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % limit;
  };
}

/** Flips `count` bits of a file, anywhere. Returns where: octet offsets. */
export function flipBits(path: string, count: number, random: (limit: number) => number): number[] {
  const fd = openSync(path, 'r+');
  try {
    const { size } = fstatSync(fd);
    const octet = Buffer.alloc(1);
    return Array.from({ length: count }, () => {
      const at = random(size);
      readSync(fd, octet, 0, 1, at);
      octet[0]! ^= 1 << random(8);
      writeSync(fd, octet, 0, 1, at);
      return at;
    });
  } finally {
    closeSync(fd);
  }
}

/** Flips bits in the meta pages and in the pages of an LMDB file's trees alone. Returns where. */
export function flipTreeBits(path: string, count: number, random: (limit: number) => number): number[] {
  const fd = openSync(path, 'r+');
  try {
    const pages = Math.floor(fstatSync(fd).size / 4096);
    const head = Buffer.alloc(24);
    const tree = [0, 1];
    for (let page = 2; page < pages; page++) {
      readSync(fd, head, 0, 24, page * 4096);
      const flags = head.readUInt16LE(18);
      if ((flags === 1 || flags === 2) && head.readUInt32LE(0) === page) tree.push(page);
    }
    return Array.from({ length: count }, () => {
      const page = tree[random(tree.length)]!;
      const at = page * 4096 + random(page < 2 ? 168 : 4096);
      readSync(fd, head, 0, 1, at);
      head[0]! ^= 1 << random(8);
      writeSync(fd, head, 0, 1, at);
      return at;
    });
  } finally {
    closeSync(fd);
  }
}

/** Overwrites whole pages with zeros. Returns which. */
export function zeroPages(path: string, count: number, random: (limit: number) => number): number[] {
  const fd = openSync(path, 'r+');
  try {
    const pages = Math.floor(fstatSync(fd).size / 4096);
    return Array.from({ length: count }, () => {
      const page = random(pages);
      writeSync(fd, Buffer.alloc(4096), 0, 4096, page * 4096);
      return page;
    });
  } finally {
    closeSync(fd);
  }
}
