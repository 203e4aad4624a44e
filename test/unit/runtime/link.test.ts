import { MessageChannel } from 'node:worker_threads';
import { afterEach, describe, expect, test } from 'vitest';
import { RuntimeError } from '../../../runtime/errors.ts';
import { Answer, Link } from '../../../runtime/link/link.ts';
import type { LinkOptions, LinkService } from '../../../runtime/link/link.ts';
import { waitUntil } from '../../support/wait-until.ts';

const open: Link[] = [];
afterEach(() => {
  for (const link of open.splice(0)) link.close();
});

function connect(service: LinkService, options: Partial<LinkOptions> = {}) {
  const { port1, port2 } = new MessageChannel();
  const asking = new Link(port1, { peer: 'store 0', ...options });
  const serving = new Link(port2, { peer: 'worker 1', service });
  open.push(asking, serving);
  return { asking, serving, port1, port2 };
}

describe('a request', () => {
  test('is answered, now or later, each with its own answer', async () => {
    const held: ((value: string) => void)[] = [];
    const { asking } = connect({
      request: (verb, body) =>
        verb === 1
          ? `now ${String(body)}`
          : new Promise<string>(resolve => held.push(value => resolve(`${value} ${String(body)}`))),
    });
    const first = asking.request<string>(2, 'first');
    const second = asking.request<string>(2, 'second');
    expect(await asking.request<string>(1, 'third')).toBe('now third');
    expect(asking.pending).toBe(2);
    held[1]!('later');
    held[0]!('last');
    expect(await Promise.all([first, second])).toEqual(['last first', 'later second']);
    expect(asking.pending).toBe(0);
  });

  test('moves its buffers there and back', async () => {
    const { asking } = connect({
      request: (_verb, body) => {
        const { bytes } = body as { bytes: Uint8Array<ArrayBuffer> };
        bytes[0] = 9;
        return new Answer({ bytes }, [bytes.buffer]);
      },
    });
    const bytes = new Uint8Array(50_000).fill(7);
    const answered = asking.request<{ bytes: Uint8Array }>(1, { bytes }, [bytes.buffer]);
    expect(bytes.byteLength).toBe(0);
    const { bytes: back } = await answered;
    expect([back.byteLength, back[0], back[49_999]]).toEqual([50_000, 9, 7]);
  });

  test('that fails there rejects here, with the code', async () => {
    const { asking } = connect({
      request: verb => {
        if (verb === 1) throw new RuntimeError('DISK_FULL', 'no room');
        if (verb === 2) return Promise.reject(new TypeError('late fault'));
        return () => 'a function cannot be cloned';
      },
    });
    const refused = { name: 'LinkRefused' };
    await expect(asking.request(1, null)).rejects.toMatchObject({
      ...refused,
      code: 'DISK_FULL',
      message: 'store 0: no room',
    });
    await expect(asking.request(2, null)).rejects.toMatchObject({
      ...refused,
      code: 'LINK_FAILED',
      message: 'store 0: late fault',
    });
    await expect(asking.request(3, null)).rejects.toMatchObject({ ...refused, code: 'LINK_FAILED' });
    expect(asking.pending).toBe(0);
  });

  test('to a side that serves nothing is refused', async () => {
    const { serving } = connect({});
    await expect(serving.request(5, null)).rejects.toMatchObject({ code: 'LINK_NO_SERVICE' });
  });

  test('that cannot be cloned is not sent', async () => {
    const { asking } = connect({ request: () => 'fine' });
    await expect(asking.request(1, () => {})).rejects.toMatchObject({ name: 'DataCloneError' });
    expect(asking.pending).toBe(0);
    expect(await asking.request(1, null)).toBe('fine');
  });

  test('beyond the bound is refused without being sent', async () => {
    let served = 0;
    const { asking } = connect({ request: () => new Promise(() => void served++) }, { maxPending: 2 });
    const waiting = [asking.request(1, null), asking.request(1, null)].map(request => request.catch(String));
    await expect(asking.request(1, null)).rejects.toMatchObject({
      code: 'LINK_FULL',
      message: '2 requests to store 0 wait for their answers already',
    });
    await waitUntil('two have come', () => served === 2);
    asking.close();
    await Promise.all(waiting);
    expect(served).toBe(2);
  });

  test('of another frame version is refused, not misread', async () => {
    const { port1, port2 } = new MessageChannel();
    open.push(new Link(port2, { peer: 'worker 1', service: { request: () => 'served' } }));
    const answer = new Promise(resolve => {
      port1.once('message', resolve);
    });
    port1.postMessage({ v: 2, kind: 0, verb: 1, request: 4, body: null });
    expect(await answer).toEqual({
      v: 1,
      kind: 2,
      verb: 1,
      request: 4,
      body: { code: 'LINK_VERSION', message: 'frame version 2, expected 1' },
    });
    port1.close();
  });
});

test('notices come in order, and before a later request', async () => {
  const seen: string[] = [];
  const { asking } = connect({
    request: (_verb, body) => seen.push(`request ${String(body)}`),
    notice: (verb, body) => seen.push(`notice ${verb} ${String(body)}`),
  });
  asking.notify(3, 'a');
  asking.notify(4, 'b');
  await asking.request(1, 'c');
  expect(seen).toEqual(['notice 3 a', 'notice 4 b', 'request c']);
});

describe('the end of a link', () => {
  test('rejects what is pending on both sides, tells both once, and refuses what comes later', async () => {
    const closed: string[] = [];
    const { port1, port2 } = new MessageChannel();
    const service: LinkService = { request: () => new Promise(() => {}) };
    const one = new Link(port1, { peer: 'two', service, closed: () => closed.push('one') });
    const two = new Link(port2, { peer: 'one', service, closed: () => closed.push('two') });
    const pending = [one.request(1, null), two.request(1, null)].map(request => request.catch(String));
    one.close();
    expect(await Promise.all(pending)).toEqual([
      'LinkClosed: the link to two closed',
      'LinkClosed: the link to one closed',
    ]);
    expect([closed.toSorted(), one.open, two.open]).toEqual([['one', 'two'], false, false]);
    await expect(two.request(1, null)).rejects.toMatchObject({ code: 'LINK_CLOSED' });
    two.notify(1, null);
    two.close();
    expect(closed).toHaveLength(2);
  });

  test('an answer that comes too late is dropped', async () => {
    const answers: ((value: string) => void)[] = [];
    const { asking, serving } = connect({ request: () => new Promise<string>(resolve => answers.push(resolve)) });
    const refused = asking.request(1, null).catch(String);
    await waitUntil('the request has come', () => answers.length === 1);
    asking.close();
    answers[0]!('late');
    expect(await refused).toBe('LinkClosed: the link to store 0 closed');
    await waitUntil('the other side has seen it', () => !serving.open);
  });
});
