import { DataCoding, formatDcs } from '../../actors/text/data-coding.ts';
import { invalid } from './problem.ts';
import type { SubmitBody } from './schema.ts';

export type CharacterSet = NonNullable<SubmitBody['tp_dcs_character_set']>;

/**
 * `data_coding` (SMPP v3.4 §5.2.19) of what the tp_dcs_* fields say.
 * @throws Problem for what no data coding can say
 */
export function dataCodingOf(body: SubmitBody, characterSet: CharacterSet): number {
  const { tp_dcs_coding_group: group, tp_dcs_has_message_class: hasClass, tp_dcs_compressed: compressed } = body;
  const messageClass = hasClass === false ? undefined : (body.tp_dcs_message_class ?? undefined);
  if (hasClass === true && messageClass === undefined) {
    throw wrong('tp_dcs_message_class', 'expected a whole number from 0 to 3, since tp_dcs_has_message_class is true');
  }
  if (compressed === true && body.raw_data_flag !== true) {
    throw wrong('tp_dcs_compressed', 'expected raw_data_flag too: texts are not compressed here');
  }
  if (characterSet === 'latin1') {
    if (messageClass === undefined && compressed !== true && group !== 'automatic_deletion') return DataCoding.latin1;
    throw wrong(
      'tp_dcs_character_set',
      'expected gsm7, 8bit or ucs2: latin1 goes with no class, compression or deletion',
    );
  }
  if (group === 'data_coding_message_class') {
    // 3GPP TS 23.038 §4, group 1111: a class always, never UCS-2 or compression.
    if (messageClass === undefined || characterSet === 'ucs2' || compressed === true) {
      throw wrong('tp_dcs_coding_group', 'expected general_data_coding: this group is gsm7 or 8bit with a class only');
    }
    return 0xf0 | (characterSet === '8bit' ? 4 : 0) | messageClass;
  }
  return formatDcs({
    alphabet: characterSet,
    compressed: compressed === true,
    autoDelete: group === 'automatic_deletion',
    ...(messageClass === undefined ? {} : { messageClass: messageClass as 0 | 1 | 2 | 3 }),
  });
}

const wrong = (field: keyof SubmitBody, message: string) => invalid([{ field, message }]);
