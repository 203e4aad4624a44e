import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { COMMAND_ID } from '../../../../adapters/smpp/codec/command-id.ts';
import { type TlvName, TLVS } from '../../../../adapters/smpp/codec/tlvs.ts';
import { readConformance } from '../../../support/conformance.ts';

const ROOT = new URL('../../../../', import.meta.url);
const statement = readConformance();
const commands = statement.get('Commands')!;
const tlvs = statement.get('TLVs')!;

describe('docs/smpp.md', () => {
  it('has a line for every command, with its id', () => {
    const ids = Object.fromEntries(commands.map(({ name, cells }) => [name, Number(cells[0])]));
    expect(ids).toEqual(COMMAND_ID);
    expect(commands).toHaveLength(Object.keys(COMMAND_ID).length);
  });

  it('has a line for every TLV, with its tag and its size', () => {
    const sizes = Object.fromEntries(tlvs.map(({ name, cells }) => [name, [Number(cells[0]), cells[2]]]));
    const defined = Object.keys(TLVS).map(name => [name, [TLVS[name as TlvName].tag, sizeOf(name as TlvName)]]);
    expect(sizes).toEqual(Object.fromEntries(defined));
    expect(tlvs).toHaveLength(defined.length);
  });

  const named = [...statement.values()].flat().flatMap(({ tests }) => tests);
  const files = Map.groupBy(named, ({ file }) => file);
  it.each([...files.keys()])('names tests that there are: %s', file => {
    const path = fileURLToPath(new URL(file, ROOT));
    expect(existsSync(path), `no such file: ${file}`).toBe(true);
    const source = readFileSync(path, 'utf8');
    const missing = files
      .get(file)!
      .filter(({ name }) => !source.includes(`'${name}'`) && !source.includes(`\`${name}\``));
    expect(missing).toEqual([]);
  });
});

function sizeOf(name: TlvName): string {
  const { kind, min, max } = TLVS[name];
  if (kind === 'integer') return min === max ? `integer of ${max}` : `integer of ${min} to ${max}`;
  return `${kind === 'cstring' ? 'text' : 'octets'}, ${min === max ? max : `${min} to ${max}`}`;
}
