import { z } from 'zod';

/**
 * The building blocks of the configuration schema. Each carries, as its error, the words that follow "expected" in a
 * problem: `problems.ts` puts "expected …, got …" together, so a value is described in one place.
 */

export const whole = (min: number, max: number) => {
  const error = `a whole number from ${min} to ${max}`;
  return z.int({ error }).min(min, { error }).max(max, { error });
};

export const amount = (min: number, max: number) => {
  const error = `a number from ${min} to ${max}`;
  return z.number({ error }).min(min, { error }).max(max, { error });
};

/** Bounds are in characters. */
export const text = (min: number, max: number) => {
  const error = `text of ${min} to ${max} characters`;
  return z.string({ error }).min(min, { error }).max(max, { error });
};

/** Printable ASCII without spaces at the ends: what an SMPP C-Octet String can carry (v3.4 §3.1). */
export const ascii = (min: number, max: number) => {
  const error = `text of ${min} to ${max} printable ASCII characters`;
  return z
    .string({ error })
    .min(min, { error })
    .max(max, { error })
    .regex(/^[\x21-\x7e]?(?:[\x20-\x7e]*[\x21-\x7e])?$/, { error });
};

/** Names are compared and shown as they are; the letters are those that need no escaping in a URL or a metric label. */
export const name = () => {
  const error = 'a name of 1 to 64 letters, digits, ".", "_" or "-"';
  return z.string({ error }).regex(/^[A-Za-z0-9._-]{1,64}$/, { error });
};

export const flag = () => z.boolean({ error: 'true or false' });

export const oneOf = <const Values extends readonly [string, ...string[]]>(...values: Values) =>
  z.enum(values, { error: values.length === 1 ? values[0] : `${values.slice(0, -1).join(', ')} or ${values.at(-1)}` });

/** A TCP port; 0 takes a free one. */
export const listenPort = () => {
  const error = 'a port from 0 (any free one) to 65535';
  return z.int({ error }).min(0, { error }).max(65_535, { error });
};

export const remotePort = () => {
  const error = 'a port from 1 to 65535';
  return z.int({ error }).min(1, { error }).max(65_535, { error });
};

export const listOf = <Item extends z.ZodType>(item: Item, what: string, most: number) => {
  const error = `a list of at most ${most} ${what}`;
  return z.array(item, { error }).max(most, { error });
};

/** A map with these keys and no others. */
export const group = <Shape extends z.ZodRawShape>(shape: Shape) =>
  z.strictObject(shape, { error: 'a map of settings' });

/** Digits of a number or of its beginning; a leading "+" or "00" is dropped, so what is kept compares as is. */
export const digits = (most: number) => {
  const error = `up to ${most} digits in quotes, with or without a leading "+" or "00"`;
  return z
    .string({ error })
    .max(most + 2, { error })
    .regex(/^\+?[0-9]*$/, { error })
    .transform(normaliseNumber);
};

/** "+44 7…", "0044…" and "44…" are one number: international digits. */
export function normaliseNumber(number: string): string {
  if (number.startsWith('+')) return number.slice(1);
  return number.startsWith('00') ? number.slice(2) : number;
}
