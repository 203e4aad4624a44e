import type { Submitter } from '../../../actors/batch/batch-actor.ts';
import type { MessageDraft } from '../../../actors/message/draft.ts';
import type { MessageId } from '../../../actors/message/id.ts';
import { STATUS } from '../codec/command-status.ts';
import type { DestAddress, UnsuccessSme } from '../codec/fields.ts';
import type { PduInput, PduOf } from '../codec/pdus.ts';
import { draftOf } from './draft-of.ts';
import type { Operation } from './operation.ts';

/** Octets of all messages of one submit_multi: they are committed together. */
const MOST_OCTETS = 4 * 1024 * 1024;

/**
 * submit_multi (v3.4 §4.5): one message for each destination, under the id of the first that is taken. Receipts name that
 * id, and by their source_addr the destination they are about. There are no distribution lists here: one that is named
 * is told in the list of the unsuccessful with ESME_RINVDLNAME.
 *
 * Refused as a whole only when nothing of it was taken: with the status of all of them, or ESME_RSUBMITFAIL.
 */
export const submitMulti: Operation<PduOf<'submit_multi'>> = async (request, { actor, ids, now }) => {
  const { sequence_number, dest_address: destinations } = request;
  const refuse = (command_status: number, unsuccess_sme?: readonly UnsuccessSme[]): PduInput => ({
    command: 'submit_multi_resp',
    sequence_number,
    command_status,
    ...(unsuccess_sme && { unsuccess_sme }),
  });
  const m = draftOf(request, now());
  if (typeof m === 'number') return refuse(m);
  if (destinations.length * (m.textLength + m.tlvsLength + 128) > MOST_OCTETS) return refuse(STATUS.ESME_RINVNUMDESTS);
  const submission = new Submission(destinations.length);
  actor.together(destinations.length);
  const plain = m.buffer;
  for (const [index, destination] of destinations.entries()) {
    if (destination.dest_flag === 2) submission.refused(index, STATUS.ESME_RINVDLNAME);
    else if (destination.destination_addr === '') submission.refused(index, STATUS.ESME_RINVDSTADR);
    else {
      address(m, plain, destination);
      const status = actor.submitFor(m, submission, index);
      if (status !== 0) submission.refused(index, status);
    }
  }
  actor.apart();
  const { first, statuses } = await submission.done;
  const unsuccess = destinations.flatMap((d, i) => (statuses[i] === 0 ? [] : [unsuccessful(d, statuses[i]!)]));
  if (unsuccess.length < destinations.length) {
    const message_id = String(ids.toPublic(first));
    return { command: 'submit_multi_resp', sequence_number, message_id, unsuccess_sme: unsuccess };
  }
  if (new Set(statuses).size > 1) return refuse(STATUS.ESME_RSUBMITFAIL, unsuccess);
  return refuse(statuses[0]!, statuses[0] === STATUS.ESME_RTHROTTLED ? undefined : unsuccess);
};

/** Gathers the answers of all its messages. */
class Submission implements Submitter {
  readonly done: Promise<{ readonly first: MessageId; readonly statuses: readonly number[] }>;
  readonly #statuses: number[];
  readonly #finish: (result: { first: MessageId; statuses: number[] }) => void;
  readonly #fail: (error: Error) => void;
  #first: MessageId = Infinity;
  #left: number;

  constructor(count: number) {
    const { promise, resolve, reject } = Promise.withResolvers<{ first: MessageId; statuses: number[] }>();
    this.done = promise;
    this.#finish = resolve;
    this.#fail = reject;
    this.#statuses = Array.from({ length: count }, () => 0);
    this.#left = count;
  }

  accepted(_index: number, id: MessageId): void {
    this.#first = Math.min(this.#first, id);
    this.#one();
  }

  refused(index: number, status: number): void {
    this.#statuses[index] = status;
    this.#one();
  }

  inDoubt(): void {
    this.#fail(new Error('the store did not say whether it kept a message'));
  }

  #one(): void {
    if (--this.#left === 0) this.#finish({ first: this.#first, statuses: this.#statuses });
  }
}

function address(m: MessageDraft, plain: Buffer, d: Extract<DestAddress, { dest_flag: 1 }>): void {
  m.buffer = Buffer.concat([plain, Buffer.from(d.destination_addr, 'latin1')]);
  m.destAt = plain.length;
  m.destLength = d.destination_addr.length;
  m.destTon = d.dest_addr_ton;
  m.destNpi = d.dest_addr_npi;
}

function unsuccessful(d: DestAddress, error_status_code: number): UnsuccessSme {
  if (d.dest_flag === 2) {
    return { dest_addr_ton: 0, dest_addr_npi: 0, destination_addr: d.dl_name, error_status_code };
  }
  const { dest_addr_ton, dest_addr_npi, destination_addr } = d;
  return { dest_addr_ton, dest_addr_npi, destination_addr, error_status_code };
}
