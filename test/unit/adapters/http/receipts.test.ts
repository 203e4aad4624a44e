import { beforeEach, expect, test } from 'vitest';
import { ApiBench } from '../../../support/api-bench.ts';

let api: ApiBench;
beforeEach(() => {
  api = new ApiBench();
});

async function repush(fields: object): Promise<{ status: number; body: unknown }> {
  const headers = { 'content-type': 'application/json' };
  const answer = await api.request('/api/receipts/repush', 'admin', {
    method: 'POST',
    headers,
    body: JSON.stringify(fields),
  });
  return { status: answer.status, body: await answer.json() };
}

const range = { account: 'load', from: '2026-11-26T00:00:00Z', to: '2026-11-26T12:30:00+02:00' };

test('receipts of a time range are sent again: 202, and what to ask for', async () => {
  expect(await repush({ ...range, run: 'ticket-1' })).toEqual({
    status: 202,
    body: {
      run: 'ticket-1',
      account: 'load',
      from: '2026-11-26T00:00:00Z',
      to: '2026-11-26T10:30:00Z',
      state: 'running',
      pushed: 0,
      problem: '',
    },
  });
  const answer = await api.request('/api/receipts/repush/ticket-1', 'admin', { method: 'GET' });
  expect([answer.status, await answer.json()]).toEqual([200, expect.objectContaining({ state: 'done', pushed: 7 })]);
});

test.each([
  [{ ...range, from: 'yesterday' }, 422, 'from: expected a time, 2026-11-26T14:30:00Z'],
  [{ ...range, run: 'a b' }, 422, 'run: expected 1 to 64 letters, digits, ".", "_" or "-"'],
  [{ ...range, account: 'nobody' }, 404, 'no account is called nobody'],
])('%j is %i', async (fields, status, detail) => {
  expect(await repush(fields)).toMatchObject({ status, body: { detail: expect.stringContaining(detail) } });
});
