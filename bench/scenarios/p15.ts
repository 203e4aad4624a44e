import type { NodeStatus } from '../../actors/node-control.ts';
import { NodePlace, type NodeProcess } from '../harness/node-process.ts';
import { othersText, warningsOf } from '../harness/pairs.ts';
import { Elsewhere } from '../harness/processes.ts';
import { runRelay, type RelayRun } from '../harness/relay.ts';
import { problemsOfCut, startLoad, type LoadResult } from '../harness/smppload.ts';
import { median, shown } from '../harness/stats.ts';
import type { Bench, Row, Scenario } from '../scenario.ts';

const SECONDS = 60;
/** More than any node here takes in that time: memory of the generator, 60 octets each when they are used. */
const MOST = 20_000_000;
/** The generator waits so long for what is under way; a longer queue stays where it is, and is counted. */
const TAIL_SECONDS = 10;
/** Messages the relay gets: some seconds of it. */
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

interface HeldRun {
  readonly kind: 'node';
  readonly load: LoadResult;
  readonly looks: readonly Look[];
  readonly outboxAt30: number;
  readonly outboxAtEnd: number;
  /** µs a message that was delivered and receipted. */
  readonly cpuUsPerMessage: number;
  readonly databaseUsPerMessage: number;
  readonly elsewhere: number;
  readonly problems: readonly string[];
}

export const scenario: Scenario = {
  title: `the load of P1 held for ${SECONDS} s with the archive keeping up, against the bare relay`,
  runs: 1,
  count: MOST,
  doesNotSay: [
    'what an hour of it does to memory and disk',
    'how fast a message is: what is accepted faster than it leaves waits in its queue, which is long at the end',
  ],
  run: async bench => {
    const pairs: { node: HeldRun; relay: RelayRun }[] = [];
    for (let run = 0; run < bench.runs; run++) {
      bench.note(`run ${run + 1} of ${bench.runs}: bare relay, ${RELAY_COUNT} messages; node, ${SECONDS} s`);
      const relayFirst = run % 2 === 0 ? await runRelay(RELAY_COUNT) : undefined;
      const node = await held(bench);
      pairs.push({ node, relay: relayFirst ?? (await runRelay(RELAY_COUNT)) });
    }
    const warnings = warningsOf(pairs.flatMap(({ node, relay }) => [node, relay]));
    return { rows: [rowOf(pairs)], checks: [], facts: [], raw: pairs, warnings };
  },
};

function rowOf(pairs: readonly { node: HeldRun; relay: RelayRun }[]): Row {
  return {
    goal: 'P15',
    values: pairs.map(({ node, relay }) => node.load.dlr_per_s / relay.load.dlr_per_s),
    details: pairs.map(({ node, relay }) => {
      const { load, outboxAt30, outboxAtEnd, cpuUsPerMessage, databaseUsPerMessage, looks } = node;
      const last = looks.at(-1);
      return (
        `${shown(load.dlr_per_s)}/s of ${shown(relay.load.dlr_per_s)}/s; accepted ${shown(load.acked)}, receipts ${shown(load.dlr)}; ` +
        `outbox ${shown(outboxAt30)} at 30 s, ${shown(outboxAtEnd)} at the end; ${last?.memoryMb} MB; ` +
        `CPU ${shown(cpuUsPerMessage)} µs, database ${shown(databaseUsPerMessage)} µs${othersText(node, relay)}`
      );
    }),
    problems: pairs.flatMap(({ node, relay }) => [...node.problems, ...relay.problems]),
  };
}

async function held(bench: Bench): Promise<HeldRun> {
  using place = await NodePlace.make(bench);
  await using node = place.start();
  await node.up({ archive: true });
  const before = { node: node.cpuUs(), database: node.databaseCpuUs() };
  const elsewhere = new Elsewhere([node.pid]);
  using watch = new Watch(node);
  const { port, carrierPort } = place;
  const offer = { port, carrierPort, count: bench.count, seconds: SECONDS };
  const load = await startLoad({ ...offer, timeoutSeconds: SECONDS + TAIL_SECONDS }).result;
  node.assertAlive();
  const [outboxAt30, outboxAtEnd] = [watch.outboxAt(SECONDS / 2), watch.outboxAt(SECONDS - NEAR_SECONDS)];
  const problems = leftovers(load, await node.status());
  if (load.sent >= bench.count) problems.push(`${bench.count} messages were too few for ${SECONDS} s`);
  if (!(outboxAtEnd <= outboxAt30 + CHUNK)) {
    problems.push(`the outbox grew from ${shown(outboxAt30)} at 30 s to ${shown(outboxAtEnd)} at ${SECONDS} s`);
  }
  return {
    kind: 'node',
    load,
    looks: watch.looks,
    outboxAt30,
    outboxAtEnd,
    cpuUsPerMessage: (node.cpuUs() - before.node) / load.dlr,
    databaseUsPerMessage: (node.databaseCpuUs() - before.database) / load.dlr,
    elsewhere: elsewhere.share(),
    problems: problems.map(problem => `node: ${problem}`),
  };
}

/** What is neither delivered nor in a queue is lost. */
function leftovers(load: LoadResult, { queues, receipts }: NodeStatus): string[] {
  const inQueue = (name: string): number =>
    queues
      .filter(({ destination }) => destination === name)
      .reduce((sum, { ready, inFlight, parked }) => sum + ready + inFlight + parked, 0);
  const queued = inQueue('sink');
  return problemsOfCut(load, queued, queued + receipts.awaited + inQueue('load'));
}

/** Looks at the node's own status until stopped; the clock starts with its first message. */
class Watch implements Disposable {
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

  [Symbol.dispose](): void {
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
