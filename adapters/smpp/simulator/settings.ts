/** What a simulated carrier does with what it is given; checked by whoever made it. All may change while it runs. */
export interface SimulatorSettings {
  readonly name: string;
  /** From submit_sm to its response, ms. */
  readonly answer_delay_ms: number;
  /** From the response to the receipt, ms; 0: right behind it. */
  readonly receipt_delay_ms: number;
  /** Share of messages whose receipt says UNDELIV, 0 to 1. */
  readonly failure_rate: number;
  /** Share of messages answered ESME_RTHROTTLED, 0 to 1. */
  readonly throttle_rate: number;
  /** Messages from phones it makes up while somebody is bound who takes them; 0: none. */
  readonly mo_per_second: number;
  /** Their sender and recipient, up to 20 digits, and their text. */
  readonly mo_from: string;
  readonly mo_to: string;
  readonly mo_text: string;
}

/** What a simulated carrier has done since it began, and what it still has to do. */
export interface SimulatorCounts {
  /** submit_sm answered ESME_ROK. */
  accepted: number;
  /** Of these, with a receipt that says UNDELIV. */
  failed: number;
  /** submit_sm answered ESME_RTHROTTLED. */
  throttled: number;
  /** submit_sm answered ESME_RMSGQFUL: too many answers and receipts waited. */
  full: number;
  /** Messages from phones. */
  mo: number;
  /** deliver_sm written: receipts and messages from phones, each repetition counted. */
  delivered: number;
  /** deliver_sm that the peer has taken. */
  acknowledged: number;
  /** Put back to be given again: the session ended first, or the peer wanted it later. */
  repeated: number;
  /** deliver_sm that the peer refused for good, or too often. */
  abandoned: number;
}
