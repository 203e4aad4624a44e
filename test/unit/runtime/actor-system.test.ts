import { describe, expect, test } from 'vitest';
import type { ActorRef, ActorSelf, ActorSpec } from '../../../runtime/actor.ts';
import { ActorSystem } from '../../../runtime/actor-system.ts';
import type { SupervisorGaveUp } from '../../../runtime/supervisor.ts';
import { Timers } from '../../../runtime/timers.ts';
import { ManualClock } from '../../support/manual-clock.ts';

function setUp() {
  const clock = new ManualClock();
  const timers = new Timers(clock, () => () => {});
  const log: string[] = [];
  const escalated: SupervisorGaveUp[] = [];
  const bursts: (() => void)[] = [];
  const system = new ActorSystem({
    name: 'actors of the test',
    clock,
    timers,
    intensity: { maxRestarts: 2, periodMs: 1000 },
    crashed: (actor, _error, restarts) => log.push(`${actor} crashed, ${restarts ? 'again' : 'not again'}`),
    escalate: error => escalated.push(error),
    defer: burst => bursts.push(burst),
  });
  /** What the event loop would do: runs the deferred bursts until there are none, or `most` of them. */
  const turnLoop = (most = Infinity): number => {
    let turned = 0;
    for (let burst = bursts.shift(); burst !== undefined; burst = turned < most ? bursts.shift() : undefined) {
      burst();
      turned++;
    }
    return turned;
  };
  const spec = (name: string, more: Partial<ActorSpec<string>> = {}): ActorSpec<string> => {
    let life = 0;
    return {
      name,
      capacity: 10,
      restart: 'permanent',
      shutdownMs: 500,
      create: self => {
        life++;
        const mine = life === 1 ? name : `${name}${life}`;
        return {
          receive(message) {
            if (message === 'throw') throw new Error('planned');
            if (message === 'stop') void self.stop();
            log.push(`${mine} ${message}`);
          },
          turnEnd: () => log.push(`${mine} |`),
          stopping: reason => void log.push(`${mine} stopping: ${reason.type}`),
        };
      },
      undelivered: message => log.push(`${name} undelivered ${message}`),
      ...more,
    };
  };
  return { clock, timers, log, escalated, bursts, system, turnLoop, spec };
}

function faulty(): never {
  throw new Error('planned');
}

function tellAll(ref: ActorRef<string>, ...messages: string[]): boolean[] {
  return messages.map(message => ref.tell(message));
}

describe('messages', () => {
  test('are drained together after the turn in which they were told, once for all actors', () => {
    const { log, bursts, system, turnLoop, spec } = setUp();
    const a = system.spawn(spec('a'));
    const b = system.spawn(spec('b'));
    tellAll(a, '1', '2');
    tellAll(b, '3');
    tellAll(a, '4');
    expect([log, bursts.length, a.pending]).toEqual([[], 1, 3]);
    expect(turnLoop()).toBe(1);
    expect(log).toEqual(['a 1', 'a 2', 'a 4', 'a |', 'b 3', 'b |']);
  });

  test('told by an actor are drained in the same burst', () => {
    const { log, system, turnLoop, spec } = setUp();
    const b = system.spawn(spec('b'));
    const a = system.spawn({
      ...spec('a'),
      create: () => ({ receive: (message: string) => void b.tell(`from a: ${message}`) }),
    });
    a.tell('1');
    expect(turnLoop()).toBe(1);
    expect(log).toEqual(['b from a: 1', 'b |']);
  });

  test('beyond the capacity are refused, and the mailbox takes more when it is drained', () => {
    const { system, turnLoop, spec } = setUp();
    const a = system.spawn(spec('a', { capacity: 2 }));
    expect(tellAll(a, '1', '2', '3')).toEqual([true, true, false]);
    turnLoop();
    expect([a.tell('4'), a.pending]).toEqual([true, 1]);
  });

  test('of one busy actor give way to the others after perTurn of them', () => {
    const { log, system, turnLoop, spec } = setUp();
    const a = system.spawn(spec('a', { perTurn: 2 }));
    const b = system.spawn(spec('b'));
    tellAll(a, '1', '2', '3', '4', '5');
    tellAll(b, '6');
    turnLoop();
    expect(log).toEqual(['a 1', 'a 2', 'a |', 'b 6', 'b |', 'a 3', 'a 4', 'a |', 'a 5', 'a |']);
  });

  test('that take long give way to the sockets', () => {
    const { clock, log, system, turnLoop, spec } = setUp();
    const slow = { ...spec('slow'), perTurn: 1, create: () => ({ receive: () => clock.advance(5) }) };
    const a = system.spawn<string>(slow);
    tellAll(a, '1', '2');
    const b = system.spawn(spec('b'));
    tellAll(b, '3');
    expect(turnLoop(1)).toBe(1);
    expect([log, a.pending]).toEqual([[], 1]);
    expect(turnLoop()).toBe(1);
    expect([log, a.pending]).toEqual([['b 3', 'b |'], 0]);
  });
});

describe('a crash', () => {
  test('loses the message that caused it and the actor’s memory, nothing else', () => {
    const { log, system, turnLoop, spec } = setUp();
    const a = system.spawn(spec('a'));
    const b = system.spawn(spec('b'));
    tellAll(a, '1', 'throw', '2');
    tellAll(b, '3');
    turnLoop();
    expect(log).toEqual(['a 1', 'a stopping: crash', 'a crashed, again', 'b 3', 'b |', 'a2 2', 'a2 |']);
    expect([a.phase, system.size]).toEqual(['running', 2]);
  });

  test('of a temporary actor ends it: what waited goes to undelivered', () => {
    const { log, system, turnLoop, spec } = setUp();
    const a = system.spawn(spec('a', { restart: 'temporary' }));
    tellAll(a, 'throw', '1', '2');
    turnLoop();
    expect(log).toEqual(['a stopping: crash', 'a crashed, not again', 'a undelivered 1', 'a undelivered 2']);
    expect([a.phase, a.tell('3'), system.size]).toEqual(['stopped', false, 0]);
  });

  test('outside the mailbox is the same', () => {
    const { log, system, turnLoop, spec } = setUp();
    let held: ActorSelf<string> | undefined;
    const plain = spec('a');
    const a = system.spawn({
      ...plain,
      create: self => {
        held = self;
        return plain.create(self);
      },
    });
    a.tell('1');
    held!.crash(new Error('from a socket'));
    turnLoop();
    expect(log).toEqual(['a stopping: crash', 'a crashed, again', 'a2 1', 'a2 |']);
  });

  test('in turnEnd or in stopping is one, too', async () => {
    const { log, system, turnLoop, spec } = setUp();
    const a = system.spawn({
      ...spec('a'),
      restart: 'temporary',
      create: () => ({ receive: () => {}, turnEnd: faulty }),
    });
    const b = system.spawn({ ...spec('b'), create: () => ({ receive: () => {}, stopping: faulty }) });
    a.tell('1');
    const stopped = b.stop();
    turnLoop();
    await stopped;
    expect(log).toEqual(['a crashed, not again', 'b crashed, not again']);
    expect([a.phase, b.phase, system.size]).toEqual(['stopped', 'stopped', 0]);
  });

  test('ends it where nobody wants what was waiting', () => {
    const { log, system, turnLoop, spec } = setUp();
    const careless: { undelivered?: unknown } & ActorSpec<string> = spec('a', { restart: 'temporary' });
    delete careless.undelivered;
    const a = system.spawn(careless);
    for (const message of ['throw', '1', '2']) a.tell(message);
    turnLoop();
    expect(log).toEqual(['a stopping: crash', 'a crashed, not again']);
    expect([a.tell('3'), system.size]).toEqual([false, 0]);
  });

  test('too often escalates: no actor is left, every waiting message is answered for', () => {
    const { log, escalated, system, turnLoop, spec } = setUp();
    const a = system.spawn(spec('a', { perTurn: 1 }));
    const b = system.spawn(spec('b', { perTurn: 1 }));
    tellAll(a, 'throw', 'throw', 'throw', '1');
    tellAll(b, '2', '3', '4', '5');
    turnLoop();
    expect(escalated.map(error => error.message)).toEqual([
      'actors of the test gives up: a ended again after 2 restarts within 1 s: planned',
    ]);
    expect(log.filter(line => line.includes('undelivered'))).toEqual([
      'a undelivered 1',
      'b undelivered 4',
      'b undelivered 5',
    ]);
    expect([a.phase, b.phase, system.size]).toEqual(['stopped', 'stopped', 0]);
    expect(() => system.spawn(spec('c'))).toThrow('is failed: cannot start c');
  });
});

describe('stop', () => {
  test('works off what is queued, takes nothing new, then cleans up', async () => {
    const { log, system, turnLoop, spec } = setUp();
    const a = system.spawn(spec('a', { perTurn: 2 }));
    tellAll(a, '1', '2', '3');
    const stopped = a.stop();
    expect([a.phase, a.tell('4')]).toEqual(['stopping', false]);
    turnLoop();
    await stopped;
    expect(log).toEqual(['a 1', 'a 2', 'a |', 'a 3', 'a |', 'a stopping: asked']);
    expect([a.phase, system.size]).toEqual(['stopped', 0]);
    await a.stop();
  });

  test('from inside ends after what is queued', () => {
    const { log, system, turnLoop, spec } = setUp();
    const a = system.spawn(spec('a'));
    tellAll(a, 'stop', '1');
    turnLoop();
    expect(log).toEqual(['a stop', 'a 1', 'a |', 'a stopping: asked']);
    expect(a.phase).toBe('stopped');
  });

  test('waits for an asynchronous clean-up, but not longer than shutdownMs', async () => {
    const { clock, timers, system, turnLoop, spec } = setUp();
    const cleaned = Promise.withResolvers<void>();
    const waiting = { receive: () => {}, stopping: () => cleaned.promise };
    const a = system.spawn({ ...spec('a'), create: () => waiting });
    const stoppedA = a.stop();
    turnLoop();
    expect(a.phase).toBe('stopping');
    cleaned.resolve();
    await stoppedA;
    expect(a.phase).toBe('stopped');

    const hanging = { receive: () => {}, stopping: () => new Promise<void>(() => {}) };
    const b = system.spawn({ ...spec('b'), create: () => hanging });
    const stoppedB = b.stop();
    turnLoop();
    clock.advance(500);
    timers.runDue();
    await stoppedB;
    expect([b.phase, timers.armed]).toEqual(['stopped', 0]);
  });

  test('of the system stops all, and spawns no more', async () => {
    const { log, system, turnLoop, spec } = setUp();
    const refs = ['a', 'b'].map(name => system.spawn(spec(name)));
    refs[0]!.tell('1');
    const stopped = system.stop();
    turnLoop();
    await stopped;
    expect(refs.map(ref => ref.phase)).toEqual(['stopped', 'stopped']);
    expect(log).toContain('a 1');
    expect(() => system.spawn(spec('c'))).toThrow('is stopping: cannot start c');
  });
});

test('with setImmediate: a burst comes by itself', async () => {
  const clock = new ManualClock();
  const system = new ActorSystem({
    name: 'real',
    clock,
    timers: new Timers(clock),
    intensity: { maxRestarts: 0, periodMs: 1000 },
    escalate: () => {},
  });
  const got: number[] = [];
  const done = Promise.withResolvers<void>();
  const ref = system.spawn<number>({
    name: 'a',
    capacity: 1000,
    restart: 'temporary',
    shutdownMs: 1000,
    create: () => ({ receive: n => got.push(n), turnEnd: () => (got.length === 200 ? done.resolve() : undefined) }),
  });
  for (let i = 0; i < 200; i++) ref.tell(i);
  expect(got).toEqual([]);
  await done.promise;
  expect(got).toEqual(Array.from({ length: 200 }, (_, i) => i));
});
