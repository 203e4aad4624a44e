import {
  bindId,
  ControlError,
  type CarrierBindInfo,
  type CarrierInfo,
  type SessionInfo,
} from '../actors/node-control.ts';
import { checkSeedData } from '../adapters/config/load.ts';
import { formatProblem } from '../adapters/config/problems.ts';
import type { CarrierSettings, Seed } from '../adapters/config/schema.ts';
import type { LiveConfiguration } from './live-configuration.ts';
import type { WorkerSession } from './worker-messages.ts';
import { demandUnused } from './whose-destination.ts';

export interface CarrierControlDeps {
  readonly configuration: () => LiveConfiguration;
  /** Of all workers, those with carriers among them. */
  readonly sessions: () => Promise<readonly WorkerSession[]>;
  /** Upserts, durably, and has all workers take it over. */
  readonly take: (seed: Seed) => Promise<void>;
  /** A carrier is gone: all workers let go of it. */
  readonly changed: () => Promise<void>;
}

/** Carriers of a running node: shown, changed, started, stopped and taken out. */
export class CarrierControl {
  readonly #deps: CarrierControlDeps;

  constructor(deps: CarrierControlDeps) {
    this.#deps = deps;
  }

  async list(): Promise<CarrierInfo[]> {
    const sessions = await this.#deps.sessions();
    return this.#deps.configuration().live.carriers.map(carrier => carrierInfo(carrier, sessions));
  }

  /** @throws ControlError `not-found`, `invalid` with every problem in `details` */
  async change(name: string, changes: unknown): Promise<CarrierInfo> {
    const configuration = this.#deps.configuration();
    const known = this.#find(name);
    const password = known.protocol === 'smpp' ? { password: configuration.passwordOf(known) } : {};
    const whole = { ...known, ...password, ...(changes as object), name };
    const { seed, problems } = checkSeedData({ carriers: [whole] }, 'carriers', new Set(configuration.names()));
    if (!seed) throw new ControlError('invalid', 'nothing was changed', problems.map(formatProblem));
    await this.#deps.take(seed);
    return carrierInfo(this.#find(name), await this.#deps.sessions());
  }

  /** One bind is opened or closed, and stays so. @throws ControlError `not-found` */
  switchBind(name: string, slot: number, isStarted: boolean): Promise<CarrierInfo> {
    const carrier = this.#find(name);
    if (carrier.protocol !== 'smpp') throw new ControlError('invalid', `${name} is simulated: its binds go together`);
    if (slot > carrier.binds) {
      throw new ControlError('not-found', `${name} has ${carrier.binds} binds: no ${bindId(name, slot)}`);
    }
    const others = carrier.stopped_binds.filter(each => each !== slot);
    return this.change(name, { stopped_binds: isStarted ? others : [...others, slot].sort((a, b) => a - b) });
  }

  /** @throws ControlError `not-found`, `conflict` while a route names it */
  async remove(name: string): Promise<void> {
    this.#find(name);
    demandUnused(this.#deps.configuration().live, name);
    await this.#deps.configuration().removeCarrier(name);
    await this.#deps.changed();
  }

  #find(name: string): CarrierSettings {
    const carrier = this.#deps.configuration().live.carriers.find(each => each.name === name);
    if (!carrier) throw new ControlError('not-found', `no carrier is called ${name}`);
    return carrier;
  }
}

/** @param sessions of all workers */
export function carrierInfo(carrier: CarrierSettings, sessions: readonly WorkerSession[]): CarrierInfo {
  const { name, protocol, enabled, description, window, throughput } = carrier;
  const own = sessions.filter(session => session.side === 'carrier' && session.name === name);
  const smpp = carrier.protocol === 'smpp' ? carrier : undefined;
  return {
    name,
    protocol,
    enabled,
    description,
    place: smpp ? `${smpp.host}:${smpp.port}` : '',
    bind: smpp?.bind ?? 'transceiver',
    binds: smpp?.binds ?? own.length,
    bound: own.filter(({ state }) => state.startsWith('BOUND')).length,
    sessions: own.length,
    window,
    throughput,
    reason: own.find(session => session.reason !== '')?.reason ?? '',
    each: bindsOf(carrier, own),
  };
}

function bindsOf(carrier: CarrierSettings, own: readonly WorkerSession[]): CarrierBindInfo[] {
  const count = carrier.protocol === 'smpp' ? carrier.binds : own.length;
  const stopped = carrier.protocol === 'smpp' ? carrier.stopped_binds : [];
  return Array.from({ length: count }, (_, i) => {
    const sessions = own.filter(({ id }) => id === i + 1);
    return {
      id: bindId(carrier.name, i + 1),
      started: !stopped.includes(i + 1),
      sessions: sessions.map(shownSession),
      reason: sessions.find(session => session.reason !== '')?.reason ?? '',
    };
  });
}

export function shownSession(session: WorkerSession): SessionInfo {
  const { used, size, version, reason: _, ...rest } = session;
  const shownVersion = version === 0 ? '' : `${version >>> 4}.${version & 0x0f}`;
  return { ...rest, window: { used, size }, version: shownVersion };
}
