import { NodePlace, type NodeProcess } from '../harness/node-process.ts';
import { loadNode, type NodeRun } from '../harness/node-run.ts';
import { warningsOf } from '../harness/pairs.ts';
import { runRelay } from '../harness/relay.ts';
import { median, shown } from '../harness/stats.ts';
import type { Bench, Scenario } from '../scenario.ts';

const SECONDS = 60;
/** More than any node here moves in that time: memory of the generator, 60 octets each when they are used. */
const MOST = 12_000_000;
/** Messages the relay gets: ten seconds of it. */
const RELAY_COUNT = 2_000_000;
/** A chunk of the archive: between two looks the outbox differs by as much without growing. */
const CHUNK = 16_384;
const LOOK_MS = 500;
/** Looks this far from a moment are one figure. */
const NEAR_SECONDS = 2.5;

interface Look {
  /** Since the load began. */
  readonly seconds: number;
  /** Settled and not yet archived; queued or waiting for a receipt. */
  readonly outbox: number;
  readonly messages: number;
  readonly memoryMb: number;
}

interface HeldRun extends NodeRun {
  readonly looks: readonly Look[];
  readonly outboxAt30: number;
  readonly outboxAtEnd: number;
}

export const scenario: Scenario = {
  title: `the load of P1 held for ${SECONDS} s with the archive keeping up, against the bare relay`,
  runs: 1,
  count: MOST,
  doesNotSay: ['what an hour of it does to memory and disk', 'how fast the archive could be alone'],
  run: async bench => {
    const runs: HeldRun[] = [];
    const relays: Awaited<ReturnType<typeof runRelay>>[] = [];
    for (let run = 0; run < bench.runs; run++) {
      bench.note(`run ${run + 1} of ${bench.runs}: bare relay, ${RELAY_COUNT} messages; node, ${SECONDS} s`);
      if (run % 2 === 0) relays.push(await runRelay(RELAY_COUNT));
      runs.push(await held(bench));
      if (run % 2 === 1) relays.push(await runRelay(RELAY_COUNT));
    }
    const behind = runs
      .filter(run => run.outboxAtEnd > run.outboxAt30 + CHUNK)
      .map(run => `the outbox grew from ${shown(run.outboxAt30)} at 30 s to ${shown(run.outboxAtEnd)} at ${SECONDS} s`);
    const row = {
      goal: 'P15' as const,
      values: runs.map(({ load }, i) => load.dlr_per_s / relays[i]!.load.dlr_per_s),
      details: runs.map(
        ({ load, outboxAt30, outboxAtEnd, memoryMb, cpuUsPerMessage, databaseUsPerMessage }, i) =>
          `${shown(load.dlr_per_s)}/s of ${shown(relays[i]!.load.dlr_per_s)}/s, ${shown(load.dlr)} messages; outbox ${shown(outboxAt30)} at 30 s, ` +
          `${shown(outboxAtEnd)} at the end; ${memoryMb} MB; CPU ${shown(cpuUsPerMessage)} µs, database ${shown(databaseUsPerMessage)} µs`,
      ),
      problems: [...runs.flatMap(run => run.problems), ...relays.flatMap(relay => relay.problems), ...behind],
    };
    return {
      rows: [row],
      checks: [],
      facts: [],
      raw: [...runs, ...relays],
      warnings: warningsOf([...runs, ...relays]),
    };
  },
};

async function held(bench: Bench): Promise<HeldRun> {
  using place = await NodePlace.make(bench);
  await using node = place.start();
  await node.up({ archive: true });
  const watch = new Watch(node);
  try {
    const run = await loadNode(node, place, { count: bench.count, seconds: SECONDS }, { archived: true });
    const outboxAt30 = watch.outboxAt(SECONDS / 2);
    return { ...run, looks: watch.looks, outboxAt30, outboxAtEnd: watch.outboxAt(SECONDS - NEAR_SECONDS) };
  } finally {
    watch.stop();
  }
}

/** Looks at the node's own status until stopped; the clock starts with its first message. */
class Watch {
  readonly looks: Look[] = [];
  readonly #node: NodeProcess;
  readonly #timer: NodeJS.Timeout;
  #startedAt = 0;
  #looking = false;

  constructor(node: NodeProcess) {
    this.#node = node;
    // A node that does not answer is seen by whoever waits for the load.
    this.#timer = setInterval(() => void this.#look().catch(() => (this.#looking = false)), LOOK_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** The outbox about then, messages. */
  outboxAt(second: number): number {
    return median(this.looks.filter(look => Math.abs(look.seconds - second) <= NEAR_SECONDS).map(look => look.outbox));
  }

  async #look(): Promise<void> {
    if (this.#looking) return;
    this.#looking = true;
    const at = performance.now();
    const { archive, messages, store } = await this.#node.status();
    this.#looking = false;
    if (this.#startedAt === 0 && messages.accepted > 0) this.#startedAt = at;
    if (this.#startedAt === 0) return;
    const seconds = (at - this.#startedAt) / 1000;
    const memoryMb = this.#node.anonymousMb();
    this.looks.push({ seconds, outbox: archive.behind, messages: store.messages, memoryMb });
  }
}
