export interface ReceiptSettings {
  /** How long a receipt waits for the id it names: it may come before the response that gives the id. ms */
  readonly orphanWaitMs: number;
  /** Most of them waiting. */
  readonly orphanMax: number;
  /** How long a receipt is kept for its account, ms. */
  readonly validityMs: number;
  /** Which receipts are made here: of what failed, expired or arrived at an application. Carriers' are always passed on. */
  readonly own: 'all' | 'failures' | 'none';
}

/** What is counted, by plain additions. */
export interface ReceiptCounters {
  receiptsDelivered: number;
  receiptsOther: number;
  /** Receipts that named no message of ours. */
  receiptsUnmatched: number;
  /** Receipts of failure whose message went by its next route instead. */
  receiptsHeldBack: number;
  rerouted: number;
  failed: number;
  /** Receipts that were to leave by HTTP and did not. */
  receiptsGivenUp: number;
}
