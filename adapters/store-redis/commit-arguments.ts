import { PLACES, Place, placeOf } from './stripe-keys.ts';

export type WriteList = readonly (readonly [key: Buffer, value: Buffer | undefined])[];

/** The arguments of COMMIT after epoch and commit number: how many fields of each hash, then the fields. */
export function commitArguments(writes: WriteList): (Buffer | number)[] {
  const puts: Buffer[][] = Array.from({ length: PLACES }, () => []);
  const removals: Buffer[][] = Array.from({ length: PLACES }, () => []);
  for (const [key, value] of lastOfEach(writes)) {
    const place = placeOf(key);
    if (value === undefined) removals[place]!.push(key);
    else puts[place]!.push(key, value);
  }
  const args: (Buffer | number)[] = [];
  for (let place = 0; place < PLACES; place++) args.push(puts[place]!.length / 2, removals[place]!.length);
  for (let place = 0; place < PLACES; place++) {
    for (const part of puts[place]!) args.push(part);
    for (const key of removals[place]!) args.push(key);
  }
  return args;
}

/**
 * In one commit puts come before removals, which is the order they have for batches. Single values may be put, removed
 * and put again: of each of those the last write counts.
 */
function lastOfEach(writes: WriteList): WriteList {
  if (!writes.some(isSingle)) return writes;
  const last = new Map<string, WriteList[number]>();
  const rest: WriteList[number][] = [];
  for (const write of writes) {
    if (isSingle(write)) last.set(write[0].latin1Slice(), write);
    else rest.push(write);
  }
  return [...rest, ...last.values()];
}

const isSingle = ([key]: WriteList[number]): boolean => placeOf(key) === Place.other;
