import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type RequestListener } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { CallbackClient, type CallbackSettings } from '../../../../adapters/bind-callback/callback-client.ts';

const file = (name: string): string => fileURLToPath(new URL(`../../../support/tls/${name}`, import.meta.url));
const QUESTION = {
  system_id: 'shop',
  password: 's3cret',
  peer_address: '192.0.2.7',
  bind: 'transceiver',
  node: 'one',
} as const;

interface Asked {
  readonly request: IncomingMessage;
  readonly body: string;
}

/** A server that answers so, and what it was asked. */
async function scene(answer: RequestListener | object, more: Partial<CallbackSettings> = {}, tls = false) {
  const asked: Asked[] = [];
  const listener: RequestListener = (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      asked.push({ request, body: Buffer.concat(chunks).toString() });
      if (typeof answer === 'function') answer(request, response);
      else response.end(JSON.stringify(answer));
    });
  };
  const server = tls
    ? createTlsServer({ cert: readFileSync(file('smsc.pem')), key: readFileSync(file('smsc.key.pem')) }, listener)
    : createServer(listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `${tls ? 'https' : 'http'}://127.0.0.1:${(server.address() as AddressInfo).port}/bind`;
  const client = new CallbackClient({ url, token: '', timeoutMs: 5000, caFile: '', ...more });
  return {
    client,
    asked,
    [Symbol.dispose]: () => {
      client.close();
      server.closeAllConnections();
      server.close();
    },
  };
}

describe('a question', () => {
  test('is a POST of who binds, with the token', async () => {
    using s = await scene({ allow: true, account: { window: 5 } }, { token: 'abc' });
    expect(await s.client.ask(QUESTION)).toEqual({ type: 'allowed', settings: { window: 5 } });
    const [{ request, body }] = s.asked as [Asked];
    expect([request.method, request.url, request.headers['authorization']]).toEqual(['POST', '/bind', 'Bearer abc']);
    expect(request.headers['content-type']).toBe('application/json');
    expect(JSON.parse(body)).toEqual(QUESTION);
  });

  test('of many at once each has its answer', async () => {
    using s = await scene({ allow: false });
    const answers = await Promise.all(Array.from({ length: 100 }, () => s.client.ask(QUESTION)));
    expect(answers.every(({ type }) => type === 'refused')).toBe(true);
  });

  test('is sent to whom its certificate says, and to nobody else', async () => {
    using right = await scene({ allow: true }, { caFile: file('ca.pem') }, true);
    expect(await right.client.ask(QUESTION)).toEqual({ type: 'allowed', settings: {} });
    using wrong = await scene({ allow: true }, {}, true);
    expect(await wrong.client.ask(QUESTION)).toMatchObject({ type: 'failed' });
    expect(wrong.asked).toEqual([]);
  });
});

const status = (code: number, body = ''): RequestListener => {
  return (_request, response) => response.writeHead(code, { location: '/elsewhere' }).end(body);
};

describe('an answer', () => {
  test.each<[string, RequestListener | object, object]>([
    ['no', { allow: false }, { type: 'refused', reason: 'answered no' }],
    ['status 401', status(401), { type: 'refused', reason: 'answered 401' }],
    ['status 403', status(403), { type: 'refused', reason: 'answered 403' }],
    ['status 500', status(500), { type: 'failed', reason: 'expected status 200, 401 or 403, got 500' }],
    ['a redirection', status(302), { type: 'failed', reason: 'expected status 200, 401 or 403, got 302' }],
    ['no JSON', status(200, 'OK'), { type: 'failed', reason: expect.stringContaining('got no JSON') as string }],
    ['null', status(200, 'null'), { type: 'failed', reason: expect.stringContaining('got no "allow"') as string }],
    ['something else', { ok: true }, { type: 'failed', reason: expect.stringContaining('got no "allow"') as string }],
    ['too much', status(200, 'x'.repeat(70_000)), { type: 'failed', reason: 'an answer of more than 65536 octets' }],
  ])('of %s', async (_, answer, expected) => {
    using s = await scene(answer);
    expect(await s.client.ask(QUESTION)).toEqual(expected);
  });

  test('that does not come in time is none, also when it has begun', async () => {
    using never = await scene(() => undefined, { timeoutMs: 50 });
    const { type, reason } = (await never.client.ask(QUESTION)) as { type: string; reason: string };
    expect(type).toBe('failed');
    expect(reason).not.toContain('s3cret');
    using slow = await scene((_request, response) => void response.write('{"allow":'), { timeoutMs: 50 });
    expect(await slow.client.ask(QUESTION)).toMatchObject({ type: 'failed' });
  });

  test('is none where nobody listens', async () => {
    const s = await scene({ allow: true });
    s[Symbol.dispose]();
    expect(await s.client.ask(QUESTION)).toMatchObject({
      type: 'failed',
      reason: expect.stringContaining('ECONNREFUSED') as string,
    });
  });
});
