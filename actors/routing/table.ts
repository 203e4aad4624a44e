/**
 * The routing table as people write it: rules that send a message somewhere (or end its way), tried in this order
 *
 * 1. lower `priority`
 * 2. longer `calledPrefix`, then longer `callingPrefix`
 * 3. more of `account`, `sourceSmsc`, `sourceType`, `sender` given
 *
 * Rules that match and are equal in all of that share the traffic by `weight`, in the meaning of DNS SRV (RFC 2782).
 * `compile.ts` turns a table into what the workers look messages up in, `explain.ts` gives the reasons.
 */

/** A rule's number: its place in `RoutingTable.routes`, from 1. 0 stands for no rule. */
export type RouteNumber = number;

export type RouteAction =
  /** To this carrier, account or frontend. */
  | { readonly type: 'forward'; readonly destSmsc: string }
  /** Accept the message and answer its sender with this text. */
  | { readonly type: 'auto-reply'; readonly text: string }
  /** Accept and forget. */
  | { readonly type: 'drop' }
  /** Refuse with this SMPP command_status. */
  | { readonly type: 'reject'; readonly status: number };

/** Whether a message by this route costs a credit; `default`: as the account says. */
export type Charged = 'yes' | 'no' | 'default';

export interface Route {
  /** Beginning of the recipient: 0 to 20 digits, with or without a leading "+" or "00". '': any recipient. */
  readonly calledPrefix: string;
  /** Beginning of the sender, likewise. A sender that is no number matches '' only. */
  readonly callingPrefix: string;
  /** Only messages that came in from this carrier, account or frontend. */
  readonly sourceSmsc?: string;
  /** Only messages from sources of this type (SMPP, IMS, …). */
  readonly sourceType?: string;
  /** Only messages of this account. */
  readonly account?: string;
  /**
   * Only senders like this: printable ASCII, `*` any run of characters, `?` any one, case ignored. Compared without a
   * leading "+" or "00" where the sender is a number.
   */
  readonly sender?: string;
  readonly action: RouteAction;
  /** 0 to 65,535; lower is tried first. */
  readonly priority: number;
  /** 0 to 65,535; 0: chosen hardly ever while an equal rule has more (RFC 2782). */
  readonly weight: number;
  readonly charged: Charged;
  readonly enabled: boolean;
  readonly description: string;
}

/** All rules of one version. Never changed once made. */
export interface RoutingTable {
  /** 1 to 2^32-1; what batches record. */
  readonly version: number;
  readonly routes: readonly Route[];
}

/** Why a table cannot be used. */
export interface RouteProblem {
  /** 0: the table as a whole. */
  readonly route: RouteNumber;
  /** Name of the field of `Route`, or of `RoutingTable`. */
  readonly field: string;
  /** Ends the sentence "expected …". */
  readonly expected: string;
  /** What was there, shortened to 40 characters. */
  readonly got: string;
}

/** Most digits of a prefix: an address of SMPP has at most 20 characters (v3.4 §5.2.8, §5.2.9). */
export const PREFIX_LIMIT = 20;
/** Most rules of a table. */
export const ROUTES_LIMIT = 4_000_000;
/** Largest `priority` and `weight`. */
export const U16_MAX = 65_535;

/** How many of the four fields that narrow a rule to some sources it gives. */
export function specificity(route: Route): number {
  let given = 0;
  if (route.account !== undefined) given++;
  if (route.sourceSmsc !== undefined) given++;
  if (route.sourceType !== undefined) given++;
  if (route.sender !== undefined) given++;
  return given;
}
