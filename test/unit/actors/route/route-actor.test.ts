import { expect, test } from 'vitest';
import type { Claimed, Tenure } from '../../../../actors/ports.ts';
import { Deliveries, type Delivery } from '../../../../actors/route/delivery.ts';
import { NO_ERROR_RULES, type RouteSettings } from '../../../../actors/route/outcomes.ts';
import { RouteActor, type Outlet, type RouteDeps, type RouteMessage } from '../../../../actors/route/route-actor.ts';
import { batchOf } from '../../../support/batches.ts';

const SETTINGS: RouteSettings = {
  kind: 'carrier',
  throughput: 0,
  throttleMs: 0,
  noAnswer: 'retry',
  errors: NO_ERROR_RULES,
  holdBack: undefined,
  onePerNumber: false,
};

/** A route with one session that takes all it is given. */
class Route {
  readonly sent: number[] = [];
  readonly asked: number[] = [];
  readonly #actor: RouteActor;

  constructor() {
    const deps: Partial<RouteDeps> = {
      destination: 'sink',
      deliveries: new Deliveries(),
      now: () => 1_000_000,
      monotonic: () => 0,
      store: {
        claim: (_, max) => {
          this.asked.push(max);
          return new Promise<never>(() => undefined);
        },
      },
    };
    this.#actor = new RouteActor(deps as RouteDeps, SETTINGS);
    const outlet: Partial<Outlet> = {
      window: 100,
      room: () => 100,
      roomSeen: () => undefined,
      send: (delivery: Delivery) => this.sent.push(delivery.batch.number),
    };
    this.tell({ type: 'outlet-up', outlet: outlet as Outlet });
  }

  /** Each in a turn of its own. */
  tell(...messages: readonly RouteMessage[]): void {
    for (const message of messages) this.#actor.receive(message);
    this.#actor.turnEnd();
  }
}

const tenure = (holds = true): { holds: boolean; isOver: boolean } => ({ holds, isOver: false });

function claimed(number: number, of: Tenure, count = 1): RouteMessage {
  const claim: Claimed = { batch: batchOf(number, count), attempts: new Uint8Array(0), count, tenure: of };
  return { type: 'claimed', claimed: [claim] };
}

test('what was claimed from a stripe that has gone is dropped; what its next owner has given already is not', () => {
  const route = new Route();
  const [before, after] = [tenure(false), tenure(false)];
  route.tell(claimed(16, before), claimed(32, after));
  expect(route.sent).toEqual([]);
  // The loser hears of it last: by then the next owner has given messages of the same stripe.
  before.isOver = true;
  route.tell({ type: 'lapsed' });
  after.holds = true;
  route.tell({ type: 'resumed' });
  expect(route.sent).toEqual([32]);
});

test('what may not be sent is not counted against what is claimed', () => {
  const route = new Route();
  route.tell(claimed(16, tenure(false), 200));
  expect(route.asked).toEqual([356, 356]);
});
