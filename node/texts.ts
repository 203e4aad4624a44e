import type { Source } from '../actors/batch/source.ts';
import type { Shape, Split } from '../actors/long/shape.ts';
import type { AccountSettings, CarrierSettings } from '../adapters/config/schema.ts';
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

export function textsOfAccount(
  account: Pick<AccountSettings, 'charset' | 'assemble' | 'long_messages' | 'codings'>,
): WorkerTexts {
  const { charset, assemble, codings } = account;
  const split = SPLITS[account.long_messages];
  const shape: Shape = { ...SIMULATED, split, codings };
  return {
    charset,
    gathers: assemble,
    sar: split === 'sar',
    shape: split === 'payload' && codings.length === 0 ? undefined : shape,
  };
}

export function textsOfCarrier(carrier: CarrierSettings): WorkerTexts {
  if (carrier.protocol !== 'smpp') return { charset: 'gsm7', gathers: false, sar: false, shape: SIMULATED };
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
  return { charset, gathers: assemble, sar: split === 'sar', shape };
}

/** By destination; those that take messages as they came are not there. */
export function shapesOf(live: Live): Map<string, Shape> {
  const shapes = new Map<string, Shape>();
  const add = (name: string, { shape }: WorkerTexts): void => {
    if (shape) shapes.set(name, shape);
  };
  for (const carrier of live.carriers) add(carrier.name, textsOfCarrier(carrier));
  for (const account of live.accounts) add(account.system_id, textsOfAccount(account));
  return shapes;
}

/** How the peer of this source writes texts. */
export function withTexts(source: Source, { charset, gathers }: WorkerTexts): Source {
  source.charset = charset;
  source.gathers = gathers;
  return source;
}
