import { normalizeNumber } from './normalize.ts';
import { PREFIX_LIMIT, ROUTES_LIMIT, U16_MAX, type Route, type RouteProblem, type RoutingTable } from './table.ts';

/** Most problems reported at once: a table from the wrong file would give a million. */
const PROBLEMS_LIMIT = 100;

const DIGITS = /^\d*$/;
const PRINTABLE = /^[\x20-\x7e]+$/;
const NAME_OCTETS = 64;
const TEXT_LIMIT = 1000;

/**
 * What is wrong with a table; empty when it can be compiled. At most 100 problems, in table order.
 *
 * @param destinations names that `forward` may give; absent: any
 */
export function problemsOf(table: RoutingTable, destinations?: ReadonlySet<string>): RouteProblem[] {
  const problems: RouteProblem[] = [];
  let route = 0;
  const report = (field: string, expected: string, got: unknown): void => {
    if (problems.length < PROBLEMS_LIMIT) problems.push({ route, field, expected, got: shown(got) });
  };
  if (!isWhole(table.version, 1, 0xffff_ffff)) {
    report('version', 'a whole number from 1 to 4294967295', table.version);
  }
  if (table.routes.length > ROUTES_LIMIT) report('routes', `at most ${ROUTES_LIMIT} routes`, table.routes.length);
  for (const r of table.routes) {
    route++;
    checkMatch(r, report);
    checkAction(r, destinations, report);
    if (problems.length === PROBLEMS_LIMIT) break;
  }
  return problems;
}

type Report = (field: string, expected: string, got: unknown) => void;

function checkMatch(r: Route, report: Report): void {
  checkPrefix('calledPrefix', r.calledPrefix, report);
  checkPrefix('callingPrefix', r.callingPrefix, report);
  checkName('sourceSmsc', r.sourceSmsc, report);
  checkName('sourceType', r.sourceType, report);
  checkName('account', r.account, report);
  if (r.sender !== undefined && !(PRINTABLE.test(r.sender) && r.sender.length <= NAME_OCTETS)) {
    report('sender', `a pattern of 1 to ${NAME_OCTETS} printable ASCII characters`, r.sender);
  }
  if (!isWhole(r.priority, 0, U16_MAX)) report('priority', `a whole number from 0 to ${U16_MAX}`, r.priority);
  if (!isWhole(r.weight, 0, U16_MAX)) report('weight', `a whole number from 0 to ${U16_MAX}`, r.weight);
  if (r.charged !== 'yes' && r.charged !== 'no' && r.charged !== 'default') {
    report('charged', 'yes, no or default', r.charged);
  }
}

function checkAction(r: Route, destinations: ReadonlySet<string> | undefined, report: Report): void {
  const action = r.action;
  switch (action.type) {
    case 'forward':
      checkName('action.destSmsc', action.destSmsc, report);
      if (destinations !== undefined && !destinations.has(action.destSmsc)) {
        report('action.destSmsc', 'the name of a carrier, an account or a frontend', action.destSmsc);
      }
      break;
    case 'auto-reply':
      if (action.text.length < 1 || action.text.length > TEXT_LIMIT) {
        report('action.text', `text of 1 to ${TEXT_LIMIT} characters`, `${action.text.length} characters`);
      }
      break;
    case 'drop':
      break;
    case 'reject':
      if (!isWhole(action.status, 1, 0xffff_ffff)) {
        report('action.status', 'a command_status from 1 to 0xFFFFFFFF', action.status);
      }
      break;
    default:
      action satisfies never;
      report('action', 'forward, auto-reply, drop or reject', (action as { type: unknown }).type);
  }
}

function checkPrefix(field: string, value: string, report: Report): void {
  const digits = normalizeNumber(value);
  if (digits.length <= PREFIX_LIMIT && DIGITS.test(digits)) return;
  report(field, `up to ${PREFIX_LIMIT} digits, with or without a leading "+" or "00"`, value);
}

function checkName(field: string, value: string | undefined, report: Report): void {
  if (value === undefined) return;
  if (value.length === 0 || value.length > NAME_OCTETS)
    report(field, `a name of 1 to ${NAME_OCTETS} characters`, value);
}

function isWhole(value: number, min: number, max: number): boolean {
  return Number.isInteger(value) && value >= min && value <= max;
}

function shown(value: unknown): string {
  const text = String(value);
  return text.length <= 40 ? text : `${text.slice(0, 39)}…`;
}
