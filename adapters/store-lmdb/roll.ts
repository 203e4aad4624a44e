import type { Loaded } from '../../actors/store/load.ts';
import { numberIn } from '../../actors/store/keys.ts';

/** The configuration value that names the batches a store had at its last stop: f64 little-endian each. */
export const ROLL = 'batches-at-rest';
/** Batches named in one line; the rest is counted. */
const NAMED = 100;

export function encodeRoll(numbers: readonly number[]): Uint8Array {
  const roll = Buffer.allocUnsafe(numbers.length * 8);
  for (let i = 0; i < numbers.length; i++) roll.writeDoubleLE(numbers[i]!, i * 8);
  return roll;
}

/**
 * Batches of the roll of which a damaged file has nothing left, neither messages nor state: nothing else would name them.
 * @returns a line for people, '' when none is missing
 */
export function missingBatches(roll: Buffer | undefined, { states, moves }: Loaded): string {
  if (!roll) return '';
  const known = new Set(states.map(({ number }) => number));
  // Those were named when they were set aside.
  for (const [key] of moves) if (key.length >= 9) known.add(numberIn(key));
  const missing: number[] = [];
  for (let at = 0; at + 8 <= roll.length; at += 8) {
    const number = roll.readDoubleLE(at);
    if (!known.has(number)) missing.push(number);
  }
  if (missing.length === 0) return '';
  const names = missing.slice(0, NAMED).map(number => `batch ${number}`);
  const more = missing.length > NAMED ? ` and ${missing.length - NAMED} more` : '';
  return `nothing is left of ${names.join(', ')}${more}, which were there at the last stop`;
}
