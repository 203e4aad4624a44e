/**
 * Which node has which of the carriers' slots. A carrier with `binds: 4` has four in the whole cluster, each a session (two
 * where it binds separately). Pure: every node looks at the same table and comes to the same conclusion, so that hardly
 * ever two want the same slot; the lease decides between them where they do.
 *
 * Even for each carrier, then over all of them, and nothing moves without need: a slot changes hands when its node is gone,
 * or when another has two fewer.
 */
export interface SlotView {
  /** Its lease, unique in the cluster. */
  readonly slot: string;
  readonly carrier: string;
  /** '': nobody. One that is gone, or was seen still for too long, is nobody. */
  readonly owner: string;
}

export interface SlotDecision {
  /** Nobody's, and to be ours. */
  readonly take: readonly string[];
  /** Ours, and to be another's: its session ends in good order first. */
  readonly give: string | undefined;
}

const NOTHING: SlotDecision = { take: [], give: undefined };

/**
 * @param nodes those that open sessions: alive and not draining
 * @param leaving slots that are being given up already
 */
export function decideSlots(
  slots: readonly SlotView[],
  nodes: readonly string[],
  me: string,
  leaving: ReadonlySet<string>,
): SlotDecision {
  const live = [...new Set(nodes)].sort();
  if (!live.includes(me)) return NOTHING;
  const loads = new Loads(live);
  for (const { carrier, owner } of slots) loads.add(carrier, owner);
  const free = slots.filter(({ owner }) => owner === '').sort((a, b) => (a.slot < b.slot ? -1 : 1));
  const take: string[] = [];
  for (const { slot, carrier } of free) {
    const node = loads.lightest(carrier);
    loads.add(carrier, node);
    if (node === me) take.push(slot);
  }
  // One at a time in the whole cluster: what is on its way is part of the next decision.
  const isSettled = free.length === 0 && leaving.size === 0;
  return { take, give: isSettled ? surplus(slots, loads, me) : undefined };
}

/** A slot of ours that another node should have, if we are the one to give. */
function surplus(slots: readonly SlotView[], loads: Loads, me: string): string | undefined {
  const carriers = [...new Set(slots.map(({ carrier }) => carrier))].sort();
  for (const carrier of carriers) {
    const [lightest, heaviest] = [loads.lightest(carrier), loads.heaviest(carrier)];
    if (loads.of(carrier, heaviest) - loads.of(carrier, lightest) < 2) continue;
    return heaviest === me ? lastOf(slots, carrier, me) : undefined;
  }
  // Each carrier is even; now those with an odd one: a slot may move to a node that has one fewer of that carrier.
  for (const carrier of carriers) {
    const [lightest, heaviest] = [loads.lightest(carrier), loads.heaviest(carrier)];
    const moves = loads.of(carrier, heaviest) - loads.of(carrier, lightest) === 1;
    if (!moves || loads.total(heaviest) - loads.total(lightest) < 2) continue;
    return heaviest === me ? lastOf(slots, carrier, me) : undefined;
  }
  return undefined;
}

function lastOf(slots: readonly SlotView[], carrier: string, me: string): string | undefined {
  const own = slots.filter(slot => slot.carrier === carrier && slot.owner === me).map(({ slot }) => slot);
  return own.sort().at(-1);
}

/** How many slots each node has, of each carrier and in all. */
class Loads {
  readonly #nodes: readonly string[];
  readonly #counts = new Map<string, number>();

  constructor(nodes: readonly string[]) {
    this.#nodes = nodes;
  }

  add(carrier: string, node: string): void {
    for (const key of [node, `${carrier}\0${node}`]) this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
  }

  of(carrier: string, node: string): number {
    return this.#counts.get(`${carrier}\0${node}`) ?? 0;
  }

  total(node: string): number {
    return this.#counts.get(node) ?? 0;
  }

  /** With the fewest of this carrier, of those the one with the fewest of all. */
  lightest(carrier: string): string {
    return this.#first((a, b) => this.#compare(carrier, a, b));
  }

  heaviest(carrier: string): string {
    return this.#first((a, b) => this.#compare(carrier, b, a));
  }

  #compare(carrier: string, a: string, b: string): number {
    return this.of(carrier, a) - this.of(carrier, b) || this.total(a) - this.total(b);
  }

  #first(compare: (a: string, b: string) => number): string {
    return this.#nodes.reduce((best, node) => (compare(node, best) < 0 ? node : best));
  }
}
