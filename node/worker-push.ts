import { systemClock } from '../runtime/clock.ts';
import { RepeatLimiter, type Logger } from '../runtime/log.ts';
import type { Fate } from '../actors/message/ledger.ts';
import type { PublicIds } from '../actors/message/id.ts';
import type { PushAnswer, PushClient, PushedReceipt } from '../actors/push/push-client.ts';
import { JASMIN_STATUS } from '../actors/push/push-outlet.ts';
import type { RouteSettings } from '../actors/route/outcomes.ts';
import type { TrafficDeps, TrafficSettings } from '../actors/traffic-deps.ts';
import { urlRules } from '../adapters/config/push-rules.ts';
import { statusOf } from '../adapters/smpp/codec/command-status.ts';
import { STATE_WORDS, stateOfFate } from '../adapters/smpp/receipt-states.ts';
import type { PushSetup } from './worker-messages.ts';

export interface WorkerPushDeps {
  readonly setup: PushSetup;
  readonly ids: PublicIds;
  /** What receipts of an account are signed with. */
  readonly secretOf: (account: string) => string;
  readonly index: number;
  readonly log: Logger;
}

/** Receipts by HTTP of this worker. What sends them is loaded with the first of them. */
export class WorkerPush implements PushClient {
  readonly #deps: WorkerPushDeps;
  readonly #limiter: RepeatLimiter;
  #client: Promise<PushClient> | undefined;

  constructor(deps: WorkerPushDeps) {
    this.#deps = deps;
    this.#limiter = new RepeatLimiter(deps.log);
  }

  /** For the worker's traffic. */
  get traffic(): NonNullable<TrafficDeps['push']> {
    return {
      client: this,
      index: this.#deps.index,
      changed: (origin, reason) => {
        this.#limiter.flush(systemClock.monotonicMs());
        const isWell = reason === '';
        const message = isWell
          ? 'receiver takes receipts again'
          : 'receiver takes no receipts: it is tried again later';
        const fields = isWell ? { receiver: origin } : { receiver: origin, reason };
        this.#limiter.log(systemClock.monotonicMs(), isWell ? 'info' : 'warn', `${origin}\0${isWell}`, message, fields);
      },
    };
  }

  async push(receipt: PushedReceipt): Promise<PushAnswer> {
    this.#client ??= this.#open();
    return (await this.#client).push(receipt);
  }

  async #open(): Promise<PushClient> {
    const [{ HttpPushClient }, { HeliographFormat }, { KannelFormat }, { JasminFormat }] = await Promise.all([
      import('../adapters/receipt-push/http-push-client.ts'),
      import('../adapters/receipt-push/heliograph-format.ts'),
      import('../adapters/receipt-push/kannel-format.ts'),
      import('../adapters/receipt-push/jasmin-format.ts'),
    ]);
    const { setup, ids, secretOf } = this.#deps;
    const { allowHttp: allow_http, hosts, networks, ...settings } = setup;
    const toPublic = (id: number): number => ids.toPublic(id);
    const heliograph = new HeliographFormat({ toPublic, secretOf, now: systemClock.nowMs });
    const kannel = new KannelFormat({ toPublic, stateWord, statusText: status => statusOf(status).text });
    const jasmin = new JasminFormat({ toPublic, stateWord, statusName: status => statusOf(status).name });
    return new HttpPushClient(
      { ...settings, rules: urlRules({ allow_http, hosts, networks }) },
      { heliograph, kannel, jasmin },
      systemClock.monotonicMs,
    );
  }
}

const stateWord = (fate: number): string => STATE_WORDS[stateOfFate(fate as Fate)];

/** How the queue of an origin is worked off: what leaves by it has arrived. */
export function pushRouteSettings(usual: RouteSettings, { push: { jasmin } }: TrafficSettings): RouteSettings {
  const { retries, delayMs } = jasmin;
  return { ...usual, kind: 'account', errors: new Map([[JASMIN_STATUS, { action: 'later', retries, delayMs }]]) };
}
