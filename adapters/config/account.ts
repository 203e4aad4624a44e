import { checkSeedData } from './load.ts';
import { formatProblem } from './problems.ts';
import type { AccountSettings } from './schema.ts';

export interface CheckedAccount<Settings> {
  readonly settings: Settings | undefined;
  /** One line each, such as `window: expected a whole number from 1 to 65535, got "many"`. */
  readonly problems: readonly string[];
}

/**
 * A whole account, as `accounts add` gives it: the same rules and defaults as in the file.
 * @param known names of destinations that there are
 */
export function checkAccount(data: unknown, known: ReadonlySet<string> = new Set()): CheckedAccount<AccountSettings> {
  const { seed, problems } = checkSeedData({ accounts: [data] }, '', known);
  const lines = problems.map(problem => formatProblem(problem).replace('accounts[0].', ''));
  return { settings: seed?.accounts?.[0], problems: lines };
}

/** Some settings of an account, as `accounts set` gives them: only those come back. */
export function checkAccountChanges(
  data: unknown,
  known: ReadonlySet<string> = new Set(),
): CheckedAccount<Partial<AccountSettings>> {
  if (typeof data !== 'object' || data === null)
    return { settings: undefined, problems: ['expected a map of settings'] };
  if ('system_id' in data) return { settings: undefined, problems: ['system_id: an account keeps its name'] };
  const { settings, problems } = checkAccount({ system_id: 'x', password: 'x', ...data }, known);
  if (settings === undefined) return { settings, problems };
  const given = Object.entries(settings).filter(([key]) => key in data);
  return { settings: Object.fromEntries(given), problems };
}
