import { describe, expect, test } from 'vitest';
import { CarrierLine } from '../../support/carrier-line.ts';
import { smppload } from '../../support/smppload.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { cpuSeconds, freePort, loadedNode, pause, underLoad, WINDOWS } from './support.ts';

const MESSAGES = 20_000;

describe('a carrier that does not take messages', () => {
  test('that throttles each fiftieth once: all are delivered', async () => {
    const carrierPort = await freePort();
    await using node = await loadedNode(carrierPort);
    const load = smppload({
      port: node.ports['smpp']!,
      upstream: carrierPort,
      'min-upstream': 2,
      binds: 4,
      window: 500,
      count: MESSAGES,
      'fail-once-every': 50,
      exact: true,
      timeout: 60,
    });
    expect(await load.result).toMatchObject({
      acked: MESSAGES,
      delivered: MESSAGES,
      dlr: MESSAGES,
      duplicates: 0,
      dlr_dup: 0,
      dlr_unknown: 0,
      bad_text: 0,
      proto_errors: 0,
    });
    const { messages } = await node.status();
    expect(messages).toMatchObject({ accepted: MESSAGES, retried: MESSAGES / 50, failed: 0 });
  }, 90_000);

  test('that goes down under load: messages are accepted and wait, without work, and all are delivered when it is back', async () => {
    const carrierPort = await freePort();
    using line = new CarrierLine(carrierPort);
    await line.mend();
    await using node = await loadedNode(line.port);
    const load = smppload({
      port: node.ports['smpp']!,
      upstream: carrierPort,
      'min-upstream': 2,
      binds: 4,
      window: 500,
      count: MESSAGES,
      rate: 10_000,
      exact: true,
      timeout: 80,
      linger: 60,
    });
    await underLoad(node);
    line.cut();
    await waitUntil('the sessions have ended', () => line.sessions === 0);
    const { queues } = await node.statusWhen('all are accepted', ({ messages }) => messages.accepted === MESSAGES);
    expect(queues.find(({ kind }) => kind === 'carrier')!.ready).toBeGreaterThan(MESSAGES / 4);
    const before = cpuSeconds(node.pid);
    await pause(IDLE_MS);
    expect(cpuSeconds(node.pid) - before).toBeLessThan((IDLE_MS / 1000) * IDLE_SHARE);
    await line.mend();
    const result = await load.result;
    expect(result).toMatchObject({ acked: MESSAGES, delivered: MESSAGES, dlr: MESSAGES, bad_text: 0, proto_errors: 0 });
    expect(result.duplicates).toBeLessThanOrEqual(WINDOWS);
    await node.statusWhen('nothing is left', status => status.queues.every(q => q.ready + q.inFlight + q.parked === 0));
  }, 120_000);
});

/** How long it is watched with nothing to do but to look for its carrier. */
const IDLE_MS = 3000;
/** Of one core. Measured: 0.02. A loop that asks again and again takes the whole of it. */
const IDLE_SHARE = 0.15;
