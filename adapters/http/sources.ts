import { Source } from '../../actors/batch/source.ts';
import { Kind, RecordFlag, type ArchiveMode } from '../../actors/message/record.ts';
import type { ApiAccount } from './deps.ts';

type AccountRules = Pick<ApiAccount, 'rules' | 'numbers' | 'duplicates'>;

/** Most sources kept: callers choose `source_smsc` freely. */
const MOST = 1000;

/** The sources of messages by owner and `source_smsc`: made once each, as they remember where routes look for them. */
export class Sources {
  readonly #sources = new Map<string, Source>();

  get(owner: string, sourceSmsc: string, archiveMode: ArchiveMode, account: AccountRules | undefined): Source {
    const key = `${owner}\0${sourceSmsc}`;
    let source = this.#sources.get(key);
    if (!source) {
      if (this.#sources.size >= MOST) this.#sources.clear();
      // The sender asks for the fate, so no receipt waits in a queue for it.
      source = new Source({ owner, sourceSmsc, sourceType: 'HTTP' }, Kind.mt, archiveMode, RecordFlag.pull);
      this.#sources.set(key, source);
    }
    source.archiveMode = archiveMode;
    source.rules = account?.rules;
    source.numbers = account?.numbers;
    source.duplicates = account?.duplicates;
    return source;
  }
}
