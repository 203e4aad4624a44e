/** Records of one piece of memory. */
const PER_CHUNK = 512;

/** Records that are due after the same delay: first in, first out, in a chain of chunks. */
interface Lane {
  readonly delayMs: number;
  readonly chunks: Buffer[];
  /** Of the first record in the first chunk. */
  head: number;
  /** Behind the last record in the last chunk. */
  tail: number;
}

/**
 * Records of one size, each with the time it is due in its first 8 octets, in time order. All that waited equally long
 * are due in the order they came, so each delay has a lane of its own: nothing is sorted and nothing allocated per
 * record, and a delay that is changed while a million records wait moves none of them. The owner bounds `size`.
 */
export class DueQueue {
  readonly #recordSize: number;
  readonly #lanes: Lane[] = [];
  #earliest: Lane | undefined;
  #spare: Buffer | undefined;
  #size = 0;
  /** Where `add` wants its record and where `first` found one: valid until the next call. */
  buffer: Buffer = NONE;
  at = 0;

  /** @param recordSize octets, 8 or more */
  constructor(recordSize: number) {
    this.#recordSize = recordSize;
  }

  get size(): number {
    return this.#size;
  }

  /** Room for one more record at `buffer` and `at`; its first 8 octets are filled. `nowMs` never goes back. */
  add(nowMs: number, delayMs: number): this {
    const lane = this.#laneOf(delayMs);
    if (lane.tail === PER_CHUNK) {
      lane.chunks.push(this.#chunk());
      lane.tail = 0;
    }
    this.buffer = lane.chunks[lane.chunks.length - 1]!;
    this.at = lane.tail++ * this.#recordSize;
    this.buffer.writeDoubleLE(nowMs + delayMs, this.at);
    this.#size++;
    return this;
  }

  /** When the first record is due; Infinity when there is none. */
  get nextDueMs(): number {
    let dueMs = Infinity;
    this.#earliest = undefined;
    for (let i = 0; i < this.#lanes.length; i++) {
      const lane = this.#lanes[i]!;
      const laneDueMs = lane.chunks[0]!.readDoubleLE(lane.head * this.#recordSize);
      if (laneDueMs >= dueMs) continue;
      dueMs = laneDueMs;
      this.#earliest = lane;
    }
    return dueMs;
  }

  /** Finds the first record, if it is due: it is at `buffer` and `at`. */
  first(nowMs: number): boolean {
    if (this.#size === 0 || this.nextDueMs > nowMs) return false;
    this.buffer = this.#earliest!.chunks[0]!;
    this.at = this.#earliest!.head * this.#recordSize;
    return true;
  }

  /** Drops the record that `first` found. */
  removeFirst(): void {
    const lane = this.#earliest!;
    this.#size--;
    lane.head++;
    const isEmpty = lane.chunks.length === 1 && lane.head === lane.tail;
    if (isEmpty) this.#lanes.splice(this.#lanes.indexOf(lane), 1);
    else if (lane.head < PER_CHUNK) return;
    this.#spare = lane.chunks.shift();
    lane.head = 0;
  }

  #laneOf(delayMs: number): Lane {
    for (let i = 0; i < this.#lanes.length; i++) if (this.#lanes[i]!.delayMs === delayMs) return this.#lanes[i]!;
    const lane: Lane = { delayMs, chunks: [this.#chunk()], head: 0, tail: 0 };
    this.#lanes.push(lane);
    return lane;
  }

  #chunk(): Buffer {
    const chunk = this.#spare ?? Buffer.allocUnsafeSlow(PER_CHUNK * this.#recordSize);
    this.#spare = undefined;
    return chunk;
  }
}

const NONE = Buffer.alloc(0);
