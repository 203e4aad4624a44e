import type { DuplicateFilter } from '../accounts/duplicate-filter.ts';
import type { MessageDraft } from '../message/draft.ts';
import type { Submitter } from './batch-actor.ts';
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
  readonly #filter: Pick<DuplicateFilter, 'passes' | 'drop' | 'token'>;
  readonly #looped: (from: string, to: string) => void;
  #carriers: ReadonlySet<string> = new Set();
  /** What the filter knows the one by that `hopsOf` was asked about last. */
  token = 0;

  /** @param looped a message has gone round too often, and does not go on */
  constructor(
    settings: OnwardSettings,
    filter: Pick<DuplicateFilter, 'passes' | 'drop' | 'token'>,
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

  /** Which passage this is, from 1; LOOP when it is one too many. Any but that is the filter's from here on (`DuplicateFilter.passes`). */
  hopsOf(m: MessageDraft, from: string, to: string, submitter: Submitter, token: number, now: number): number {
    const { hopsMax, hopsMs } = this.#settings;
    const hops = this.#filter.passes(m, hopsMs, submitter, token, now);
    this.token = this.#filter.token;
    if (hops <= hopsMax) return hops;
    this.#filter.drop(this.token);
    this.#looped(from, to);
    return LOOP;
  }

  /** The intake has taken it as the filter's, or not: then it has not passed. @returns the status */
  sent(status: number): number {
    if (status !== 0) this.#filter.drop(this.token);
    return status;
  }

  /** A deliver_sm as a submit_sm has it: nobody here waits for its receipt. */
  submitted(m: MessageDraft): MessageDraft {
    m.esmClass &= SUBMIT_BITS;
    m.registeredDelivery = 0;
    return m;
  }
}
