import { ControlError, type UnbindResult } from '../../actors/node-control.ts';
import type {
  AccountInfo,
  CarrierInfo,
  MessageStory,
  NodeControl,
  NodeStatus,
  OutgoingText,
  RepushInfo,
  RepushRequest,
} from '../../actors/node-control.ts';

/** A node as its control socket shows it, in memory: what the tests of the socket and of the command line talk to. */
export class SampleControl implements NodeControl {
  readonly sent: OutgoingText[] = [];
  readonly applied: unknown[] = [];
  readonly list = new Map<string, AccountInfo>();
  readonly carrierList = new Map<string, CarrierInfo>([['sink', SAMPLE_CARRIER]]);
  /** What `message` answers, in turn; the last one stays. */
  stories: MessageStory[] = [];
  current: NodeStatus = EMPTY_STATUS;

  async status(): Promise<NodeStatus> {
    return this.current;
  }
  async names(): Promise<readonly string[]> {
    return ['sink', ...this.list.keys()];
  }
  async apply(seed: unknown): ReturnType<NodeControl['apply']> {
    this.applied.push(seed);
    const sections = seed as Record<string, readonly unknown[]>;
    const changed = Object.fromEntries(Object.entries(sections).map(([name, entries]) => [name, entries.length]));
    return { tableVersion: 4, routes: sections['routes']?.length ?? 0, changed, warnings: [] };
  }
  async drain(): ReturnType<NodeControl['drain']> {
    return { queued: 1200 };
  }
  async send(message: OutgoingText): ReturnType<NodeControl['send']> {
    if (message.to === '0') throw new ControlError('refused', 'no route to 0');
    this.sent.push(message);
    return { id: 4242, destination: 'sink' };
  }
  async message(id: number): Promise<MessageStory> {
    const story = this.stories.length > 1 ? this.stories.shift() : this.stories[0];
    if (id !== 4242 || story === undefined) throw new ControlError('not-found', `no message ${id}`);
    return story;
  }
  async accounts(): Promise<readonly AccountInfo[]> {
    return [...this.list.values()];
  }
  async addAccount(settings: unknown): Promise<AccountInfo> {
    const { password, ...shown } = settings as AccountInfo & { password: string };
    if (password.length > 8) {
      const details = ['password: expected text of 1 to 8 printable ASCII characters, got text of 12 characters'];
      throw new ControlError('invalid', '1 problem, nothing was changed', details);
    }
    if (this.list.has(shown.system_id)) throw new ControlError('conflict', `account "${shown.system_id}" exists`);
    const account = { ...SAMPLE_ACCOUNT, ...shown };
    this.list.set(account.system_id, account);
    return account;
  }
  async changeAccount(systemId: string, changes: unknown): Promise<AccountInfo> {
    const account = this.list.get(systemId);
    if (account === undefined) throw new ControlError('not-found', `no account "${systemId}"`);
    const { password: _, ...shown } = changes as Partial<AccountInfo> & { password?: string };
    const changed = { ...account, ...shown };
    this.list.set(systemId, changed);
    return changed;
  }
  async unbindAccount(systemId: string, session: number): Promise<UnbindResult> {
    if (!this.list.has(systemId)) throw new ControlError('not-found', `no account "${systemId}"`);
    return { sessions: session === 0 ? 2 : 1 };
  }
  async removeAccount(systemId: string): Promise<void> {
    if (!this.list.delete(systemId)) throw new ControlError('not-found', `no account "${systemId}"`);
  }
  /** What `repushed` answers, in turn; the last one stays. */
  runs: RepushInfo[] = [];
  readonly repushes: RepushRequest[] = [];
  async repushReceipts(request: RepushRequest): Promise<RepushInfo> {
    if (request.account === 'nobody') throw new ControlError('not-found', 'no account is called nobody');
    this.repushes.push(request);
    return { ...request, run: request.run ?? 'made', state: 'running', pushed: 0, problem: '' };
  }
  async flushReceipts(): ReturnType<NodeControl['flushReceipts']> {
    return { flushed: 12 };
  }
  async repushed(run: string): Promise<RepushInfo> {
    const info = this.runs.length > 1 ? this.runs.shift() : this.runs[0];
    if (!info) throw new ControlError('not-found', `no run is called ${run}`);
    return info;
  }
  async carriers(): Promise<readonly CarrierInfo[]> {
    return [...this.carrierList.values()];
  }
  async changeCarrier(name: string, changes: unknown): Promise<CarrierInfo> {
    const carrier = this.carrierList.get(name);
    if (carrier === undefined) throw new ControlError('not-found', `no carrier is called ${name}`);
    const changed = { ...carrier, ...(changes as Partial<CarrierInfo>) };
    this.carrierList.set(name, changed);
    return changed;
  }
  async switchBind(name: string, slot: number, isStarted: boolean): Promise<CarrierInfo> {
    const carrier = this.carrierList.get(name);
    if (!carrier?.each[slot - 1]) throw new ControlError('not-found', `no bind is called ${name}/${slot}`);
    const each = carrier.each.map((bind, i) => (i === slot - 1 ? { ...bind, started: isStarted } : bind));
    const changed = { ...carrier, each };
    this.carrierList.set(name, changed);
    return changed;
  }
  async removeCarrier(name: string): Promise<void> {
    if (!this.carrierList.delete(name)) throw new ControlError('not-found', `no carrier is called ${name}`);
  }
}

const SAMPLE_LOAD = { id: 1, version: '3.4', received: 12, sent: 8_000_100, load: [1204.4, 300.2, 7.25] } as const;

const SAMPLE_CARRIER: CarrierInfo = {
  name: 'sink',
  protocol: 'smpp',
  enabled: true,
  description: '',
  place: '127.0.0.1:2776',
  bind: 'transceiver',
  binds: 2,
  bound: 1,
  sessions: 2,
  window: 200,
  throughput: 0,
  reason: 'bind refused: ESME_RALYBND',
  each: [
    {
      id: 'sink/1',
      started: true,
      reason: '',
      sessions: [
        {
          name: 'sink',
          side: 'carrier',
          peer: '127.0.0.1:2776',
          bind: 'transceiver',
          state: 'BOUND_TRX',
          since: 1,
          window: { used: 3, size: 200 },
          ...SAMPLE_LOAD,
          id: 1,
        },
      ],
    },
    { id: 'sink/2', started: true, reason: 'bind refused: ESME_RALYBND', sessions: [] },
  ],
};

export const SAMPLE_ACCOUNT: AccountInfo = {
  system_id: 'demo',
  enabled: true,
  description: '',
  sessions: 0,
  binds: 10,
  window: 1000,
  deliver_window: 100,
  throughput: 0,
  credits: null,
  allow_ips: [],
  archive: 'full',
};

export const EMPTY_STATUS: NodeStatus = {
  node: {
    id: 'n-3f2a',
    cluster: 'default',
    version: '0.1.0',
    pid: 4711,
    startedAt: Date.now() - 12_000,
    state: 'running',
    dataDir: './data',
    durability: 'disk',
    workers: 2,
    warm: true,
  },
  routing: { version: 1, routes: 1, activatedAt: Date.now() - 12_000 },
  listeners: [
    { name: 'smpp', host: '127.0.0.1', port: 2775 },
    { name: 'api', host: '127.0.0.1', port: 8080 },
  ],
  sessions: [],
  sessionCount: 0,
  carriers: [],
  queues: [],
  queueCount: 0,
  messages: { accepted: 0, refused: 0, sent: 0, retried: 0, failed: 0 },
  receipts: {
    received: 0,
    delivered: 0,
    undelivered: 0,
    unmatched: 0,
    passedOn: 0,
    pushed: 0,
    pushRetried: 0,
    givenUp: 0,
    toPush: 0,
    awaited: 0,
  },
  store: { messages: 0, octets: 81_920, quarantined: 0, refusing: '' },
  archive: { state: 'up', behind: 0, written: 0, problem: '' },
  recent: [],
  alarms: [],
};

export function fullStatus(now: number): NodeStatus {
  return {
    ...EMPTY_STATUS,
    routing: { version: 12, routes: 10_000, activatedAt: now - 60_000 },
    node: { ...EMPTY_STATUS.node, startedAt: now - 7_980_000 },
    sessions: [
      {
        name: 'sink',
        side: 'carrier',
        peer: '198.51.100.20:2775',
        bind: 'transceiver',
        state: 'BOUND_TRX',
        since: now - 7_900_000,
        window: { used: 187, size: 200 },
        ...SAMPLE_LOAD,
      },
      {
        name: 'backup',
        side: 'carrier',
        peer: '198.51.100.21:2775',
        bind: 'transceiver',
        state: 'WAITING',
        since: now - 4200,
        window: { used: 0, size: 100 },
        ...SAMPLE_LOAD,
        version: '',
        load: [0, 0, 0],
      },
      {
        name: 'shop',
        side: 'account',
        peer: '192.0.2.77:51234',
        bind: 'transmitter',
        state: 'BOUND_TX',
        since: now - 86_500_000,
        window: { used: 12, size: 1000 },
        ...SAMPLE_LOAD,
        id: 7,
      },
    ],
    sessionCount: 3,
    queues: [
      { destination: 'sink', kind: 'carrier', ready: 1_204_331, inFlight: 187, parked: 40, oldestAt: now - 64_000 },
      { destination: 'shop', kind: 'account', ready: 3, inFlight: 0, parked: 0, oldestAt: now - 900 },
    ],
    queueCount: 2,
    messages: { accepted: 9_204_881, refused: 12, sent: 8_000_100, retried: 4400, failed: 77 },
    receipts: {
      received: 7_900_001,
      delivered: 7_888_000,
      undelivered: 12_001,
      unmatched: 2,
      passedOn: 7_899_990,
      pushed: 4100,
      pushRetried: 20,
      givenUp: 1,
      toPush: 12,
      awaited: 100_099,
    },
    store: { messages: 1_304_661, octets: 734_003_200, quarantined: 1, refusing: 'disk-full' },
    archive: { state: 'down', behind: 80_000, written: 7_900_000, problem: 'connection refused' },
    recent: [
      {
        id: 123_456_789_012,
        acceptedAt: now - 800,
        source: 'shop',
        from: 'SHOP',
        to: '447700900123',
        destination: 'sink',
        fate: 'delivered',
        receipt: 'DELIVRD',
      },
      {
        id: 123_456_788_756,
        acceptedAt: now - 65_000,
        source: 'operator',
        from: 'a\u001b[2Jb',
        to: '447700900124',
        destination: 'sink',
        fate: 'queued',
        receipt: '',
      },
    ],
    alarms: ['carrier backup: no session for 4 s (connection refused)', 'disk: 96 % full, new messages are refused'],
  };
}

export function story(fate: string, now: number): MessageStory {
  return {
    id: 4242,
    acceptedAt: now - 2000,
    source: 'operator',
    from: '',
    to: '447700900123',
    destination: 'sink',
    fate,
    receipt: fate === 'delivered' ? 'DELIVRD' : '',
    attempts: 1,
    dueAt: 0,
    tableVersion: 1,
    foundIn: 'queue',
    events: [
      { at: now - 2000, text: 'accepted from operator' },
      { at: now - 1990, text: 'sent to sink as 1A2B' },
    ],
  };
}
