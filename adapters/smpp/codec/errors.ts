/** The header of a PDU, v3.4 §3.2.1. `command_length` is in octets, header included. */
export type PduHeader = {
  readonly command_length: number;
  readonly command_id: number;
  readonly command_status: number;
  readonly sequence_number: number;
};

/**
 * What the session does about a PDU that could not be read:
 * `respond`: send the request's own response with `command_status`, the session stays;
 * `nack`: send a generic_nack with `command_status`, the session stays;
 * `ignore`: it was a response, and a response is never answered: a nack would carry the sequence_number of *our*
 * request, and the peer would take it for the fate of its own request of that number; the header is still good;
 * `close`: the octets cannot be trusted any more: generic_nack, then close (v3.4 §4.3).
 */
export type Recovery = 'respond' | 'nack' | 'ignore' | 'close';

/** Base of every error `decodePdu` throws; nothing else is thrown, whatever the octets. */
export abstract class PduError extends Error {
  abstract readonly code: string;
  abstract readonly recovery: Recovery;
  /** The status to answer with. */
  readonly command_status: number;

  constructor(message: string, commandStatus: number) {
    super(message);
    this.name = new.target.name;
    this.command_status = commandStatus;
  }
}

/** The header is good, the body is not. `pdu` holds the header and every field read before the fault. */
export class PduBodyError extends PduError {
  readonly code = 'SMPP_BODY';
  readonly recovery: 'respond' | 'nack' | 'ignore';
  readonly header: PduHeader;
  readonly pdu: Readonly<Record<string, unknown>>;

  constructor(
    message: string,
    commandStatus: number,
    recovery: 'respond' | 'nack' | 'ignore',
    header: PduHeader,
    pdu: Readonly<Record<string, unknown>>,
  ) {
    super(message, commandStatus);
    this.recovery = recovery;
    this.header = header;
    this.pdu = pdu;
  }
}

/** A command_id that neither v3.4 nor v5.0 defines. v3.4 §3.3: answered by a generic_nack. */
export class UnknownCommandError extends PduError {
  readonly code = 'SMPP_COMMAND_ID';
  readonly recovery: 'nack' | 'ignore';
  readonly header: PduHeader;

  constructor(message: string, commandStatus: number, recovery: 'nack' | 'ignore', header: PduHeader) {
    super(message, commandStatus);
    this.recovery = recovery;
    this.header = header;
  }
}

/** The range given is not one PDU: shorter than a header, past the buffer, or not as long as its command_length. */
export class PduFrameError extends PduError {
  readonly code = 'SMPP_FRAME';
  readonly recovery = 'close';
}

/** We were asked to write a PDU that SMPP cannot carry. Names the field and its bound; never the value. */
export class PduEncodeError extends Error {
  readonly code = 'SMPP_ENCODE';
  readonly field: string;

  constructor(field: string, message: string) {
    super(`${field}: ${message}`);
    this.name = 'PduEncodeError';
    this.field = field;
  }
}
