import { describe, expect, it } from 'vitest';
import { STATUS } from '../../../adapters/smpp/codec/command-status.ts';
import type { BindRequest, BindVerdict } from '../../../adapters/smpp/server-session.ts';
import { Gatekeeper } from '../../../node/gatekeeper.ts';
import type { LiveAccount } from '../../../node/live-configuration.ts';
import { createLogger } from '../../../runtime/log.ts';

const account = (system_id: string, more: Partial<LiveAccount> = {}): LiveAccount => ({
  system_id,
  passwordHash: `hash of ${system_id}`,
  enabled: true,
  description: '',
  binds: 2,
  binds_transmitter: null,
  binds_receiver: null,
  binds_transceiver: null,
  addr_ton: null,
  addr_npi: null,
  address_range: null,
  senders: [],
  min_octets: 0,
  max_octets: 65_535,
  data_sm: 'none',
  window: 10,
  deliver_window: 10,
  throughput: 0,
  credits: null,
  allow_ips: [],
  archive: 'full',
  charset: 'gsm7',
  dest_rules: [],
  source_rules: [],
  codings: [],
  long_messages: 'payload',
  assemble: false,
  text_header: '',
  text_footer: '',
  split_chars: '',
  split_suffix: '',
  default_dest_smsc: null,
  receipt_url: null,
  receipt_format: 'heliograph',
  receipt_method: null,
  receipt_events: [],
  receipt_secret: '',
  duplicate_seconds: 0,
  duplicate_answer: 'refuse',
  duplicate_status: 0x45,
  remove_tlvs: [],
  add_tlvs: [],
  receipt_errors: [],
  ...more,
});

const request = (systemId: string, password = systemId, type: BindRequest['type'] = 'transceiver'): BindRequest => ({
  systemId,
  password,
  type,
  address: '127.0.0.1',
  addrTon: 0,
  addrNpi: 0,
  addressRange: '',
});

/** A gatekeeper whose clock moves by what a hash takes, and by nothing else. */
function gatekeeper({ hashMs = 60, detailed = false, failing = false } = {}) {
  const time = { ms: 1000 };
  const lines: string[] = [];
  const changed: string[] = [];
  const keeper = new Gatekeeper({
    node: 'n',
    workers: 2,
    verify: (password, stored) => {
      time.ms += hashMs;
      if (failing) return Promise.reject(new Error('too many passwords are waiting'));
      return Promise.resolve(stored === `hash of ${password}`);
    },
    guard: { failures: 3, windowMs: 60_000, longestMs: 60_000 },
    detailed,
    statuses: STATUS,
    monotonic: () => time.ms,
    log: createLogger(
      record => lines.push(`${record.message}: ${record.fields['reason'] as string}`),
      'debug',
      () => 0,
    ),
    ratesChanged: name => changed.push(name),
    cluster: undefined,
    callback: undefined,
  });
  keeper.useAccounts([
    account('shop', { throughput: 100 }),
    account('off', { enabled: false }),
    account('far', { allow_ips: ['192.0.2.0/24'] }),
    account('free'),
  ]);
  keeper.workerUp(0, 1);
  keeper.workerUp(1, 1);
  return { keeper, time, lines, changed };
}

/** How long after its arrival the refusal leaves. */
async function refusedAfter(set: ReturnType<typeof gatekeeper>, what: BindRequest): Promise<number> {
  const arrivedMs = set.time.ms;
  const verdict = await set.keeper.authorize(0, what);
  expect(verdict.type).toBe('refused');
  return set.time.ms - arrivedMs + (verdict as Extract<BindVerdict, { type: 'refused' }>).delayMs;
}

describe('a refusal', () => {
  it('leaves the same time after the bind came, whatever was wrong', async () => {
    const set = gatekeeper();
    expect(await refusedAfter(set, request('nobody'))).toBe(250);
    expect(await refusedAfter(set, request('shop', 'wrong'))).toBe(250);
    expect(await refusedAfter(set, request('off'))).toBe(250);
    expect(await refusedAfter(set, request('far'))).toBe(250);
    // The first of them began a refusal without a look.
    await refusedAfter(set, request('nobody'));
    await refusedAfter(set, request('nobody'));
    expect(await refusedAfter(set, request('nobody'))).toBe(250);
    expect(set.lines.at(-1)).toBe('bind refused: too many failures');
    expect(set.lines.slice(0, 4)).toEqual([
      'bind refused: no such account',
      'bind refused: wrong password',
      'bind refused: account is disabled',
      'bind refused: address not allowed',
    ]);
  });

  it('that took longer leaves a multiple of that time after', async () => {
    expect(await refusedAfter(gatekeeper({ hashMs: 700 }), request('shop', 'wrong'))).toBe(750);
    expect(await refusedAfter(gatekeeper({ hashMs: 250 }), request('shop', 'wrong'))).toBe(500);
  });

  it('of a bind that could not be decided looks like the others', async () => {
    const set = gatekeeper({ failing: true });
    expect(await set.keeper.authorize(0, request('shop'))).toEqual({
      type: 'refused',
      status: STATUS.ESME_RBINDFAIL,
      delayMs: 190,
    });
    expect(set.lines).toEqual(['bind refused: not decided: too many passwords are waiting']);
  });

  it('says what was wrong only when it is to', async () => {
    const status = async (detailed: boolean, what: BindRequest): Promise<number> =>
      ((await gatekeeper({ detailed }).keeper.authorize(0, what)) as { status: number }).status;
    expect(await status(true, request('nobody'))).toBe(STATUS.ESME_RINVSYSID);
    expect(await status(true, request('shop', 'wrong'))).toBe(STATUS.ESME_RINVPASWD);
    expect(await status(false, request('nobody'))).toBe(STATUS.ESME_RBINDFAIL);
    expect(await status(false, request('shop', 'wrong'))).toBe(STATUS.ESME_RBINDFAIL);
  });

  it('of one bind too many is ESME_RALYBND, at once', async () => {
    const { keeper } = gatekeeper();
    const first = (await keeper.authorize(0, request('shop'))) as { session: number };
    expect((await keeper.authorize(1, request('shop'))).type).toBe('accepted');
    expect(await keeper.authorize(1, request('shop'))).toEqual({
      type: 'refused',
      status: STATUS.ESME_RALYBND,
      delayMs: 0,
    });
    keeper.unbound(first.session, 'gone');
    expect((await keeper.authorize(1, request('shop'))).type).toBe('accepted');
  });
});

describe('an account’s rate', () => {
  it('is divided by its sessions that may submit, and told when that changes', async () => {
    const { keeper, changed } = gatekeeper();
    const rates = (): number[] => [0, 1].map(worker => keeper.rateOf('shop', worker));
    expect(rates()).toEqual([50, 50]);
    const bound = (await keeper.authorize(0, request('shop'))) as { session: number };
    expect(rates()).toEqual([100, 50]);
    await keeper.authorize(1, request('shop'));
    expect(rates()).toEqual([50, 50]);
    keeper.unbound(bound.session, 'gone');
    expect(rates()[1]).toBe(100);
    await keeper.authorize(0, request('shop', 'shop', 'receiver'));
    expect(rates()[1]).toBe(100);
    expect(changed).toEqual(['shop', 'shop', 'shop']);
    keeper.workerDown(1);
    expect(rates()).toEqual([50, 50]);
    expect(changed).toHaveLength(4);
  });

  it('without a limit needs no telling', async () => {
    const { keeper, changed } = gatekeeper();
    await keeper.authorize(0, request('free'));
    expect(keeper.rateOf('free', 0)).toBe(0);
    expect(changed).toEqual([]);
  });
});
