/**
 * Who is bound, over the whole cluster: the answer to "may this account bind once more". Pure: whoever keeps it feeds it
 * what happened, on one machine directly, in a cluster in the order of the shared log.
 *
 * Rows belong to an owner, a worker thread of a node in one of its lives (the epoch). When an owner comes back with a
 * higher epoch, or leaves, its rows are gone; while it is late with its heartbeat they do not count.
 */

export type BindType = 'transmitter' | 'receiver' | 'transceiver';

export interface BindOwner {
  readonly node: string;
  readonly worker: number;
  /** Higher in each life. */
  readonly epoch: number;
}

/** Most binds at once; a type's limit is beside the account's, not instead of it. */
export interface BindLimits {
  readonly total: number;
  readonly byType?: Partial<Readonly<Record<BindType, number>>>;
}

export type BindAnswer =
  | 'bound'
  /** The account has as many as it may. */
  | 'too-many'
  /** Its owner has a later life, or none: whoever asks is gone. */
  | 'stale';

interface Row {
  readonly account: string;
  readonly type: BindType;
}

interface OwnerRows {
  epoch: number;
  late: boolean;
  /** By session, a number the owner chose. */
  readonly rows: Map<number, Row>;
}

type Counts = Record<BindType, number>;

export class BindRegistry {
  readonly #owners = new Map<string, OwnerRows>();
  /** What counts: rows of owners that are not late. */
  readonly #counts = new Map<string, Counts>();

  /** An owner has started (again). False, and nothing changed, when its epoch is not above the last one seen. */
  join(owner: BindOwner): boolean {
    const key = keyOf(owner);
    const known = this.#owners.get(key);
    if (known && known.epoch >= owner.epoch) return false;
    if (known) this.#drop(known);
    this.#owners.set(key, { epoch: owner.epoch, late: false, rows: new Map() });
    return true;
  }

  /** An owner is gone, with all its rows. */
  leave(owner: BindOwner): void {
    const known = this.#find(owner);
    if (!known) return;
    this.#drop(known);
    this.#owners.delete(keyOf(owner));
  }

  /** All workers of a node are gone. */
  leaveNode(node: string): void {
    for (const [key, known] of this.#owners) {
      if (!key.startsWith(`${node}/`)) continue;
      this.#drop(known);
      this.#owners.delete(key);
    }
  }

  /** An owner's heartbeat is late, or has come again: its rows do not count meanwhile. */
  setLate(owner: BindOwner, late: boolean): void {
    const known = this.#find(owner);
    if (!known || known.late === late) return;
    known.late = late;
    for (const row of known.rows.values()) this.#count(row, late ? -1 : 1);
  }

  /** Binds a session if its account has room. Asking again for a session that is bound changes nothing. */
  bind(owner: BindOwner, session: number, account: string, type: BindType, limits: BindLimits): BindAnswer {
    const known = this.#find(owner);
    if (!known) return 'stale';
    if (known.rows.has(session)) return 'bound';
    if (this.count(account) >= limits.total) return 'too-many';
    if (this.count(account, type) >= (limits.byType?.[type] ?? Infinity)) return 'too-many';
    const row = { account, type };
    known.rows.set(session, row);
    if (!known.late) this.#count(row, 1);
    return 'bound';
  }

  /** A session has ended. */
  unbind(owner: BindOwner, session: number): void {
    const known = this.#find(owner);
    const row = known?.rows.get(session);
    if (!known || !row) return;
    known.rows.delete(session);
    if (!known.late) this.#count(row, -1);
  }

  /** Binds of an account that count now; of one type, or all. */
  count(account: string, type?: BindType): number {
    const counts = this.#counts.get(account);
    if (!counts) return 0;
    return type === undefined ? counts.transmitter + counts.receiver + counts.transceiver : counts[type];
  }

  #find(owner: BindOwner): OwnerRows | undefined {
    const known = this.#owners.get(keyOf(owner));
    return known?.epoch === owner.epoch ? known : undefined;
  }

  #drop(owner: OwnerRows): void {
    if (!owner.late) for (const row of owner.rows.values()) this.#count(row, -1);
    owner.rows.clear();
  }

  #count({ account, type }: Row, by: number): void {
    let counts = this.#counts.get(account);
    if (!counts) this.#counts.set(account, (counts = { transmitter: 0, receiver: 0, transceiver: 0 }));
    counts[type] += by;
    if (by < 0 && counts.transmitter + counts.receiver + counts.transceiver === 0) this.#counts.delete(account);
  }
}

const keyOf = (owner: BindOwner): string => `${owner.node}/${owner.worker}`;
