import type { DuplicateFilter } from '../accounts/duplicate-filter.ts';
import type { MessageDraft } from '../message/draft.ts';
import { UDHI } from '../text/udh.ts';

export interface OnwardSettings {
  /** How often the same message goes on from one carrier to another, each time within so many ms of the last. */
  readonly hopsMax: number;
  readonly hopsMs: number;
}

/** What `hopsOf` says of a message that goes round. */
export const LOOP = 0;

/** UDHI and reply path: what of a deliver_sm's esm_class a submit_sm has too (SMPP v3.4 §5.2.12). */
const SUBMIT_BITS = UDHI | 0x80;

/**
 * Messages that one carrier brings and another is to take: they are sent on as messages towards a phone. SMPP has no hop count, and
 * between two carriers that give each other's messages back one message would go round for ever: so what was sent on is known by what
 * it says and between whom, whichever of them is the sender.
 */
export class Onward {
  readonly #settings: OnwardSettings;
  readonly #filter: Pick<DuplicateFilter, 'passes'>;
  readonly #looped: (from: string, to: string) => void;
  #carriers: ReadonlySet<string> = new Set();

  /** @param looped a message has gone round too often, and does not go on */
  constructor(
    settings: OnwardSettings,
    filter: Pick<DuplicateFilter, 'passes'>,
    looped: (from: string, to: string) => void,
  ) {
    this.#settings = settings;
    this.#filter = filter;
    this.#looped = looped;
  }

  useCarriers(names: ReadonlySet<string>): void {
    this.#carriers = names;
  }

  isCarrier(destination: string): boolean {
    return this.#carriers.has(destination);
  }

  /** Which passage this is, from 1; LOOP when it is one too many. */
  hopsOf(m: MessageDraft, from: string, to: string, now: number): number {
    const { hopsMax, hopsMs } = this.#settings;
    const hops = this.#filter.passes(m, hopsMs, now);
    if (hops <= hopsMax) return hops;
    this.#looped(from, to);
    return LOOP;
  }

  /** A deliver_sm as a submit_sm has it: nobody here waits for its receipt. */
  submitted(m: MessageDraft): MessageDraft {
    m.esmClass &= SUBMIT_BITS;
    m.registeredDelivery = 0;
    return m;
  }
}
