import type { CompiledTable, Origin } from '../routing/compiled.ts';
import type { ArchiveMode, Kind } from '../message/record.ts';

/** Where messages come in from: an account's sessions or API calls, a carrier's sessions. One per name and worker. */
export class Source {
  /** The account that owns the messages: whose queue share, receipts and limits. For what a carrier brings: the carrier. */
  readonly name: string;
  readonly kind: Kind;
  archiveMode: ArchiveMode;
  /** `source_smsc` and `source_type` as routes match them. */
  readonly #sourceSmsc: string;
  readonly #sourceType: string;
  #table: CompiledTable | undefined;
  #origin: Origin | undefined;

  constructor(name: string, kind: Kind, archiveMode: ArchiveMode, sourceSmsc: string, sourceType: string) {
    this.name = name;
    this.kind = kind;
    this.archiveMode = archiveMode;
    this.#sourceSmsc = sourceSmsc;
    this.#sourceType = sourceType;
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
