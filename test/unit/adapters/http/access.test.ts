import { beforeEach, describe, expect, test } from 'vitest';
import { ApiBench } from '../../../support/api-bench.ts';

let api: ApiBench;
beforeEach(() => {
  api = new ApiBench();
});

const body = JSON.stringify({
  source_msisdn: '1',
  destination_msisdn: '44',
  message_body: 'Hi',
  source_smsc: 'x',
});
const ROLES = ['', 'viewer', 'frontend', 'operator', 'admin'];

describe('who may do what', () => {
  // Each address by role: '' is a request without a key.
  test.each([
    ['POST', '/api/messages', [401, 403, 201, 201, 201]],
    ['POST', '/api/messages/parts', [401, 403, 200, 200, 200]],
    ['GET', '/api/messages', [401, 200, 200, 200, 200]],
    ['GET', '/api/messages/1', [401, 404, 404, 404, 404]],
    ['POST', '/api/receipts/repush', [401, 403, 403, 403, 422]],
    ['GET', '/api/receipts/repush/r1', [401, 403, 403, 403, 200]],
    ['GET', '/api/status', [200, 200, 200, 200, 200]],
    ['GET', '/metrics', [401, 200, 403, 200, 200]],
    ['GET', '/api/openapi.json', [200, 200, 200, 200, 200]],
    ['GET', '/api/docs', [200, 200, 200, 200, 200]],
    ['GET', '/api/nothing', [404, 404, 404, 404, 404]],
    ['DELETE', '/api/messages', [405, 405, 405, 405, 405]],
    ['POST', '/api/messages/1', [405, 405, 405, 405, 405]],
  ])('%s %s', async (method, path, expected) => {
    const init = method === 'POST' ? { method, body, headers: { 'content-type': 'application/json' } } : { method };
    const statuses = [];
    for (const role of ROLES) statuses.push((await api.request(path, role, init)).status);
    expect(statuses).toEqual(expected);
  });

  test('a method that is not known is told the ones that are', async () => {
    const answer = await api.request('/api/messages/1', 'admin', { method: 'PUT' });
    expect(answer.headers.get('allow')).toBe('GET, DELETE, PATCH, HEAD');
  });
});

describe('a key', () => {
  const unauthorized = async (headers: Record<string, string>, address?: string): Promise<string> => {
    const answer = await api.request('/metrics', '', { headers }, address);
    expect(answer.status).toBe(401);
    return answer.headers.get('www-authenticate')!;
  };

  test('that is missing, unknown or no bearer key is refused', async () => {
    expect(await unauthorized({})).toBe('Bearer');
    expect(await unauthorized({ authorization: 'Bearer nobody’s'.replace('’', '') })).toBe(
      'Bearer error="invalid_token"',
    );
    expect(await unauthorized({ authorization: 'Basic a2V5LW9mLWFkbWlu' })).toBe('Bearer error="invalid_token"');
    expect(await unauthorized({ authorization: 'key-of-admin' })).toBe('Bearer error="invalid_token"');
  });

  test('is refused even where none is needed, when it is not valid', async () => {
    const answer = await api.request('/api/status', '', { headers: { authorization: 'Bearer x' } });
    expect(answer.status).toBe(401);
  });

  test('counts from its addresses only, and the answer does not tell why', async () => {
    api.keys.set('key-of-here', { name: 'h', role: 'admin', allows: address => address === '192.0.2.1' });
    expect((await api.request('/metrics', 'here', {}, '192.0.2.1')).status).toBe(200);
    expect(await unauthorized({ authorization: 'Bearer key-of-here' }, '192.0.2.2')).toBe(
      'Bearer error="invalid_token"',
    );
  });

  test('is read whatever the case of the scheme', async () => {
    const answer = await api.request('/metrics', '', { headers: { authorization: 'bearer key-of-admin' } });
    expect(answer.status).toBe(200);
  });
});

describe('auth: none', () => {
  const open = new ApiBench('none');
  const ask = (headers: Record<string, string>) => open.request('/metrics', '', { headers });

  test.each(['localhost', 'localhost:8080', '127.0.0.1:8080', '[::1]:8080', 'LOCALHOST'])('Host %s', async host => {
    expect((await ask({ host })).status).toBe(200);
  });

  test.each(['attacker.example', 'localhost.attacker.example', '127.0.0.1.nip.io:8080', '', '[::2]'])(
    'not Host %j: a rebound name',
    async host => {
      expect((await ask({ host })).status).toBe(421);
    },
  );

  test.each(['cross-site', 'same-site', 'anything'])('not from a page of another site: %s', async site => {
    expect((await ask({ host: 'localhost', 'sec-fetch-site': site })).status).toBe(403);
  });

  test.each(['same-origin', 'none'])('from the page of this one: %s', async site => {
    expect((await ask({ host: 'localhost', 'sec-fetch-site': site })).status).toBe(200);
  });

  test('a write needs what a form cannot send', async () => {
    const init = { method: 'POST', body, headers: { host: 'localhost', 'content-type': 'text/plain' } };
    expect((await open.request('/api/messages', '', init)).status).toBe(415);
    const json = { ...init, headers: { host: 'localhost', 'content-type': 'application/json' } };
    expect((await open.request('/api/messages', '', json)).status).toBe(201);
  });
});

describe('GET /api/status', () => {
  test('is one word without a key', async () => {
    expect(await (await api.request('/api/status', '')).text()).toBe('{"status":"ok"}');
    expect(await (await api.request('/api/status', 'frontend')).text()).toBe('{"status":"ok"}');
  });

  test('is the node’s state with one', async () => {
    const status = (await (await api.request('/api/status', 'viewer')).json()) as Record<string, unknown>;
    expect(status).toMatchObject({ status: 'ok', routing: { version: expect.any(Number) as number } });
    expect(Object.keys(status)).toContain('archive');
  });

  test.each(['starting', 'draining', 'refusing'] as const)('is 503 while %s', async health => {
    api.health = health;
    const answer = await api.request('/api/status', '');
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '5']);
    expect(await answer.json()).toEqual({ status: health });
  });

  test('knows of its own draining at once', async () => {
    api.draining = true;
    expect(await (await api.request('/api/status', '')).json()).toEqual({ status: 'draining' });
  });
});

test('an error of ours is 500 without a word about it, and is told to the log', async () => {
  api.status = undefined as never;
  const answer = await api.request('/api/status', 'admin');
  expect(answer.status).toBe(500);
  expect(await answer.json()).toEqual({
    type: 'urn:heliograph:problem:internal',
    title: 'Internal error',
    status: 500,
    detail: 'this is our fault: the log has more',
  });
  expect(api.failures).toEqual([expect.any(TypeError)]);
});

describe('the documentation', () => {
  test('is OpenAPI 3.1 and has every address', async () => {
    const document = (await (await api.request('/api/openapi.json', '')).json()) as {
      openapi: string;
      info: { version: string };
      paths: Record<string, Record<string, { responses: object; security: object[] }>>;
      components: { schemas: Record<string, { required: string[]; properties: object }> };
    };
    expect([document.openapi, document.info.version]).toEqual(['3.1.0', '1.2.3']);
    const addresses = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map(method => `${method} ${path}`),
    );
    expect(addresses.sort()).toEqual([
      'delete /api/messages/{id}',
      'get /api/messages',
      'get /api/messages/{id}',
      'get /api/receipts/repush/{run}',
      'get /api/status',
      'get /metrics',
      'patch /api/messages/{id}',
      'post /api/messages',
      'post /api/messages/parts',
      'post /api/receipts/repush',
    ]);
    expect(document.paths['/api/messages']!['post']!.security).toEqual([{ key: [] }]);
    expect(document.paths['/api/status']!['get']!.security).toEqual([{}, { key: [] }]);
    const submit = document.components.schemas['SubmitMessage']!;
    expect(submit.required).toEqual(['source_msisdn', 'destination_msisdn', 'message_body', 'source_smsc']);
    expect(Object.keys(submit.properties)).toContain('tp_user_data_header');
  });

  test('is shown by files of our own', async () => {
    const page = await (await api.request('/api/docs', '')).text();
    const files = [...page.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, file]) => file!);
    expect(files.length).toBe(4);
    for (const file of files) {
      expect(file).toMatch(/^\/api\/docs\//);
      const answer = await api.request(file, '');
      expect([file, answer.status]).toEqual([file, 200]);
      expect(answer.headers.get('content-security-policy')).toContain("default-src 'none'");
    }
  });
});
