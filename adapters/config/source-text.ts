import { isMap, isPair, isSeq, LineCounter, parseDocument } from 'yaml';
import type { Document, Node, Pair } from 'yaml';
import { readPlainRoutes } from './fast-routes.ts';

export type Path = readonly (string | number)[];

/** A configuration text as plain data, and where in it each key stands. */
export interface SourceText {
  readonly value: unknown;
  /** What is wrong with the text itself (YAML or JSON); then `value` is undefined. */
  readonly errors: readonly { readonly line: number; readonly message: string }[];
  /** 1-based line of the key or list item at `path`; of the nearest thing around it when it is not there. */
  lineOf(path: Path): number;
}

/**
 * YAML 1.2 or JSON. JSON goes through `JSON.parse` (10,000 routes: 6 ms against 0.9 s of the YAML reader, 2-core
 * machine), long plain lists of routes in YAML through `readPlainRoutes`; the YAML reader sees such texts only when a
 * line number is asked for.
 */
export function readSource(text: string): SourceText {
  const quick = readJson(text) ?? readMostlyRoutes(text);
  if (quick === undefined) return fromYaml(text);
  let slow: SourceText | undefined;
  return { value: quick.value, errors: [], lineOf: path => (slow ??= fromYaml(text)).lineOf(path) };
}

function readMostlyRoutes(text: string): { value: unknown } | undefined {
  const plain = readPlainRoutes(text);
  if (plain === undefined) return undefined;
  const { value, errors } = fromYaml(plain.rest);
  if (errors.length > 0) return undefined;
  const others = value ?? {};
  if (typeof others !== 'object' || Array.isArray(others) || 'routes' in others) return undefined;
  return { value: { ...others, routes: plain.routes } };
}

function readJson(text: string): { value: unknown } | undefined {
  if (!/^\s*\{/.test(text)) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    // JSON.parse lets the last of two equal keys win without a word; the YAML reader names the second one's line.
    return countKeys(value) === countColons(text) ? { value } : undefined;
  } catch {
    return undefined;
  }
}

function countKeys(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  let keys = Array.isArray(value) ? 0 : Object.keys(value).length;
  for (const child of Object.values(value)) keys += countKeys(child);
  return keys;
}

/** Colons outside strings: one for each key of a valid JSON text. */
function countColons(text: string): number {
  let colons = 0;
  for (const [piece] of text.matchAll(/"(?:[^"\\]|\\.)*"|:/g)) if (piece === ':') colons += 1;
  return colons;
}

function fromYaml(text: string): SourceText {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const errors = [...document.errors, ...document.warnings].map(error => ({
    line: lines.linePos(error.pos[0]).line,
    message: error.message.replaceAll(/\s+/g, ' '),
  }));
  const lineOf = (path: Path): number => lines.linePos(offsetOf(document, path)).line;
  if (errors.length > 0) return { value: undefined, errors, lineOf };
  try {
    return { value: document.toJS() as unknown, errors, lineOf };
  } catch (error) {
    // An alias bomb: the reader stops at 100 expansions.
    return { value: undefined, errors: [{ line: 1, message: (error as Error).message }], lineOf };
  }
}

function offsetOf(document: Document, path: Path): number {
  let node: unknown = document.contents;
  let offset = startOf(node as Node | null) ?? 0;
  for (const step of path) {
    if (isMap(node)) {
      const pair: Pair | undefined = node.items.find(item => keyText(item) === String(step));
      if (pair === undefined) return offset;
      offset = startOf(pair.key as Node | null) ?? offset;
      node = pair.value;
    } else if (isSeq(node)) {
      const item: unknown = node.items[Number(step)];
      if (item === undefined) return offset;
      offset = startOf(item) ?? offset;
      node = item;
    } else return offset;
  }
  return offset;
}

function keyText(item: unknown): string | undefined {
  if (!isPair(item)) return undefined;
  const key = item.key as { value?: unknown } | null;
  return key === null ? undefined : String(key.value);
}

function startOf(node: { range?: readonly [number, number, number] | null | undefined } | null): number | undefined {
  return node?.range?.[0];
}
