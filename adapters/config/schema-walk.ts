import { z } from 'zod';
import type { Path } from './source-text.ts';

/**
 * The keys a schema knows at `path` of `data`: what "did you mean" chooses from. `data` decides which branch of a
 * union is meant (a carrier's `protocol`).
 */
export function keysAt(schema: z.ZodType, path: Path, data: unknown): string[] {
  let here: z.ZodType | undefined = bare(schema);
  let value: unknown = data;
  for (const step of path) {
    if (here instanceof z.ZodObject) here = here.shape[String(step)] as z.ZodType | undefined;
    else if (here instanceof z.ZodArray) here = here.element as z.ZodType;
    else return [];
    value = (value as Record<string | number, unknown> | undefined)?.[step];
    here = here === undefined ? undefined : branch(bare(here), value);
  }
  return here instanceof z.ZodObject ? Object.keys(here.shape) : [];
}

/** Without defaults, optionals and transforms around it. */
export function bare(schema: z.ZodType): z.ZodType {
  if (schema instanceof z.ZodPipe) return bare(schema.in as z.ZodType);
  const wrapped =
    schema instanceof z.ZodDefault ||
    schema instanceof z.ZodPrefault ||
    schema instanceof z.ZodOptional ||
    schema instanceof z.ZodNullable;
  return wrapped ? bare(schema.unwrap() as z.ZodType) : schema;
}

function branch(schema: z.ZodType, value: unknown): z.ZodType {
  if (!(schema instanceof z.ZodDiscriminatedUnion)) return schema;
  const fits = (option: z.ZodType): boolean => {
    const { protocol } = (option as z.ZodObject<{ protocol: z.ZodType }>).shape;
    return protocol.safeParse((value as { protocol?: unknown } | undefined)?.protocol).success;
  };
  return (schema.options as z.ZodType[]).find(fits) ?? schema;
}
