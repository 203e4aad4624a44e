import { randomInt } from 'node:crypto';

/** Letters and digits that cannot be mistaken for each other: 5.8 bits a character. */
const LETTERS = 'ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789';

/** @param length 8 for SMPP, which carries no more (46 bits); 16 where a person signs in (92 bits) */
export function makePassword(length: number): string {
  return Array.from({ length }, () => LETTERS[randomInt(LETTERS.length)]).join('');
}
