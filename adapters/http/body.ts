import type { Context } from 'hono';
import type { z } from '@hono/zod-openapi';
import type { HttpEnv } from './guard.ts';
import { readJson } from './json.ts';
import { invalid, Problem, type FieldError } from './problem.ts';

/** Most octets of a body. */
export const MOST_OCTETS = 1024 * 1024;

/**
 * The JSON body of a request, checked against its schema: bounded before it is read, unknown fields refused.
 * @throws Problem
 */
export async function readBody<S extends z.ZodType>(c: Context<HttpEnv>, schema: S): Promise<z.output<S>> {
  const type = c.req.header('content-type') ?? '';
  if (!/^application\/json\s*(;|$)/i.test(type)) {
    throw new Problem('media-type', `expected Content-Type: application/json, got ${type === '' ? 'none' : type}`);
  }
  const value = readJson(await readText(c));
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw invalid(result.error.issues.flatMap(issue => errorsOf(issue, value)));
}

async function readText(c: Context<HttpEnv>): Promise<string> {
  const announced = c.req.header('content-length');
  if (announced !== undefined) {
    if (Number(announced) > MOST_OCTETS) throw tooLarge();
    // The server's parser ends the body there.
    return c.req.raw.text();
  }
  const reader = c.req.raw.body?.getReader();
  if (!reader) return '';
  const chunks: Uint8Array[] = [];
  let octets = 0;
  for (;;) {
    const { done, value } = (await reader.read()) as { done: boolean; value?: Uint8Array };
    if (done || value === undefined) return Buffer.concat(chunks, octets).toString('utf8');
    octets += value.length;
    if (octets > MOST_OCTETS) {
      await reader.cancel();
      throw tooLarge();
    }
    chunks.push(value);
  }
}

const tooLarge = (): Problem => new Problem('too-large', `expected at most ${MOST_OCTETS} octets`);

function errorsOf(issue: z.core.$ZodIssue, root: unknown): FieldError[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map(key => ({ field: [...issue.path, key].join('.'), message: 'unknown field' }));
  }
  const field = issue.path.join('.');
  let got = root;
  for (const step of issue.path) got = (got as Record<PropertyKey, unknown> | null | undefined)?.[step];
  return [{ field, message: `expected ${issue.message}, got ${shown(got)}` }];
}

const MOST_SHOWN = 40;

function shown(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (typeof value === 'string' && value.length > MOST_SHOWN) return `text of ${value.length} characters`;
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'a list' : 'an object';
  return JSON.stringify(value);
}
