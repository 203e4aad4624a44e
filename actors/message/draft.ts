/**
 * One message on its way in: the fields of a short message, as numbers and as ranges of the buffer they arrived in.
 * A protocol adapter fills one (a single draft per connection is reused: no allocation per message), the bind actor
 * checks and routes it, `record.ts` copies it into the open batch. Nothing keeps a draft, or its buffer, past that.
 *
 * Field names and values are SMPP's (v3.4 §5.2): it is the widest of the protocols we speak, so the others map onto it.
 */
export class MessageDraft {
  /** Holds every range below. */
  buffer: Buffer = EMPTY;

  serviceTypeAt = 0;
  /** 0 to 5 octets, without the terminating NUL. */
  serviceTypeLength = 0;

  sourceTon = 0;
  sourceNpi = 0;
  sourceAt = 0;
  /** 0 to 64 octets (21 in SMPP v3.4 *_sm, 65 in data_sm), without NUL. */
  sourceLength = 0;

  destTon = 0;
  destNpi = 0;
  destAt = 0;
  destLength = 0;

  esmClass = 0;
  protocolId = 0;
  priority = 0;
  registeredDelivery = 0;
  replaceIfPresent = 0;
  dataCoding = 0;
  defaultMessageId = 0;

  /**
   * One submission to several recipients: how far this one's id is above the first's, by which its sender knows them
   * all. 0 for the first, and for every other message.
   */
  sibling = 0;
  /** Of those at most so many; 0 for a message of its own. */
  siblings = 0;

  /** `RecordFlag`s of this message, beside those of its source. */
  flags = 0;

  /** End of validity as the adapter understood it, ms since 1970; 0: none was given. */
  expiresAt = 0;
  /** Not to be delivered before, ms since 1970; 0: at once. */
  deliverAfter = 0;

  /** `schedule_delivery_time` as it came (SMPP v3.4 §7.1.1): 0 or 16 octets. */
  scheduleAt = 0;
  scheduleLength = 0;
  /** `validity_period` as it came: 0 or 16 octets. */
  validityAt = 0;
  validityLength = 0;

  /** The user data: `short_message`, or the value of the `message_payload` TLV where that carries it. */
  textAt = 0;
  /** 0 to 65,535 octets. */
  textLength = 0;

  /** All TLVs as they came, in order, `message_payload` included. */
  tlvsAt = 0;
  tlvsLength = 0;
  /** Where inside the TLVs the `message_payload` TLV starts (its tag), -1 when there is none. */
  payloadTlvAt = -1;
  /** Octets of that TLV with its 4-octet head. */
  payloadTlvLength = 0;
}

const EMPTY = Buffer.alloc(0);
