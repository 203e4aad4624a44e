import type { DuplicateRule } from '../accounts/duplicate-filter.ts';
import type { SubmitRules } from '../accounts/submit-rules.ts';
import type { CompiledTable, Origin } from '../routing/compiled.ts';
import type { ArchiveMode, Kind } from '../message/record.ts';
import type { NumberRules } from '../routing/number-rules.ts';
import type { PeerCharset } from '../text/charset.ts';

export interface SourceNames {
  /** The account that owns the messages; for what a carrier brings, the carrier. */
  readonly owner: string;
  readonly sourceSmsc: string;
  /** SMPP, HTTP, … */
  readonly sourceType: string;
}

/** Where messages come in from: an account's sessions or API calls, a carrier's sessions. One per name and worker. */
export class Source {
  /** Whose queue share, receipts and limits. */
  readonly name: string;
  readonly kind: Kind;
  archiveMode: ArchiveMode;
  /** What it may submit; undefined: anything. */
  rules: SubmitRules | undefined = undefined;
  /** What is done with what it submits twice; undefined: it goes twice. */
  duplicates: DuplicateRule | undefined = undefined;
  /** `RecordFlag`s of its messages. */
  readonly flags: number;
  /** What its peer means by data_coding 0. */
  charset: PeerCharset = 'gsm7';
  /** Parts of long messages are put together before they are routed on. */
  gathers = false;
  /** How its peer writes numbers; undefined: as they are. */
  numbers: NumberRules | undefined = undefined;
  /** `source_smsc` and `source_type` as routes match them. */
  readonly #sourceSmsc: string;
  readonly #sourceType: string;
  #table: CompiledTable | undefined;
  #origin: Origin | undefined;

  constructor(names: SourceNames, kind: Kind, archiveMode: ArchiveMode, flags = 0) {
    this.name = names.owner;
    this.kind = kind;
    this.archiveMode = archiveMode;
    this.flags = flags;
    this.#sourceSmsc = names.sourceSmsc;
    this.#sourceType = names.sourceType;
  }

  /** The source as a table knows it: looked up once per table. */
  originIn(table: CompiledTable): Origin {
    if (this.#table !== table || !this.#origin) {
      this.#table = table;
      this.#origin = table.origin({ account: this.name, sourceSmsc: this.#sourceSmsc, sourceType: this.#sourceType });
    }
    return this.#origin;
  }
}
