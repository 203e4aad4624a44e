import type { Source } from '../actors/batch/source.ts';
import { numberRules } from '../actors/routing/number-rules.ts';
import type { Shape, Split } from '../actors/long/shape.ts';
import type { Wrap } from '../actors/long/wrap.ts';
import { formOf, type Form } from '../adapters/smpp/form.ts';
import { tlvRules } from '../adapters/smpp/tlv-rules.ts';
import type { AccountSettings, CarrierSettings, Configuration } from '../adapters/config/schema.ts';
import type { Live } from './live-configuration.ts';
import type { WorkerTexts } from './worker-messages.ts';

/** What the configuration says of texts, as workers use it. */

const SPLITS: Readonly<Record<AccountSettings['long_messages'], Split>> = {
  'udh-8': 'udh8',
  'udh-16': 'udh16',
  sar: 'sar',
  payload: 'payload',
};

/** National Language Identifiers, 3GPP TS 23.038 §6.2.1.2.4. */
const LANGUAGES = {
  turkish: 1,
  spanish: 2,
  portuguese: 3,
  bengali: 4,
  gujarati: 5,
  hindi: 6,
  kannada: 7,
  malayalam: 8,
  oriya: 9,
  punjabi: 10,
  tamil: 11,
  telugu: 12,
  urdu: 13,
} as const;

const MESSAGE_OCTETS = 140;
const MOST_PARTS = 255;
/** A simulated carrier takes what most carriers take. */
const SIMULATED: Shape = {
  split: 'udh8',
  messageOctets: MESSAGE_OCTETS,
  maxParts: MOST_PARTS,
  codings: [],
  languages: [],
  transliterate: false,
};

type AccountTexts = Pick<
  AccountSettings,
  'charset' | 'assemble' | 'long_messages' | 'codings' | 'dest_rules' | 'source_rules' | 'remove_tlvs' | 'add_tlvs'
>;

/** Rules for whatever comes in (`messages`). */
export type CommonRules = Pick<Configuration['messages'], 'dest_rules' | 'source_rules'>;

export function textsOfAccount(account: AccountTexts, common: CommonRules): WorkerTexts {
  const { charset, assemble, codings } = account;
  const split = SPLITS[account.long_messages];
  const shape: Shape = { ...SIMULATED, split, codings };
  return {
    charset,
    gathers: assemble,
    // Its own first: they count where a common one is as long.
    incoming: numberRules({
      dest: [...account.dest_rules, ...common.dest_rules],
      source: [...account.source_rules, ...common.source_rules],
      senders: [],
    }),
    outgoing: undefined,
    removeTlvs: account.remove_tlvs,
    addTlvs: account.add_tlvs,
    sar: split === 'sar',
    shape: split === 'payload' && codings.length === 0 ? undefined : shape,
  };
}

export function textsOfCarrier(carrier: CarrierSettings, common: CommonRules): WorkerTexts {
  const incoming = numberRules({ dest: common.dest_rules, source: common.source_rules, senders: [] });
  if (carrier.protocol !== 'smpp') {
    const nothing = { outgoing: undefined, removeTlvs: [], addTlvs: [] };
    return { charset: 'gsm7', gathers: false, incoming, ...nothing, sar: false, shape: SIMULATED };
  }
  const { charset, assemble, codings, transliterate } = carrier;
  const split = SPLITS[carrier.long_messages];
  const shape: Shape = {
    split,
    messageOctets: carrier.max_octets,
    maxParts: carrier.max_parts,
    codings,
    languages: carrier.languages.map(language => LANGUAGES[language]),
    transliterate,
  };
  const { dest_rules: dest, source_rules: source, sender_rules: senders } = carrier;
  return {
    charset,
    gathers: assemble,
    incoming,
    outgoing: numberRules({ dest, source, senders }),
    removeTlvs: carrier.remove_tlvs,
    addTlvs: carrier.add_tlvs,
    sar: split === 'sar',
    shape,
  };
}

/** By account; those whose texts are sent as they are are not there. */
export function wrapsOf({ accounts }: Pick<Live, 'accounts'>): Map<string, Wrap> {
  const wraps = new Map<string, Wrap>();
  for (const { system_id, text_header: header, text_footer: footer, split_chars, split_suffix: suffix } of accounts) {
    if (header + footer + split_chars + suffix === '') continue;
    wraps.set(system_id, { header, footer, splitChars: split_chars, suffix });
  }
  return wraps;
}

const NO_RULES: CommonRules = { dest_rules: [], source_rules: [] };

/** By destination; those that take messages as they came are not there. */
export function shapesOf(live: Live): Map<string, Shape> {
  const shapes = new Map<string, Shape>();
  const add = (name: string, { shape }: WorkerTexts): void => {
    if (shape) shapes.set(name, shape);
  };
  for (const carrier of live.carriers) add(carrier.name, textsOfCarrier(carrier, NO_RULES));
  for (const account of live.accounts) add(account.system_id, textsOfAccount(account, NO_RULES));
  return shapes;
}

/** How messages are to be for this peer. */
export const formFor = ({ charset, sar, outgoing, removeTlvs, addTlvs }: WorkerTexts): Form =>
  formOf(charset, sar, outgoing, tlvRules(removeTlvs, addTlvs));

/** How the peer of this source writes texts. */
export function withTexts(source: Source, { charset, gathers, incoming }: WorkerTexts): Source {
  source.charset = charset;
  source.gathers = gathers;
  source.numbers = incoming;
  return source;
}
