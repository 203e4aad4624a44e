import { systemClock } from '../runtime/clock.ts';
import { turnClock } from '../runtime/loop-clock.ts';
import { RepeatLimiter, type Logger } from '../runtime/log.ts';
import type { Timers } from '../runtime/timers.ts';
import { Source } from '../actors/batch/source.ts';
import type { BindActor, BindSettings } from '../actors/bind/bind-actor.ts';
import { ReceiptIds } from '../actors/message/correlation-key.ts';
import { ArchiveMode, Kind } from '../actors/message/record.ts';
import type { StoreStats } from '../actors/ports.ts';
import type { RouteSettings } from '../actors/route/outcomes.ts';
import { bindId } from '../actors/node-control.ts';
import type { Traffic } from '../actors/traffic.ts';
import { AS_IT_IS } from '../adapters/smpp/addressing.ts';
import { CarrierLink, type LinkSettings, type LinkTarget } from '../adapters/smpp/carrier-link.ts';
import type { CarrierSession } from '../adapters/smpp/carrier-session.ts';
import { statusOf } from '../adapters/smpp/codec/command-status.ts';
import type { MessageWriter } from '../adapters/smpp/mapping.ts';
import type { Gate } from '../adapters/smpp/output.ts';
import { formFor, withTexts } from './texts.ts';
import { Overload, type Marks } from './overload.ts';
import type { WorkerCarrier, WorkerSession } from './worker-messages.ts';

export interface WorkerCarriersDeps {
  readonly traffic: Traffic;
  readonly writer: MessageWriter;
  readonly timers: Timers;
  readonly log: Logger;
  readonly stats: () => Promise<StoreStats>;
  /** The right that sessions live by which have a lease. */
  readonly gate: (lease: number) => Gate;
  /** No session lives by this lease any more. */
  readonly leaseOver: (lease: number) => void;
  /** So many sessions here take messages for this carrier, another number than before. */
  readonly bound: (carrier: string, count: number) => void;
  /** What a session that is taken away gets to finish what is in flight, ms. */
  readonly drainMs: number;
}

interface CarrierHere {
  settings: WorkerCarrier;
  links: CarrierLink[];
}

/** Most requests of a carrier that may wait for our answer: receipts come in bursts. */
const RECEIVE_WINDOW = 5000;
const UNLIMITED = { take: (count: number): number => count };
const FLUSH_MS = 1000;

/** This worker's sessions with carriers. */
export class WorkerCarriers {
  readonly #deps: WorkerCarriersDeps;
  readonly #carriers = new Map<string, CarrierHere>();
  /** A carrier that cannot be reached says so once a minute, not at every attempt. */
  readonly #limiter: RepeatLimiter;
  readonly #overload: Overload;
  /** By lease: links that live by it, those that are ending among them. */
  readonly #byLease = new Map<number, number>();
  /** By carrier: links that are bound and take messages. */
  readonly #bound = new Map<string, Set<LinkTarget>>();

  constructor(deps: WorkerCarriersDeps) {
    this.#deps = deps;
    this.#limiter = new RepeatLimiter(deps.log);
    const timer = deps.timers.timer(() => {
      this.#limiter.flush(systemClock.monotonicMs());
      timer.start(FLUSH_MS);
    });
    timer.start(FLUSH_MS);
    this.#overload = new Overload({
      timers: deps.timers,
      stats: deps.stats,
      changed: overloaded => deps.traffic.avoided.overloaded(overloaded),
      told: (carrier, isOverloaded, queued) => {
        if (isOverloaded) deps.log.warn('carrier overloaded: new messages go elsewhere', { carrier, queued });
        else deps.log.info('carrier takes new messages again', { carrier, queued });
      },
    });
  }

  /**
   * Takes over the carriers' settings. A session goes on whatever has changed but where it leads and how it was bound;
   * sessions too many go, missing ones come.
   */
  configure(carriers: readonly WorkerCarrier[]): void {
    const wanted = new Set(carriers.map(({ name }) => name));
    for (const [name, { links }] of this.#carriers) {
      if (wanted.has(name)) continue;
      for (const link of links) link.stop(this.#deps.drainMs);
      this.#carriers.delete(name);
    }
    for (const settings of carriers) {
      const here = this.#carriers.get(settings.name);
      if (here) this.#change(here, settings);
      else this.#open(settings);
    }
    this.#overload.use(
      new Map(carriers.flatMap(({ name, marks }): [string, Marks][] => (marks ? [[name, marks]] : []))),
    );
  }

  /** How the queue of this carrier is worked off; undefined when it is none of ours. */
  routeSettings(name: string): RouteSettings | undefined {
    const carrier = this.#carriers.get(name)?.settings;
    if (!carrier) return undefined;
    const { throughput, throttleMs, errors, holdBack, onePerNumber } = carrier;
    const noAnswer = carrier.noAnswer === 'reroute' ? 'elsewhere' : carrier.noAnswer === 'fail' ? 'fail' : 'retry';
    return { kind: 'carrier', throughput, throttleMs, noAnswer, errors: new Map(errors), holdBack, onePerNumber };
  }

  sessions(): WorkerSession[] {
    const sessions: WorkerSession[] = [];
    for (const { settings, links } of this.#carriers.values()) {
      for (const link of links) sessions.push(shown(settings, link));
    }
    return sessions;
  }

  drain(): void {
    for (const { links } of this.#carriers.values()) for (const link of links) link.stop(this.#deps.drainMs);
  }

  #open(settings: WorkerCarrier): void {
    // Known before its links are: the first may be bound at once.
    const here: CarrierHere = { settings, links: [] };
    this.#carriers.set(settings.name, here);
    here.links = settings.targets.map(target => this.#link(here, target));
  }

  #change(here: CarrierHere, settings: WorkerCarrier): void {
    if (JSON.stringify(settings) === JSON.stringify(here.settings)) return;
    here.settings = settings;
    const idle = [...here.links];
    here.links = settings.targets.map(target => {
      const key = JSON.stringify(target);
      const at = idle.findIndex(link => JSON.stringify(link.target) === key);
      if (at < 0) return this.#link(here, target);
      const [link] = idle.splice(at, 1);
      link!.use(linkSettings(settings));
      link!.session?.actor?.use(bindSettings(settings));
      return link!;
    });
    for (const link of idle) link.stop(this.#deps.drainMs);
  }

  #link(here: CarrierHere, target: LinkTarget): CarrierLink {
    const { writer, timers, log } = this.#deps;
    const { name } = here.settings;
    const bind = target.bind.type;
    const id = bindId(name, target.slot);
    const { lease } = target;
    if (lease !== undefined) this.#byLease.set(lease, (this.#byLease.get(lease) ?? 0) + 1);
    const link: CarrierLink = new CarrierLink(target, linkSettings(here.settings), {
      carrier: name,
      writer,
      timers,
      random: Math.random,
      now: turnClock.nowMs,
      monotonic: systemClock.monotonicMs,
      gate: lease === undefined ? undefined : this.#deps.gate(lease),
      over: () => this.#over(lease),
      bound: session => this.#bind(here.settings, session),
      changed: (state, reason, peer) => {
        const fields = { carrier: name, id, bind, peer };
        this.#count(name, target, state === 'bound');
        if (state === 'bound') log.info('carrier bound', fields);
        else if (state === 'ended') log.info('carrier unbound', { ...fields, reason });
        else this.#lost({ ...fields, reason });
      },
      traced: (direction, command, status, sequence, octets) => {
        const said = status === 0 ? {} : { status: statusOf(status).name };
        log[here.settings.pduLevel]('pdu', {
          carrier: name,
          id,
          bind,
          peer: link.peer,
          direction,
          command,
          ...said,
          sequence,
          octets,
        });
      },
    });
    return link;
  }

  /** Leases that links live by, those that are ending too. */
  get leases(): readonly number[] {
    return [...this.#byLease.keys()];
  }

  #over(lease: number | undefined): void {
    if (lease === undefined) return;
    const left = this.#byLease.get(lease)! - 1;
    if (left > 0) {
      this.#byLease.set(lease, left);
      return;
    }
    this.#byLease.delete(lease);
    this.#deps.leaseOver(lease);
  }

  /** Each link has a target of its own: it is told of before the link is made, where a file of its certificate is missing. */
  #count(carrier: string, target: LinkTarget, isBound: boolean): void {
    if (target.bind.type === 'receiver') return;
    let targets = this.#bound.get(carrier);
    if (!targets) this.#bound.set(carrier, (targets = new Set()));
    const before = targets.size;
    if (isBound) targets.add(target);
    else targets.delete(target);
    if (targets.size !== before) this.#deps.bound(carrier, targets.size);
  }

  #lost(fields: Readonly<Record<'carrier' | 'id' | 'bind' | 'peer' | 'reason', string>>): void {
    // What the operator must mend by hand, and what may mend itself.
    const level = fields.reason.startsWith(REFUSED) ? 'error' : 'warn';
    this.#limiter.log(
      systemClock.monotonicMs(),
      level,
      Object.values(fields).join('\0'),
      'carrier session lost',
      fields,
    );
  }

  /** A message goes round between these two, and was given up. */
  looped(from: string, to: string): void {
    const fields = { carrier: from, to };
    const message = 'loop between carriers: a message that went round was given up';
    this.#limiter.log(systemClock.monotonicMs(), 'warn', `loop\0${from}\0${to}`, message, fields);
  }

  #bind(carrier: WorkerCarrier, session: CarrierSession): BindActor {
    const names = { owner: carrier.name, sourceSmsc: carrier.name, sourceType: 'SMPP' };
    return this.#deps.traffic.bind(session.takesMessages ? carrier.name : '', bindSettings(carrier), {
      wire: session,
      source: withTexts(new Source(names, Kind.mo, ArchiveMode.full), carrier.texts),
      rate: UNLIMITED,
    });
  }
}

/** How the reason of a session begins whose bind was answered with an error. */
export const REFUSED = 'bind refused';

function linkSettings(carrier: WorkerCarrier): LinkSettings {
  const { name, receiptId, receiptSiblings, receiptErrors, link, texts } = carrier;
  // The one object where nothing is asked for: then there is nothing to do for each message either.
  const addressing = JSON.stringify(link.addressing) === JSON.stringify(AS_IT_IS) ? AS_IT_IS : link.addressing;
  const form = formFor(texts);
  return {
    ...link,
    addressing,
    form,
    receiptErrors: new Map(receiptErrors),
    receiptIds: new ReceiptIds(name, receiptId, receiptSiblings),
  };
}

function bindSettings({ window, noAnswer, link }: WorkerCarrier): BindSettings {
  return {
    receiveWindow: RECEIVE_WINDOW,
    sendWindow: window,
    responseTimeoutMs: link.timers.responseMs,
    overdue: noAnswer === 'wait' || noAnswer === 'reconnect' ? noAnswer : 'tell',
  };
}

function shown({ name, window }: WorkerCarrier, link: CarrierLink): WorkerSession {
  const { session, peer, reason, target } = link;
  return {
    id: target.slot,
    name,
    side: 'carrier',
    peer,
    bind: target.bind.type,
    state: session?.state ?? (reason === 'connecting' ? 'CONNECTING' : 'WAITING'),
    since: session?.since ?? 0,
    used: session?.actor ? session.actor.sending.used : 0,
    size: window,
    ...trafficOf(session?.actor, session?.version ?? 0),
    reason,
  };
}

/** What a session has carried. */
export function trafficOf(
  actor: BindActor | undefined,
  version: number,
): Pick<WorkerSession, 'version' | 'received' | 'sent' | 'load'> {
  if (!actor) return { version, received: 0, sent: 0, load: [0, 0, 0] };
  const { taken: received, given: sent, load } = actor;
  return { version, received, sent, load: [load.one, load.five, load.fifteen] };
}
