import type { MessageDraft } from '../../../actors/message/draft.ts';
import type { Submitter } from '../../../actors/batch/batch-actor.ts';
import type { MessageId } from '../../../actors/message/id.ts';
import type { PduInput } from '../codec/pdus.ts';
import type { Session } from './operation.ts';

/**
 * A submit_sm with replace_if_present_flag (v3.4 §5.2.18): it takes the place, and keeps the id, of the newest message that
 * waits with the same source, destination and service_type. One that goes in parts, or would have to, is cancelled instead
 * when the new one is kept, under its own id. Where none waits it is a message like any other.
 *
 * @param m its buffer is its own
 */
export async function replaceIfPresent(m: MessageDraft, session: Session, sequence_number: number): Promise<PduInput> {
  const { account, actor, desk } = session;
  const { buffer, sourceAt, sourceLength, destAt, destLength, serviceTypeAt, serviceTypeLength } = m;
  const match = {
    source: buffer.latin1Slice(sourceAt, sourceAt + sourceLength),
    dest: buffer.latin1Slice(destAt, destAt + destLength),
    serviceType: buffer.latin1Slice(serviceTypeAt, serviceTypeAt + serviceTypeLength),
  };
  const given = m.expiresAt;
  m.expiresAt = actor.expiryOf(m);
  const replaced = await desk.replace(account, match, m);
  if (replaced && 'replaced' in replaced) return taken(session, sequence_number, replaced.replaced);
  m.expiresAt = given;
  return new Promise((resolve, reject) => {
    const submitter: Submitter = {
      accepted: (_token, id) => {
        const answer = (): void => resolve(taken(session, sequence_number, id));
        // The new one is kept: the old one is not wanted any more, if it has not left meanwhile.
        if (replaced) desk.abandon(replaced.obsolete).then(answer, answer);
        else answer();
      },
      refused: (_token, command_status) => resolve({ command: 'submit_sm_resp', sequence_number, command_status }),
      inDoubt: () => reject(new Error('the store did not say whether it kept a message')),
    };
    const status = actor.submitFor(m, submitter, sequence_number);
    if (status !== 0) submitter.refused(sequence_number, status);
  });
}

const taken = ({ ids }: Session, sequence_number: number, id: MessageId): PduInput => ({
  command: 'submit_sm_resp',
  sequence_number,
  message_id: String(ids.toPublic(id)),
});
