import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** A line of a table of docs/smpp.md whose first cell is a name. */
export interface ConformanceLine {
  readonly name: string;
  readonly cells: readonly string[];
  /** The tests it names: file (from the root) and name. */
  readonly tests: readonly { readonly file: string; readonly name: string }[];
}

const DOCUMENT = fileURLToPath(new URL('../../docs/smpp.md', import.meta.url));

/** The tables of the conformance statement, by the heading they stand under. */
export function readConformance(): ReadonlyMap<string, readonly ConformanceLine[]> {
  const sections = readFileSync(DOCUMENT, 'utf8').split(/^## /m).slice(1);
  return new Map(
    sections.map(section => {
      const [heading, ...lines] = section.split('\n');
      const rows = lines.filter(line => line.startsWith('| ')).map(row => row.slice(2, -2).split(/ \| /));
      // The first two are the head of the table and its rule.
      return [heading!, rows.slice(2).map(cells => lineOf(cells.map(cell => cell.trim())))];
    }),
  );
}

function lineOf(cells: readonly string[]): ConformanceLine {
  const tests = cells
    .at(-1)!
    .split(/(?<="); (?=`)/)
    .map(reference => {
      const [, file, name] = /^`([\w/-]+)`: "(.+)"$/.exec(reference) ?? [];
      if (file === undefined) throw new Error(`docs/smpp.md: not the name of a test: ${reference}`);
      return { file: `test/${file.startsWith('unit/') ? file : `integration/${file}`}.test.ts`, name: name! };
    });
  return { name: cells[0]!.replaceAll('`', ''), cells: cells.slice(1, -1), tests };
}
