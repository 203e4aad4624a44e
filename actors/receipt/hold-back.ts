import { Fate } from '../message/ledger.ts';

/** A receipt of failure after which a message goes by its next route. */
export interface RerouteRule {
  /** undefined: any failure. */
  readonly fate: Fate | undefined;
  /** `err:` of the receipt, in the words that accounts are told; empty: any. */
  readonly errors: readonly string[];
}

/** Which receipts of a carrier are held back (features G14, E15), while its messages have a further route. */
export interface HoldBack {
  readonly rules: readonly RerouteRule[];
  /** Most destinations of a message after its first. */
  readonly hops: number;
}

/** Is a receipt of this fate and error held back? */
export const holdsBack = ({ rules }: HoldBack, fate: Fate, error: string): boolean =>
  isFailure(fate) &&
  rules.some(
    rule =>
      (rule.fate === undefined || rule.fate === fate) && (rule.errors.length === 0 || rule.errors.includes(error)),
  );

const isFailure = (fate: Fate): boolean =>
  fate === Fate.expired ||
  fate === Fate.deleted ||
  fate === Fate.undeliverable ||
  fate === Fate.unknown ||
  fate === Fate.rejected;
