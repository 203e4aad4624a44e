import { rankOf, type CompiledTable } from './compiled.ts';
import { NO_ROUTE, fallbacks, lookup } from './match.ts';
import { areDigits, normalizeNumber, numberStart } from './normalize.ts';
import { normalizePattern, patternFits } from './sender-pattern.ts';
import { specificity, type Route, type RouteNumber, type RoutingTable } from './table.ts';

/** A message as far as routing sees it. */
export interface RouteQuery {
  readonly destination: string;
  readonly sender: string;
  readonly account?: string;
  readonly sourceSmsc?: string;
  readonly sourceType?: string;
}

/** Why a rule does not apply to a message: the field that says so. */
export type Mismatch =
  'enabled' | 'calledPrefix' | 'callingPrefix' | 'account' | 'sourceSmsc' | 'sourceType' | 'sender';

/** Why a rule that applies comes after the winner. `share`: it is equal, and the draw fell on the winner. */
export type Defeat = 'priority' | 'calledPrefix' | 'callingPrefix' | 'specificity' | 'share';

export interface Contender {
  readonly route: RouteNumber;
  /** Part of the traffic that goes by this rule, 0 to 1: by weight among the winner's equals, else 0. */
  readonly share: number;
  /** Absent: it won. */
  readonly lostBy?: Defeat;
  /** Its place in the fallback chain, from 1; absent: not in it. */
  readonly fallback?: number;
}

export interface Explanation {
  /** 0: no rule applies. */
  readonly winner: RouteNumber;
  /** Every rule that applies, best first. */
  readonly contenders: readonly Contender[];
  /** Rules that do not apply, in table order, at most `limit` of them. */
  readonly others: readonly { readonly route: RouteNumber; readonly mismatch: Mismatch }[];
  /** How many do not apply, by reason. */
  readonly mismatches: Readonly<Record<Mismatch, number>>;
}

const CHAIN = new Int32Array(15);

/**
 * The decision that `lookup` makes, with reasons. It reads every rule: for people and tests, not for traffic.
 *
 * @param compiled this very table
 * @param random as for `lookup`
 * @param limit most rules listed that do not apply
 */
export function explain(
  table: RoutingTable,
  compiled: CompiledTable,
  query: RouteQuery,
  random: number,
  limit = 100,
): Explanation {
  const message = encode(query);
  const origin = compiled.origin(query);
  const { buffer, destLength, sourceLength } = message;
  const first = lookup(compiled, origin, buffer, 0, destLength, destLength, sourceLength, random);
  const mismatches = {
    enabled: 0,
    calledPrefix: 0,
    callingPrefix: 0,
    account: 0,
    sourceSmsc: 0,
    sourceType: 0,
    sender: 0,
  };
  const others: { route: RouteNumber; mismatch: Mismatch }[] = [];
  const matching: number[] = [];
  table.routes.forEach((route, index) => {
    const mismatch = mismatchOf(route, query, message);
    if (mismatch === undefined) {
      matching.push(index);
      return;
    }
    mismatches[mismatch]++;
    if (others.length < limit) others.push({ route: index + 1, mismatch });
  });
  if (first === NO_ROUTE) return { winner: 0, contenders: [], others, mismatches };
  const chained = fallbacks(compiled, origin, buffer, 0, destLength, destLength, sourceLength, random, first, CHAIN);
  const places = new Map<number, number>();
  for (let i = 0; i < chained; i++) places.set(CHAIN[i]!, i + 1);
  return { winner: first + 1, contenders: contenders(table.routes, matching, first, places), others, mismatches };
}

/** The first reason, in the order of the fields, why a rule does not apply; undefined when it does. */
function mismatchOf(route: Route, query: RouteQuery, message: EncodedQuery): Mismatch | undefined {
  if (!route.enabled) return 'enabled';
  if (!message.called.startsWith(normalizeNumber(route.calledPrefix))) return 'calledPrefix';
  if (!message.calling.startsWith(normalizeNumber(route.callingPrefix))) return 'callingPrefix';
  if (route.account !== undefined && route.account !== query.account) return 'account';
  if (route.sourceSmsc !== undefined && route.sourceSmsc !== query.sourceSmsc) return 'sourceSmsc';
  if (route.sourceType !== undefined && route.sourceType !== query.sourceType) return 'sourceType';
  return route.sender === undefined || senderFits(route.sender, message.sender) ? undefined : 'sender';
}

function senderFits(pattern: string, sender: Buffer): boolean {
  const octets = Buffer.from(normalizePattern(pattern), 'latin1');
  return patternFits(octets, 0, octets.length, sender, 0, sender.length);
}

function contenders(
  routes: readonly Route[],
  matching: readonly number[],
  winner: number,
  places: ReadonlyMap<number, number>,
): Contender[] {
  const won = routes[winner]!;
  const rank = (index: number): number => routeRank(routes[index]!);
  const winning = rank(winner);
  const share = shares(matching.filter(index => rank(index) === winning).map(index => routes[index]!.weight));
  const place = (index: number): number => (index === winner ? 0 : (places.get(index) ?? Infinity));
  return matching
    .toSorted((a, b) => rank(a) - rank(b) || place(a) - place(b) || a - b)
    .map(index => {
      const route = routes[index]!;
      const fallback = places.get(index);
      return {
        route: index + 1,
        share: rank(index) === winning ? share(route.weight) : 0,
        ...(index === winner ? {} : { lostBy: defeatOf(route, won) }),
        ...(fallback === undefined ? {} : { fallback }),
      };
    });
}

function routeRank(route: Route): number {
  const called = normalizeNumber(route.calledPrefix).length;
  return rankOf(route.priority, called, normalizeNumber(route.callingPrefix).length, specificity(route));
}

function defeatOf(route: Route, winner: Route): Defeat {
  if (route.priority !== winner.priority) return 'priority';
  const differs = (field: 'calledPrefix' | 'callingPrefix'): boolean =>
    normalizeNumber(route[field]).length !== normalizeNumber(winner[field]).length;
  if (differs('calledPrefix')) return 'calledPrefix';
  if (differs('callingPrefix')) return 'callingPrefix';
  return specificity(route) === specificity(winner) ? 'share' : 'specificity';
}

/** RFC 2782 as `lookup` draws: rules of weight 0 have one part of the total + 1 between them. */
function shares(weights: readonly number[]): (weight: number) => number {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const zeros = weights.filter(weight => weight === 0).length;
  if (zeros === 0) return weight => weight / total;
  return weight => (weight === 0 ? 1 / (total + 1) / zeros : weight / (total + 1));
}

interface EncodedQuery {
  /** Recipient, then sender, as they came. */
  readonly buffer: Buffer;
  readonly destLength: number;
  readonly sourceLength: number;
  /** As digits; '' when it is no number. */
  readonly called: string;
  readonly calling: string;
  /** What sender patterns are compared with. */
  readonly sender: Buffer;
}

function encode(query: RouteQuery): EncodedQuery {
  const destination = Buffer.from(query.destination, 'latin1');
  const sender = Buffer.from(query.sender, 'latin1');
  return {
    buffer: Buffer.concat([destination, sender]),
    destLength: destination.length,
    sourceLength: sender.length,
    called: number(destination)?.toString('latin1') ?? '',
    calling: number(sender)?.toString('latin1') ?? '',
    sender: number(sender) ?? sender,
  };
}

/** Its digits without a leading "+" or "00"; undefined when it is no number. */
function number(octets: Buffer): Buffer | undefined {
  const from = numberStart(octets, 0, octets.length);
  return areDigits(octets, from, octets.length) ? octets.subarray(from) : undefined;
}
