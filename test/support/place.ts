/** Where a process runs: this machine, or a host of a network of a test's own (`test/cluster/network.ts`). */
export interface Place {
  /** What its servers listen on, and others reach it by. */
  readonly address: string;
  /** Goes before a program and its arguments. */
  readonly prefix: readonly string[];
}

export const HERE: Place = { address: '127.0.0.1', prefix: [] };

/** A program and its arguments, as `spawn` takes them, to run at a place. */
export function at(
  place: Place,
  program: string,
  args: readonly string[],
): readonly [file: string, args: readonly string[]] {
  const [file, ...rest] = [...place.prefix, program, ...args];
  return [file!, rest];
}
