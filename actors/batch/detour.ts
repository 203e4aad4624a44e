import type { MessageDraft } from '../message/draft.ts';
import type { CompiledTable } from '../routing/compiled.ts';
import { fallbacks } from '../routing/match.ts';
import type { Source } from './source.ts';

/** Rules that a look-up finds. */
const CHAIN = new Int32Array(15);

/** Leads new messages past destinations that are to get none for now, where their routes lead elsewhere too. */
export class Detour {
  #avoided: ReadonlySet<string> = new Set();

  avoid(destinations: ReadonlySet<string>): void {
    this.#avoided = destinations;
  }

  /** The rule to take in place of `rule`, which forwards: itself, or the next whose destination takes new messages. */
  ruleFor(rule: number, m: MessageDraft, source: Source, table: CompiledTable, random: () => number): number {
    const avoided = this.#avoided;
    if (avoided.size === 0 || !avoided.has(table.textOf(rule))) return rule;
    const { buffer, destAt, destLength, sourceAt, sourceLength } = m;
    const origin = source.originIn(table);
    const drawn = random();
    const count = fallbacks(table, origin, buffer, destAt, destLength, sourceAt, sourceLength, drawn, rule, CHAIN);
    for (let i = 0; i < count; i++) if (!avoided.has(table.textOf(CHAIN[i]!))) return CHAIN[i]!;
    return rule;
  }
}
