import { MessageDraft } from '../../../actors/message/draft.ts';
import type { SimulatorSettings } from './settings.ts';

/** The message from a phone that these settings ask for: ASCII as such, else UCS-2 (data_coding 1, 8; v3.4 §5.2.19). */
export function moOf({ mo_from, mo_to, mo_text }: SimulatorSettings): MessageDraft {
  const m = new MessageDraft();
  const isAscii = /^[\x20-\x7e]*$/.test(mo_text);
  const text = isAscii ? Buffer.from(mo_text, 'latin1') : Buffer.from(mo_text, 'utf16le').swap16();
  m.buffer = Buffer.concat([Buffer.from(mo_from, 'latin1'), Buffer.from(mo_to, 'latin1'), text]);
  m.sourceTon = 1;
  m.sourceNpi = 1;
  m.sourceLength = mo_from.length;
  m.destNpi = 1;
  m.destAt = mo_from.length;
  m.destLength = mo_to.length;
  m.dataCoding = isAscii ? 1 : 8;
  m.textAt = mo_from.length + mo_to.length;
  m.textLength = text.length;
  return m;
}
