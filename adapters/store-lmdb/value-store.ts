import { randomInt } from 'node:crypto';
import { statfsSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { DATA_FILE, openEnvironment, syncFolder, type Environment } from './environment.ts';
import { FileSpace, PageNeed, TRANSACTION_WRITES } from './file-space.ts';
import { JournalSegment, lengthAt, REMOVED, type KeyValue, type Place } from './journal-segment.ts';
import { numberIn, rangeOf, Tag } from '../../actors/store/keys.ts';

/** Octets of a journal segment: no more than this share of what the disk has free, and within these bounds. */
const SHARE_OF_DISK = 1 / 128;
const LEAST_SEGMENT = 1024 * 1024;
const MOST_SEGMENT = 16 * 1024 * 1024 - 4096;
/** How full the active segment is when the first value of the frozen one moves into LMDB, and when the last has. */
const MOVE_FROM = 0.5;
const MOVE_UNTIL = 0.8;
/** Octets of values in one step, and entries looked at: a millisecond or two. */
const STEP_OCTETS = 256 * 1024;
const STEP_ENTRIES = 1024;

/**
 * The durable values of one stripe: LMDB, with a journal in front of it. A commit is one sequential write and one flush in
 * a preallocated file, where LMDB alone would write pages all over its file and flush twice. When a segment of the journal is
 * full the next one takes over, and what still counts of the first goes into LMDB, a step at a time while the second half of
 * the next fills: most values of messages that pass through are gone by then and never reach it.
 *
 * At any time LMDB, the older segment and the newer one, in this order, say what is durable; to repeat a segment changes
 * nothing. The commits, steps and reads are synchronous, and one thread's.
 */
export class ValueStore {
  /** For looking through everything at start: complete until the first commit. */
  readonly db: Environment;
  readonly #folder: string;
  readonly #space: FileSpace;
  readonly #life = randomInt(1, 2 ** 47);
  /** Two; on a disk that is full at start fewer, and then every commit is LMDB's. */
  readonly #segments: readonly JournalSegment[];
  #active: JournalSegment | undefined;
  /** The one whose values are going into LMDB. */
  #frozen: JournalSegment | undefined;
  #left: Iterator<[string, Place]> | undefined;
  /** Its entries that were looked at. */
  #looked = 0;
  #generation = 0;
  /** What LMDB will need for what stands in the active and the frozen segment. */
  #need = new PageNeed();
  #frozenNeed = new PageNeed();
  /** The highest batch number of which LMDB has had anything. */
  #highest = 0;
  #scratch = Buffer.allocUnsafeSlow(64 * 1024);
  /** The file that was written last, for whoever names it in an error. */
  writing: string;

  /** Opens or makes the store in `folder`. `alarm` is told of damage, in one line each. */
  constructor(folder: string, now: number, alarm: (line: string) => void) {
    this.#folder = folder;
    this.db = openEnvironment(folder, now, alarm);
    this.writing = join(folder, DATA_FILE);
    this.#space = new FileSpace(this.writing);
    this.#segments = this.#openSegments();
    this.#replay(alarm);
    this.#highest = this.#highestInDb();
    this.#active = this.#segments.length === 2 ? this.#segments[0] : undefined;
    this.#active?.begin(this.#life, ++this.#generation);
  }

  get(key: Buffer): Buffer | undefined {
    const name = key.latin1Slice();
    for (const segment of [this.#active, this.#frozen]) {
      const place = segment?.places.get(name);
      if (place === REMOVED) return undefined;
      if (place !== undefined) return segment!.read(place);
    }
    return this.db.get(key);
  }

  /**
   * Whether there is room for these writes, and `spare` octets after them, in LMDB's file once they get there. It is taken
   * from the disk before that is said.
   */
  hasRoom(writes: readonly KeyValue[], spare: number): boolean {
    const need = new PageNeed();
    for (const [key, value] of writes) need.add(key.length, value?.length ?? -1);
    return this.#space.hasRoom(need.pages() + this.#need.pages() + this.#frozenNeed.pages(), spare);
  }

  /** Makes the writes durable, all or none. @throws the system's error: whether they are on the disk is not known */
  commit(writes: readonly KeyValue[]): void {
    const size = JournalSegment.sizeOf(writes);
    if (!this.#active || size > this.#active.capacity / 2) {
      this.#commitDirectly(writes);
      return;
    }
    if (!this.#active.hasRoom(size)) this.#rotate();
    if (this.#scratch.length < size) this.#scratch = Buffer.allocUnsafeSlow(2 ** Math.ceil(Math.log2(size)));
    const { places } = this.#active;
    this.writing = this.#active.path;
    this.#active.append(writes, this.#scratch, (i, place) => this.#put(places, writes[i]![0], place));
  }

  /** One step of what is due between two commits. @throws the system's error */
  step(): void {
    if (this.#left && this.#isMoveDue) this.#moveSome(this.#left);
    else if (this.#space.isDue) {
      this.writing = join(this.#folder, DATA_FILE);
      this.#space.flush();
    }
  }

  /** Whether a step is due. */
  get hasSteps(): boolean {
    return this.#isMoveDue || this.#space.isDue;
  }

  /** Whether the frozen segment is behind: it has to be empty before the active one is full, and not much earlier. */
  get #isMoveDue(): boolean {
    if (!this.#left) return false;
    const share = (this.#active!.fullness - MOVE_FROM) / (MOVE_UNTIL - MOVE_FROM);
    return share >= 1 || this.#looked + this.#stepEntries <= share * this.#frozen!.places.size;
  }

  /** What a step looks at: as many as stand in its octets, and one where none is left. */
  get #stepEntries(): number {
    const { places, capacity } = this.#frozen!;
    return Math.max(1, Math.min(STEP_ENTRIES, Math.ceil((places.size * STEP_OCTETS) / capacity)));
  }

  /** Everything into LMDB: the journal is void after it. */
  close(): Promise<void> {
    this.#checkpoint();
    this.#space.close();
    for (const segment of this.#segments) segment.close();
    return this.db.close();
  }

  #put(places: Map<string, Place>, key: Buffer, place: Place): void {
    const name = key.latin1Slice();
    const before = places.get(name);
    if (before !== undefined) this.#need.drop(key.length, before === REMOVED ? -1 : lengthAt(before));
    // What came and went within the segment leaves no trace in LMDB.
    if (place === REMOVED && isNumbered(key) && numberIn(key) > this.#highest && !this.#frozen?.places.has(name)) {
      places.delete(name);
      return;
    }
    places.set(name, place);
    this.#need.add(key.length, place === REMOVED ? -1 : lengthAt(place));
  }

  #rotate(): void {
    while (this.#left) this.#moveSome(this.#left);
    const [first, second] = this.#segments as [JournalSegment, JournalSegment];
    this.#frozen = this.#active!;
    this.#left = this.#frozen.places.entries();
    this.#looked = 0;
    this.#frozenNeed = needOf(this.#frozen);
    this.#need = new PageNeed();
    this.#active = this.#frozen === first ? second : first;
    this.writing = this.#active.path;
    this.#active.begin(this.#life, ++this.#generation);
  }

  /** One transaction with what the frozen segment has and the active one has not anew. */
  #moveSome(left: Iterator<[string, Place]>): void {
    const frozen = this.#frozen!;
    const newer = this.#active!.places;
    const writes: KeyValue[] = [];
    const entries = this.#stepEntries;
    let octets = 0;
    for (let i = 0; i < entries && octets < STEP_OCTETS && writes.length < TRANSACTION_WRITES; i++) {
      const next = left.next();
      if (next.done) {
        this.#left = undefined;
        break;
      }
      this.#looked++;
      const [name, place] = next.value;
      if (newer.has(name)) continue;
      const key = Buffer.from(name, 'latin1');
      if (place === REMOVED) {
        writes.push([key, undefined]);
        continue;
      }
      octets += lengthAt(place);
      writes.push([key, frozen.read(place)]);
    }
    this.#write(writes);
    if (this.#left) return;
    this.#frozen = undefined;
    this.#frozenNeed = new PageNeed();
  }

  #checkpoint(): void {
    if (!this.#active) return;
    if (this.#active.places.size > 0 || this.#left) {
      this.#rotate();
      while (this.#left) this.#moveSome(this.#left);
    }
    for (const segment of this.#segments) segment.begin(this.#life, 0);
  }

  /** What does not fit into the journal: LMDB must be as new as the journal first, and the journal void. */
  #commitDirectly(writes: readonly KeyValue[]): void {
    this.#checkpoint();
    this.#write(writes);
    this.#active?.begin(this.#life, ++this.#generation);
  }

  /** One transaction: it returns after the flush of data and meta page (`overlappingSync` is off: L2, L5). */
  #write(writes: readonly KeyValue[]): void {
    if (writes.length === 0) return;
    const { db } = this;
    this.writing = join(this.#folder, DATA_FILE);
    db.transactionSync(() => {
      for (const [key, value] of writes) {
        if (value === undefined) db.removeSync(key);
        else db.putSync(key, value);
      }
    });
    for (const [key] of writes) {
      if (isNumbered(key)) this.#highest = Math.max(this.#highest, numberIn(key));
    }
    this.#space.look();
  }

  /** What a crash left in the journal goes into LMDB: the older segment first. */
  #replay(alarm: (line: string) => void): void {
    const found = this.#segments.map(segment => ({ segment, ...segment.content() }));
    for (const { segment, generation, writes, damage } of found.sort((a, b) => a.generation - b.generation)) {
      for (const line of damage) alarm(`store ${basename(this.#folder)}: ${basename(segment.path)}: ${line}`);
      for (let i = 0; i < writes.length; i += TRANSACTION_WRITES) {
        const some = writes.slice(i, i + TRANSACTION_WRITES);
        const need = new PageNeed();
        for (const [key, value] of some) need.add(key.length, value?.length ?? -1);
        if (!this.#space.hasRoom(need.pages(), 0)) {
          throw new Error(`${segment.path}: the disk is full: no room for what was accepted before the last crash`);
        }
        this.#write(some);
      }
      // The older one first: to repeat the newer one alone is right, to repeat the older one alone is not.
      if (generation > 0) segment.begin(this.#life, 0);
    }
  }

  #openSegments(): JournalSegment[] {
    const { bavail, bsize } = statfsSync(this.#folder);
    const share = Math.floor((bavail * bsize * SHARE_OF_DISK) / 4096) * 4096;
    const octets = Math.min(MOST_SEGMENT, Math.max(LEAST_SEGMENT, share));
    const segments: JournalSegment[] = [];
    for (const name of ['journal-0', 'journal-1']) {
      const segment = JournalSegment.open(join(this.#folder, name), octets);
      if (segment) segments.push(segment);
    }
    // What is flushed into a new file is lost with its name: on the first start that too must be on the disk.
    syncFolder(this.#folder);
    syncFolder(dirname(this.#folder));
    return segments;
  }

  #highestInDb(): number {
    let highest = 0;
    for (const tag of NUMBERED) {
      const { start, end } = rangeOf(tag);
      for (const key of this.db.getKeys({ start: end, end: start, reverse: true, limit: 1 })) {
        highest = Math.max(highest, numberIn(key));
      }
    }
    return highest;
  }
}

const NUMBERED: readonly number[] = [Tag.batch, Tag.ledger, Tag.state];
const isNumbered = (key: Buffer): boolean => key[0] === Tag.batch || key[0] === Tag.ledger || key[0] === Tag.state;

function needOf(segment: JournalSegment): PageNeed {
  const need = new PageNeed();
  for (const [name, place] of segment.places) need.add(name.length, place === REMOVED ? -1 : lengthAt(place));
  return need;
}
