/** The largest sequence_number (SMPP v3.4 §5.1.4). */
const LAST_SEQUENCE = 0x7fffffff;

/**
 * The requests of one session that wait for their response, each with a copy of its record, so that it can be sent
 * again when the session ends. Records lie where their sequence_number says; a number whose place is still taken by a
 * straggler is left out.
 */
export class InFlight {
  readonly window: number;
  readonly #recordSize: number;
  readonly #mask: number;
  /** By place: the sequence_number that waits there, 0 for none. */
  readonly #sequences: Int32Array;
  /** Made with the first request: most sessions of a transmitter never have one. */
  #records: Buffer | undefined;
  #last = 0;
  #count = 0;

  constructor(window: number, recordSize: number) {
    const places = 2 ** Math.ceil(Math.log2(window * 2));
    this.window = window;
    this.#recordSize = recordSize;
    this.#mask = places - 1;
    this.#sequences = new Int32Array(places);
  }

  get count(): number {
    return this.#count;
  }

  get isFull(): boolean {
    return this.#count >= this.window;
  }

  /** For a request that nothing is kept of (enquire_link, unbind). */
  nextSequence(): number {
    this.#last = this.#last === LAST_SEQUENCE ? 1 : this.#last + 1;
    return this.#last;
  }

  /** Keeps a copy of the record and returns the sequence_number for it. Not to be called when `isFull`. */
  add(record: Buffer, at: number): number {
    let sequence = this.nextSequence();
    while (this.#sequences[sequence & this.#mask] !== 0) sequence = this.nextSequence();
    const place = sequence & this.#mask;
    this.#records ??= Buffer.allocUnsafeSlow((this.#mask + 1) * this.#recordSize);
    record.copy(this.#records, place * this.#recordSize, at, at + this.#recordSize);
    this.#sequences[place] = sequence;
    this.#count++;
    return sequence;
  }

  /** Where the records are. */
  get records(): Buffer {
    return this.#records!;
  }

  /** Takes the request out. @returns where its record is in `records`, until the next `add`; -1: none waits */
  remove(sequence: number): number {
    const place = sequence & this.#mask;
    if (sequence === 0 || this.#sequences[place] !== sequence) return -1;
    this.#sequences[place] = 0;
    this.#count--;
    return place * this.#recordSize;
  }

  /** Takes them all out, the oldest first. */
  removeAll(each: (records: Buffer, at: number) => void): void {
    for (let i = 1; i <= this.#mask + 1; i++) {
      const sequence = this.#sequences[(this.#last + i) & this.#mask]!;
      if (sequence !== 0) each(this.#records!, this.remove(sequence));
    }
  }
}
