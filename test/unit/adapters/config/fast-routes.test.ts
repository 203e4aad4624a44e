import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { readPlainRoutes } from '../../../../adapters/config/fast-routes.ts';
import { parseConfiguration } from '../../../../adapters/config/load.ts';
import { formatProblem } from '../../../../adapters/config/problems.ts';
import { readSource } from '../../../../adapters/config/source-text.ts';

/** Long enough that the quick way is taken, without routes of its own. */
const PADDING = `# ${'-'.repeat(70_000)}\n`;
const SINK = 'carriers: [{ name: sink, protocol: smpp, host: h, system_id: r, password: r }]\n';

/** What the YAML reader makes of a text; undefined when it refuses it. */
function byYaml(text: string): unknown {
  try {
    return parse(text) as unknown;
  } catch {
    return undefined;
  }
}

const scalar = fc.oneof(
  fc.constantFrom(
    '""',
    "''",
    '"44"',
    "'44'",
    'true',
    'false',
    'null',
    'True',
    '~',
    'sink',
    'UK 1',
    'a: b',
    'a #b',
    '"a\\n"',
    "'it''s'",
  ),
  fc.constantFrom(
    '0',
    '7',
    '100',
    '007',
    '1e3',
    '0x45',
    '-1',
    '1.5',
    '.5',
    '+44',
    '1_000',
    '999999999999999',
    '*a',
    '&a 1',
    '[1]',
    '- a',
  ),
  fc.string({ maxLength: 6 }).map(text => JSON.stringify(text)),
  fc.stringMatching(/^[A-Za-z0-9_ .,:#'"{}[\]+/-]{1,8}$/),
);
const plain = fc.oneof(
  fc.constantFrom('sink', 'UK 1', '"+44"', "''", 'yes', 'true', '100', 'a-b.c', 'a b  c'),
  fc.stringMatching(/^[a-z][a-z ]{0,4}[a-z]$/),
);
const pair = fc.tuple(
  fc.constantFrom('dest_smsc', 'called_prefix', 'priority', 'drop', 'description'),
  fc.oneof({ weight: 4, arbitrary: plain }, scalar),
);
const pairs = fc.array(pair, { minLength: 1, maxLength: 4 });
const inBraces = fc
  .tuple(
    pairs,
    fc.constantFrom('{', '{ ', '{  '),
    fc.constantFrom(', ', ',', ' , '),
    fc.constantFrom('}', ' }', ' } ', '} # x'),
  )
  .map(([list, open, comma, close]) => [
    `- ${open}${list.map(([key, value]) => `${key}: ${value}`).join(comma)}${close}`,
  ]);
const onLines = fc
  .tuple(pairs, fc.constantFrom('  ', '  ', '  ', '   ', ' '))
  .map(([list, indent]) => list.map(([key, value], at) => `${at === 0 ? '- ' : indent}${key}: ${value}`));
const item = fc.oneof(
  inBraces,
  onLines,
  fc.constantFrom([''], ['# a remark'], ['- {}'], ['-'], ['nonsense'], ['other: 1']),
);
const section = fc
  .tuple(fc.array(item, { minLength: 1, maxLength: 4 }), fc.constantFrom('', '  ', '    '))
  .map(([items, indent]) => items.flatMap(lines => lines.map(line => (line === '' ? '' : indent + line))).join('\n'));

describe('readPlainRoutes', () => {
  it('reads what the YAML reader reads, or leaves it to it', () => {
    let quick = 0;
    fc.assert(
      fc.property(section, fc.constantFrom('', '\nworkers: 3\n', '\nroutes: []\n', '\n'), (routes, after) => {
        const text = `${PADDING}log: { level: info }\nroutes:\n${routes}${after}`;
        if (readPlainRoutes(text) !== undefined) quick += 1;
        const read = readSource(text);
        expect(read.errors.length > 0 ? undefined : read.value).toEqual(byYaml(text));
      }),
      { numRuns: 3000 },
    );
    expect(quick).toBeGreaterThan(300);
  });

  it('keeps the sections around it, and the lines of problems', () => {
    const routes = Array.from({ length: 2000 }, (_, at) => `  - { called_prefix: "${at}", dest_smsc: sink }`);
    routes[1500] = '  - { called_prefix: "1500", dest_smsc: snk }';
    const text = `workers: 2\nroutes:\n${routes.join('\n')}\n${SINK}`;
    expect(readPlainRoutes(text)).toBeDefined();
    expect(parseConfiguration(text, 'h.yaml').problems.map(formatProblem)).toEqual([
      'h.yaml:1503: routes[1500].dest_smsc: expected the name of a carrier, account or frontend, got "snk" (did you mean "sink"?)',
    ]);
    const good = parseConfiguration(text.replace('snk', 'sink'), 'h.yaml').configuration;
    expect([good?.workers, good?.routes.length, good?.carriers.length]).toEqual([2, 2000, 1]);
  });

  it('takes 100,000 routes of YAML in a second or two', () => {
    const routes = Array.from(
      { length: 50_000 },
      (_, at) => `- { called_prefix: "44${at}", dest_smsc: sink, priority: ${at % 100} }`,
    );
    const more = Array.from(
      { length: 50_000 },
      (_, at) => `- called_prefix: '33${at}'\n  dest_smsc: sink\n  description: France ${at}`,
    );
    const text = `${SINK}routes:\n${[...routes, ...more].join('\n')}\n`;
    const began = performance.now();
    expect(parseConfiguration(text, 'h.yaml').configuration?.routes).toHaveLength(100_000);
    // 0.7 s on a 2-core machine, 9 s by the YAML reader; the bound leaves room for a busy one.
    expect(performance.now() - began).toBeLessThan(5000);
  });
});
