import { ActorSystem } from '../runtime/actor-system.ts';
import type { ActorRef } from '../runtime/actor.ts';
import type { Timer } from '../runtime/timers.ts';
import { DuplicateFilter } from './accounts/duplicate-filter.ts';
import { DuplicateTable } from './accounts/duplicate-table.ts';
import { Admission } from './batch/admission.ts';
import { BatchActor, type BatchMessage, type Waiting } from './batch/batch-actor.ts';
import { Intake } from './batch/intake.ts';
import type { IntakeMessage } from './batch/intake-deps.ts';
import { NumberSource } from './batch/number-source.ts';
import { BindActor, type BindDeps, type BindMessage, type BindSettings } from './bind/bind-actor.ts';
import { EndedMessages } from './ended-messages.ts';
import { Recent } from './batch/recent.ts';
import { Gatherer, type GathererMessage } from './long/gatherer.ts';
import { queueOf } from './long/queue.ts';
import type { Shape } from './long/shape.ts';
import type { Wrap } from './long/wrap.ts';
import { Kind } from './message/record.ts';
import type { LedgerFrame } from './ports.ts';
import { Pusher } from './push/pusher.ts';
import { NO_DEFAULTS, type PushDefaults } from './push/pushes.ts';
import { isPushQueue } from './push/push-request.ts';
import { Elsewhere } from './receipt/elsewhere.ts';
import type { HoldBack } from './receipt/hold-back.ts';
import { ReceiptDesk, type ReceiptMessage } from './receipt/receipt-desk.ts';
import { NO_WORDS, type ErrorWords } from './receipt/receipt-batch.ts';
import { pushAgain, type RepushedReceipt } from './receipt/repush.ts';
import { Avoided } from './route/avoided.ts';
import { Deliveries } from './route/delivery.ts';
import type { OutcomeDeps } from './route/outcomes.ts';
import { FallbackChains } from './route/fallback.ts';
import { Mover } from './route/mover.ts';
import { RouteActor, type RouteMessage } from './route/route-actor.ts';
import { Settler, type SettlerMessage } from './route/settler.ts';
import type { TrafficDeps } from './traffic-deps.ts';
import { newCounters, pushCounters } from './traffic-counters.ts';
import { CompiledTable } from './routing/compiled.ts';
import type { RouteSenders } from './routing/number-rules.ts';

interface Route {
  readonly ref: ActorRef<RouteMessage>;
  actor: RouteActor;
  readonly wake: Timer;
}

const SECOND_MS = 1000;
const FOREVER = 2 ** 30;

/** All actors of one worker thread, and how they are wired. */
export class Traffic {
  readonly #deps: TrafficDeps;
  readonly #system: ActorSystem;
  readonly #numbers: NumberSource;
  readonly #deliveries = new Deliveries();
  readonly #fallbacks = new FallbackChains();
  readonly #mover: Mover;
  /** Destinations that new messages, and those that wait, go past where they can. */
  readonly avoided = new Avoided((all, away) => {
    this.#intake.detour.avoid(all);
    this.#fallbacks.avoid(all);
    this.#mover.use(away);
  });
  readonly #routes = new Map<string, Route>();
  /** By carrier. */
  readonly #heldBack = new Map<string, HoldBack | undefined>();
  readonly #second: Timer;
  readonly #intakeRef: ActorRef<IntakeMessage>;
  readonly #deskRef: ActorRef<ReceiptMessage>;
  readonly #gathererRef: ActorRef<GathererMessage>;
  /** Queues that this worker gathers from, and their partitions. */
  #gathered: ReadonlyMap<string, number>;
  #gatherer!: Gatherer;
  #settler!: Settler;
  #intake!: Intake;
  #desk!: ReceiptDesk;
  readonly #pusher: Pusher | undefined;
  /** What the routes of push queues count: receipts, not messages. */
  readonly #pushed: OutcomeDeps['counters'];
  #batches = 0;
  readonly #recent = new Recent();
  #words = NO_WORDS;
  #pushes = NO_DEFAULTS;
  #binds = 0;
  #sweeping = false;
  readonly #ended: EndedMessages;
  #stopped = false;
  readonly counters = newCounters();
  /** How much is taken from ESMEs. */
  readonly admission: Admission;

  constructor(deps: TrafficDeps) {
    this.#deps = deps;
    const { clock, timers, store, settings, random } = deps;
    const now = deps.turnClock.nowMs;
    const monotonic = (): number => clock.monotonicMs();
    const failed = (error: unknown): void => this.#failed(error);
    this.#system = new ActorSystem({
      name: deps.name,
      clock,
      timers,
      // The actors of a worker share its messages: when one of them has thrown, the thread begins anew.
      intensity: { maxRestarts: 0, periodMs: SECOND_MS },
      escalate: failed,
    });
    this.#numbers = new NumberSource(store, () => this.#intake.numbersCame(), failed);
    this.#system.spawn<SettlerMessage>({
      ...permanent('settler'),
      create: self => (this.#settler = new Settler({ store, receiptsDue: () => this.#desk.isDue, failed, self })),
    });
    this.#intakeRef = this.#system.spawn<IntakeMessage>({
      ...permanent('intake'),
      create: self =>
        (this.#intake = new Intake({
          self,
          numbers: this.#numbers,
          settings: settings.intake,
          now,
          monotonic,
          random,
          partitions: deps.partitions.all,
          looped: (from, to) => {
            this.counters.looped++;
            deps.looped(from, to);
          },
          duplicates: new DuplicateFilter(new DuplicateTable(deps.duplicates), () => this.counters.duplicates++),
          commit: (batch, waiting, since, ledger) => {
            this.#recent.add(batch);
            this.#commit(batch, waiting, ledger.length > 0, ledger, () => {
              this.#intake.ended();
              deps.committed(monotonic() - since);
            });
          },
          reply: deps.reply,
        })),
    });
    const soon = timers.timer(() => this.#deskRef.tell({ type: 'woken' }));
    this.#deskRef = this.#system.spawn<ReceiptMessage>({
      ...permanent('receipt desk'),
      create: self =>
        (this.#desk = new ReceiptDesk({
          self,
          store,
          settler: this.#settler,
          numbers: this.#numbers,
          deliveries: this.#deliveries,
          elsewhere: new Elsewhere({
            settler: this.#settler,
            fallbacks: this.#fallbacks,
            holdBack: carrier => this.#holdBack(carrier),
            now,
          }),
          settings: settings.receipts,
          counters: this.counters,
          now,
          monotonic,
          wake: ms => soon.start(ms),
          commit: (batch, waiting, ledger) => this.#commit(batch, waiting, true, ledger, () => this.#desk.ended()),
          failed,
        })),
    });
    this.#gathered = gatheredQueues(deps.partitions.own);
    this.#gathererRef = this.#system.spawn<GathererMessage>({
      ...permanent('gatherer'),
      create: self =>
        (this.#gatherer = new Gatherer({
          self,
          store,
          deliveries: this.#deliveries,
          settler: this.#settler,
          desk: this.#desk,
          intake: this.#intake,
          own: deps.partitions.own,
          settings: settings.gathering,
          counters: this.counters,
          now,
          monotonic,
          failed,
        })),
    });
    this.#ended = new EndedMessages({
      store,
      deliveries: this.#deliveries,
      receipts: this.#desk,
      gatherer: this.#gatherer,
    });
    this.#second = timers.timer(() => this.#everySecond());
    const { counters } = this;
    this.#pushed = pushCounters(counters);
    this.#pusher =
      deps.push &&
      new Pusher({
        client: deps.push.client,
        settings: { ...settings.push, index: deps.push.index },
        timers,
        monotonic,
        stats: () => store.stats(),
        route: queue => {
          const { ref, actor } = this.#route(queue);
          return { actor, tell: message => ref.tell(message) };
        },
        drop: queue => this.#drop(queue),
        changed: deps.push.changed,
        failed,
      });
    this.admission = new Admission({ ...deps, monotonic }, look => timers.timer(look));
    this.#mover = new Mover({ store, fallbacks: this.#fallbacks, timers, counters, now, monotonic, failed });
  }

  /** Takes its first batch numbers. */
  async start(): Promise<void> {
    await this.#numbers.start();
    this.#second.start(SECOND_MS);
  }

  get intake(): Intake {
    return this.#intake;
  }

  /** Sessions that are bound. */
  get binds(): number {
    return this.#binds;
  }

  /** Parts of long messages that wait for the others. */
  get waitingParts(): number {
    return this.#gatherer.waiting;
  }

  /** Receipts that wait for the id they name. */
  get orphans(): number {
    return this.#desk.orphans;
  }

  /** They do so no longer. @returns how many there were */
  flushOrphans(): number {
    this.#deskRef.tell({ type: 'flush' });
    return this.orphans;
  }

  /** Ids of the latest messages accepted here, newest first. */
  get recent(): readonly number[] {
    return this.#recent.ids;
  }

  /** The routing table from the next batch on. */
  useTable(memory: SharedArrayBuffer, senders: RouteSenders): void {
    const table = new CompiledTable(memory);
    this.#fallbacks.useTable(table);
    this.#mover.changed();
    this.#intakeRef.tell({ type: 'table', table, senders });
  }

  /** What destinations want of their messages, and accounts have them sent with, from the next one on. */
  useShapes(shapes: ReadonlyMap<string, Shape>, wraps: ReadonlyMap<string, Wrap>): void {
    this.#intake.shaper.useShapes(shapes);
    this.#intake.shaper.useWraps(wraps);
  }

  /** Where accounts' messages go that no route takes, and which destinations are carriers. */
  useDestinations(defaults: ReadonlyMap<string, string>, carriers: ReadonlySet<string>): void {
    this.#intake.useDefaults(defaults);
    this.admission.useCarriers(carriers);
    this.#intake.onward.useCarriers(carriers);
  }

  /** How accounts want errors of their receipts told. */
  useErrorWords(words: ErrorWords): void {
    this.#words = words;
    this.#desk.useWords(words);
  }

  /** Which accounts are told of their messages by HTTP. */
  usePushes(defaults: PushDefaults): void {
    this.#pushes = defaults;
    this.#desk.usePushes(defaults);
  }

  /** The destinations have other settings: every route looks them up again. */
  settingsChanged(): void {
    this.#heldBack.clear();
    for (const [destination, { ref }] of this.#routes) {
      ref.tell({ type: 'settings', settings: this.#deps.routeSettings(destination) });
    }
  }

  /** Somebody's tenure of a stripe is over: what was claimed in it is void. */
  lapsed(): void {
    for (const { ref } of this.#routes.values()) ref.tell({ type: 'lapsed' });
  }

  /** What might not be sent, since its stripe might have been another's (`Tenure.holds`), may be sent again. */
  resumed(): void {
    for (const { ref } of this.#routes.values()) ref.tell({ type: 'resumed' });
  }

  /** Another worker is to have these stripes: what was claimed from them and is not sent yet is given back. */
  giveBack(stripes: readonly number[]): void {
    for (const { ref } of this.#routes.values()) ref.tell({ type: 'give-back', stripes });
  }

  /** This worker has other stripes than before: numbers come from the first of them, and it gathers these partitions. */
  moved(own: readonly number[]): void {
    this.#numbers.renew();
    this.#gathered = gatheredQueues(own);
    this.#gathererRef.tell({ type: 'partitions', own });
  }

  /** These queues have something ready. */
  ready(destinations: readonly string[]): void {
    for (const destination of destinations) {
      const partition = this.#gathered.get(destination);
      if (partition === undefined) {
        if (isPushQueue(destination)) this.#pusher?.ready(destination);
        this.#routes.get(destination)?.ref.tell(READY);
      } else this.#gathererRef.tell({ type: 'ready', partition });
    }
  }

  /**
   * Starts the actor of a session that has been bound.
   *
   * @param destination the queue its peer takes messages from, '' when it takes none
   */
  bind(destination: string, settings: BindSettings, make: Pick<BindDeps, 'wire' | 'source' | 'rate'>): BindActor {
    const route = destination === '' ? undefined : this.#route(destination);
    let actor: BindActor | undefined;
    this.#binds++;
    this.#system.spawn<BindMessage>({
      name: 'bind',
      capacity: 4,
      restart: 'temporary',
      shutdownMs: SECOND_MS,
      create: self => {
        actor = new BindActor(
          {
            ...make,
            self,
            intake: this.#intake,
            receipts: this.#desk,
            deliveries: this.#deliveries,
            route: route && { actor: route.actor, tell: message => route.ref.tell(message) },
            now: this.#deps.turnClock.nowMs,
            monotonic: () => this.#deps.clock.monotonicMs(),
            counters: this.counters,
            answered: ms => this.#deps.answered(make.source.kind === Kind.mo ? 'carrier' : 'account', ms),
            gone: () => this.#binds--,
          },
          settings,
        );
        return actor;
      },
    });
    return actor!;
  }

  /** Puts receipts into the queue of their account once more. @returns why they were not taken; '' when they were */
  pushAgain(account: string, receipts: readonly RepushedReceipt[]): Promise<string> {
    const { store, clock, settings } = this.#deps;
    const { validityMs } = settings.receipts;
    const push = this.#pushes.get(account);
    return pushAgain(account, receipts, store, this.#numbers, clock.nowMs(), validityMs, this.#words, push);
  }

  /** Refuses new messages; what was taken goes on. */
  drain(): void {
    this.#intake.drain();
    this.#mover.stop();
    this.#pusher?.stop();
  }

  /** True while a message of this worker is not settled or a batch not committed. */
  get busy(): boolean {
    const held = this.#batches + this.#deliveries.size + this.#intake.open;
    return held > 0 || this.#settler.busy || this.#desk.busy || this.#gatherer.busy || this.#mover.busy;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#second.cancel();
    this.admission.stop();
    this.#mover.stop();
    this.#pusher?.stop();
    await this.#system.stop();
  }

  /** Kept: settings are asked for at a change, not for each receipt. */
  #holdBack(carrier: string): HoldBack | undefined {
    if (!this.#heldBack.has(carrier)) this.#heldBack.set(carrier, this.#deps.routeSettings(carrier).holdBack);
    return this.#heldBack.get(carrier);
  }

  #route(destination: string): Route {
    let route = this.#routes.get(destination);
    if (route) return route;
    const { clock, turnClock, store, settings } = this.#deps;
    const isPush = isPushQueue(destination);
    let actor: RouteActor | undefined;
    const wake = this.#deps.timers.timer(() => ref.tell({ type: 'woken' }));
    const ref = this.#system.spawn<RouteMessage>({
      ...permanent(`route ${destination}`),
      create: self =>
        (actor = new RouteActor(
          {
            destination,
            store,
            deliveries: this.#deliveries,
            settler: this.#settler,
            receipts: this.#desk,
            fallbacks: this.#fallbacks,
            retry: isPush ? settings.push.retry : settings.retry,
            now: turnClock.nowMs,
            monotonic: () => clock.monotonicMs(),
            counters: isPush ? this.#pushed : this.counters,
            wake: ms => wake.start(ms),
            failed: error => this.#failed(error),
            self,
          },
          this.#deps.routeSettings(destination),
        )),
    });
    route = { ref, actor: actor!, wake };
    this.#routes.set(destination, route);
    return route;
  }

  /** A route that nothing comes to any more. */
  #drop(destination: string): void {
    const route = this.#routes.get(destination);
    this.#routes.delete(destination);
    route?.wake.cancel();
    void route?.ref.stop();
  }

  #commit(batch: Buffer, waiting: Waiting, exempt: boolean, ledger: readonly LedgerFrame[], ended: () => void): void {
    this.#batches++;
    this.#system.spawn<BatchMessage>({
      name: 'batch',
      capacity: 4,
      restart: 'permanent',
      shutdownMs: SECOND_MS,
      create: self =>
        new BatchActor(
          self,
          {
            store: this.#deps.store,
            deliveries: this.#deliveries,
            takes: destination => this.#routes.get(destination)?.actor.takes() ?? false,
            route: destination => this.#route(destination).ref,
            ended: () => {
              this.#batches--;
              ended();
            },
            failed: error => this.#failed(error),
          },
          batch,
          waiting,
          exempt,
          ledger,
        ),
    });
  }

  #everySecond(): void {
    this.#second.start(SECOND_MS);
    this.#deskRef.tell(TICK);
    this.#gathererRef.tell(TICK);
    this.#pusher?.tick();
    if (!this.#sweeping) {
      this.#sweeping = true;
      this.#ended.conclude().then(
        () => (this.#sweeping = false),
        (error: unknown) => this.#failed(error),
      );
    }
  }

  #failed(error: unknown): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#deps.failed(error);
  }
}

const gatheredQueues = (own: readonly number[]): ReadonlyMap<string, number> =>
  new Map(own.map(partition => [queueOf(partition), partition]));

const READY: RouteMessage = { type: 'ready' };
const TICK = { type: 'tick' } as const;

/** One of the few actors that all the others of the thread depend on. */
const permanent = (name: string) =>
  ({ name, capacity: FOREVER, restart: 'permanent', shutdownMs: SECOND_MS, perTurn: 4096 }) as const;
