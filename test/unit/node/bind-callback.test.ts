import { describe, expect, test } from 'vitest';
import type { CallbackAnswer, CallbackQuestion } from '../../../adapters/bind-callback/callback-client.ts';
import type { BindRequest } from '../../../adapters/smpp/server-session.ts';
import { BindCallback, type BindCallbackSettings } from '../../../node/bind-callback.ts';
import { createLogger } from '../../../runtime/log.ts';

const request = (more: Partial<BindRequest> = {}): BindRequest => ({
  systemId: 'shop',
  password: 's3cret',
  type: 'transceiver',
  address: '192.0.2.7',
  addrTon: 0,
  addrNpi: 0,
  addressRange: '',
  ...more,
});

function scene(more: Partial<BindCallbackSettings> = {}) {
  const time = { ms: 0 };
  const asked: CallbackQuestion[] = [];
  const lines: string[] = [];
  const state: { answer: CallbackAnswer; told: number; changed: () => Promise<void> } = {
    answer: { type: 'allowed', settings: {} },
    told: 0,
    changed: async () => undefined,
  };
  const callback = new BindCallback({
    node: 'one',
    settings: { accounts: 'unknown', cacheMs: 60_000, outageMs: 600_000, ...more },
    ask: async question => {
      asked.push(question);
      return state.answer;
    },
    names: () => ['sink'],
    changed: () => {
      state.told++;
      return state.changed();
    },
    monotonic: () => time.ms,
    log: createLogger(
      record => lines.push(JSON.stringify(record)),
      'debug',
      () => 0,
    ),
  });
  return { callback, time, asked, lines, state };
}

const FAILED: CallbackAnswer = { type: 'failed', reason: 'answered 500' };

describe('a yes', () => {
  test('makes an account that the configuration does not have, with its settings and the defaults', async () => {
    const { callback, asked, state } = scene();
    state.answer = { type: 'allowed', settings: { window: 5, binds: 2, default_dest_smsc: 'sink' } };
    expect(await callback.decide(request())).toEqual({ type: 'allowed' });
    expect(asked).toEqual([
      { system_id: 'shop', password: 's3cret', peer_address: '192.0.2.7', bind: 'transceiver', node: 'one' },
    ]);
    const account = callback.accountOf('shop', undefined);
    expect(account).toMatchObject({
      system_id: 'shop',
      window: 5,
      binds: 2,
      default_dest_smsc: 'sink',
      deliver_window: 200,
      enabled: true,
    });
    expect(callback.accounts([])).toEqual([account]);
    expect(state.told).toBe(1);
  });

  test('counts for a time without asking: for the same password, address and kind of bind', async () => {
    const { callback, time, asked } = scene();
    await callback.decide(request());
    time.ms = 59_999;
    await callback.decide(request());
    expect(asked.length).toBe(1);
    await callback.decide(request({ password: 'other' }));
    await callback.decide(request({ address: '192.0.2.8' }));
    await callback.decide(request({ type: 'receiver' }));
    expect(asked.length).toBe(4);
    time.ms = 120_000;
    await callback.decide(request());
    expect(asked.length).toBe(5);
  });

  test('that says the same as before changes nothing; another one does', async () => {
    const { callback, state } = scene({ cacheMs: 0 });
    state.answer = { type: 'allowed', settings: { window: 5 } };
    await callback.decide(request());
    await callback.decide(request());
    expect(state.told).toBe(1);
    state.answer = { type: 'allowed', settings: { window: 6 } };
    await callback.decide(request());
    expect(state.told).toBe(2);
    expect(callback.accountOf('shop', undefined)!.window).toBe(6);
  });

  test('to many at once is told to the workers in few steps, to each before it is bound', async () => {
    const { callback, state } = scene();
    let known = 0;
    state.changed = async () => {
      const count = callback.accounts([]).length;
      await new Promise(resolve => setImmediate(resolve));
      known = count;
    };
    const names = Array.from({ length: 100 }, (_, i) => `esme${i}`);
    await Promise.all(
      names.map(async (systemId, i) => {
        await callback.decide(request({ systemId }));
        expect(known).toBeGreaterThan(i > 0 ? 1 : 0);
      }),
    );
    expect(known).toBe(100);
    expect(state.told).toBeLessThanOrEqual(3);
  });

  test.each<[unknown, string]>([
    [{ windw: 5 }, 'account: windw: unknown key (did you mean "window"?)'],
    [{ window: 0 }, 'account: window: expected a whole number from 1 to 65535, got the number 0'],
    [{ password: 'x' }, 'account.password: not taken here'],
    [{ system_id: 'x' }, 'account: system_id: an account keeps its name'],
    [
      { default_dest_smsc: 'sinc' },
      'account: default_dest_smsc: expected the name of a carrier, account or frontend, got "sinc" (did you mean "sink"?)',
    ],
    ['x', 'account: expected a map of settings'],
  ])('with settings %j is none', async (settings, reason) => {
    const { callback, state } = scene();
    state.answer = { type: 'allowed', settings };
    expect(await callback.decide(request())).toEqual({ type: 'undecided', reason });
    expect(callback.accountOf('shop', undefined)).toBeUndefined();
  });

  test('that the workers could not be told of is none, and is told again', async () => {
    const { callback, state } = scene();
    state.changed = async () => {
      throw new Error('a thread is being restarted');
    };
    expect(await callback.decide(request())).toEqual({ type: 'undecided', reason: 'a thread is being restarted' });
    state.changed = async () => undefined;
    expect(await callback.decide(request())).toEqual({ type: 'allowed' });
    expect(state.told).toBe(2);
  });
});

describe('without an answer', () => {
  test('nobody binds', async () => {
    const { callback, state } = scene();
    state.answer = FAILED;
    expect(await callback.decide(request())).toEqual({ type: 'undecided', reason: 'answered 500' });
  });

  test('the last yes counts for a time, to the same password', async () => {
    const { callback, state, time, lines } = scene();
    await callback.decide(request());
    state.answer = FAILED;
    time.ms = 599_999;
    expect(await callback.decide(request())).toEqual({ type: 'allowed' });
    expect(await callback.decide(request({ password: 'wrong' }))).toMatchObject({ type: 'undecided' });
    time.ms = 600_000;
    expect(await callback.decide(request())).toMatchObject({ type: 'undecided' });
    expect(lines.join()).toContain('its last answer counts');
    expect(lines.join()).not.toContain('s3cret');
  });

  test('a no that came meanwhile ends that', async () => {
    const { callback, state, time } = scene({ cacheMs: 1000 });
    await callback.decide(request());
    time.ms = 1000;
    state.answer = { type: 'refused', reason: 'answered no' };
    expect(await callback.decide(request())).toEqual({ type: 'refused', reason: 'answered no' });
    state.answer = FAILED;
    expect(await callback.decide(request())).toMatchObject({ type: 'undecided' });
  });
});

test('it is asked about what the configuration does not have, or about all', async () => {
  const { callback, state } = scene();
  state.answer = { type: 'allowed', settings: { window: 7 } };
  await callback.decide(request());
  const account = callback.accountOf('shop', undefined)!;
  expect([callback.concerns(undefined), callback.concerns(account)]).toEqual([true, false]);
  const known = { ...account, window: 3, binds: 4 };
  expect(callback.accounts([known])).toEqual([known]);
  const all = scene({ accounts: 'all' });
  expect(all.callback.concerns(account)).toBe(true);
  all.state.answer = state.answer;
  await all.callback.decide(request());
  // What the configuration has of an account stands where the callback says nothing.
  expect(all.callback.accounts([known])).toEqual([{ ...known, window: 7 }]);
});
