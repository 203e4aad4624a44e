import { beforeEach, describe, expect, test } from 'vitest';
import { Fate, LedgerWriter, What } from '../../../../actors/message/ledger.ts';
import { R } from '../../../../actors/message/record.ts';
import type { ArchivedRow } from '../../../../adapters/http/message-view.ts';
import { archivedRow } from '../../../support/archived-row.ts';
import { ApiBench, NOW } from '../../../support/api-bench.ts';

let api: ApiBench;
beforeEach(() => {
  api = new ApiBench();
});

const DAY_MS = 86_400_000;
type View = Record<string, unknown>;

const message = {
  source_msisdn: 'Shop',
  destination_msisdn: '+447700900123',
  message_body: 'Hello, World!',
  source_smsc: 'web-app',
  dest_smsc: 'sink',
};

/** A message in the store. @returns its public id */
async function queued(createdAt = NOW, more: Parameters<ApiBench['keep']>[0] = {}): Promise<number> {
  await api.post(message);
  return api.keep({ createdAt, ...more });
}

/** One whose text the store has let go. */
async function stub(createdAt = NOW, fate: Fate = Fate.sent): Promise<number> {
  await api.post(message);
  const record = Buffer.from(api.submitted.at(-1)!.record);
  record.writeUInt32LE(0, R.textLength);
  const writer = new LedgerWriter();
  if (fate === Fate.delivered) writer.add(256, What.receipt, fate, 1, 0, 0, NOW + 9000, Buffer.alloc(0), 0, 0);
  return api.keep({ createdAt, record, fate, ledger: writer.take() });
}

function archive(id: number, at = NOW, more: Partial<ArchivedRow> = {}): number {
  api.rows.set(id, archivedRow({ id, acceptedAt: new Date(at), ...more }));
  return id;
}

const list = (parameters = '', role = 'admin'): Promise<Response> => api.request(`/api/messages${parameters}`, role);
const views = async (answer: Response): Promise<View[]> => {
  expect(answer.status).toBe(200);
  return (await answer.json()) as View[];
};
const idsOf = async (answer: Response): Promise<unknown[]> => (await views(answer)).map(({ id }) => id);
const nextOf = (answer: Response): string | undefined =>
  /^<\/api\/messages(\?.*)>; rel="next"$/.exec(answer.headers.get('link') ?? '')?.[1];

describe('parameters', () => {
  test('absent: all that is queued, 24 hours of the archive, 100 messages', async () => {
    expect(await views(await list())).toEqual([]);
    expect(api.searched).toEqual([[{}, 101]]);
    expect(api.listed).toEqual([[{}, NOW - DAY_MS, 101]]);
  });

  test('all of them', async () => {
    await list(
      '?account=shop&source=%2B15550100&destination=00447700900123&queue=sink&dest_smsc=sink&status=undeliverable' +
        '&from=2025-10-01T00:00:00Z&to=2025-10-02T02:00:00%2B02:00&limit=1000',
    );
    const match = {
      account: 'shop',
      source: '15550100',
      dest: '447700900123',
      destination: 'sink',
      fate: Fate.undeliverable,
      from: Date.UTC(2025, 9, 1),
      before: { at: Date.UTC(2025, 9, 2), id: 0 },
    };
    expect(api.searched).toEqual([[match, 1001]]);
    expect(api.listed).toEqual([[match, match.from, 1001]]);
  });

  test('numbers with a + that was not written %2B, senders of letters', async () => {
    await list('?source=Shop&destination=+447700900123&to=2025-10-02T02:00:00+02:00');
    expect(api.searched[0]![0]).toMatchObject({ source: 'Shop', dest: '447700900123' });
    expect(api.listed[0]![1]).toBe(Date.UTC(2025, 9, 1));
  });

  test.each([
    ['limit=0', 'limit: expected a whole number from 1 to 1000, got "0"'],
    ['limit=1001', 'limit: expected a whole number from 1 to 1000, got "1001"'],
    ['limit=ten', 'limit: expected a whole number from 1 to 1000, got "ten"'],
    ['from=yesterday', 'from: expected a time such as 2026-05-31T10:30:00Z, got "yesterday"'],
    ['to=2025-13-01T00:00:00Z', 'to: expected a time such as 2026-05-31T10:30:00Z, got "2025-13-01T00:00:00Z"'],
    ['from=2025-10-02T00:00:00Z&to=2025-10-02T00:00:00Z', 'to: expected a time after from'],
    ['status=lost', /^status: expected queued, sent, delivered, .*, got "lost"$/],
    ['status=constructor', /^status: expected queued/],
    ['account=', 'account: expected a name, got nothing'],
    ['destination=1234567890123456789012', /^destination: expected a number or letters, at most 21, got "1234/],
    ['queue=a&dest_smsc=b', 'dest_smsc: expected the same as queue, or one of the two alone'],
    ['limit=1&limit=2', 'limit: expected once'],
    ['page=2', /^page: no such parameter: expected account, source, destination, queue, /],
    ['cursor=AAAA', 'cursor: expected one out of a Link header, got "AAAA"'],
  ])('%s', async (parameters, detail) => {
    const answer = await list(`?${parameters}`);
    expect([answer.status, answer.headers.get('content-type')]).toEqual([400, 'application/problem+json']);
    expect(await answer.json()).toMatchObject({
      type: 'urn:heliograph:problem:bad-request',
      detail: typeof detail === 'string' ? detail : (expect.stringMatching(detail) as string),
      errors: [{ field: parameters.split('=')[0] === 'queue' ? 'dest_smsc' : detail.toString().match(/\w+/)![0] }],
    });
    expect(api.searched).toEqual([]);
  });

  test('all that are wrong are named at once', async () => {
    const { errors } = (await (await list('?limit=x&from=x&colour=x')).json()) as { errors: { field: string }[] };
    expect(errors.map(({ field }) => field)).toEqual(['colour', 'from', 'limit']);
  });

  test('the header of a poll is refused: it asks for something else', async () => {
    const answer = await api.request('/api/messages', 'admin', { headers: { SMSc: 'sink' } });
    expect(answer.status).toBe(400);
    expect(((await answer.json()) as { detail: string }).detail).toContain('?queue=NAME');
  });
});

describe('a list', () => {
  test('is of queue and archive, newest first, each once, as it is shown alone', async () => {
    const old = await queued(NOW - 3000);
    const both = archive(await queued(NOW - 1000), NOW - 1000);
    const archived = archive(api.ids.toPublic(256 * 1000), NOW - 2000);
    const stubbed = archive(await stub(NOW, Fate.delivered), NOW, { fate: Fate.sent });
    const shown = await views(await list());
    expect(shown.map(({ id }) => id)).toEqual([stubbed, both, archived, old]);
    for (const view of shown) {
      expect(await (await api.request(`/api/messages/${view['id'] as number}`)).json()).toEqual(view);
    }
    expect(shown.map(({ found_in }) => found_in)).toEqual(['archive', 'queue', 'archive', 'queue']);
    expect(shown[0]).toMatchObject({ status: 'delivered', message_body: 'Hello' });
  });

  test('has the text of what only awaits its receipt, whatever the archive’s time is', async () => {
    const id = await stub(NOW - 3 * DAY_MS);
    api.oldRows.set(id, archivedRow({ id, acceptedAt: new Date(NOW - 3 * DAY_MS), fate: Fate.sent }));
    expect(await views(await list())).toMatchObject([{ id, message_body: 'Hello', found_in: 'archive' }]);
  });

  test('of what is sent leaves out what the store knows to be delivered', async () => {
    const gone = archive(await stub(NOW, Fate.delivered), NOW, { fate: Fate.sent });
    // It does not match in the store; the archive does not know yet.
    api.hidden.add(gone);
    const other = archive(api.ids.toPublic(256 * 1000), NOW - 1, { fate: Fate.sent });
    expect(await idsOf(await list('?status=sent'))).toEqual([other]);
  });

  test('shows viewers no texts', async () => {
    await queued();
    archive(api.ids.toPublic(256 * 1000));
    expect(await views(await list('', 'viewer'))).toMatchObject([{ message_body: null }, { message_body: null }]);
  });

  test('asks for what a frontend’s key may see', async () => {
    await list('?account=somebody', 'frontend');
    expect(api.searched[0]![0]).toMatchObject({ visibleTo: 'the-frontend', account: 'somebody' });
    expect(api.listed[0]![0]).toMatchObject({ visibleTo: 'the-frontend', account: 'somebody' });
    expect((await list('', '')).status).toBe(401);
  });

  test('says so when the archive cannot be asked', async () => {
    const id = await queued();
    expect((await list()).headers.get('warning')).toBeNull();
    api.archiveIsUp = false;
    const answer = await list();
    expect(answer.headers.get('warning')).toMatch(/^199 - "the archive cannot be asked now/);
    expect(await idsOf(answer)).toEqual([id]);
  });

  test('is refused when too many are being made', async () => {
    const answers = await Promise.all([list(), list(), list()]);
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 429]);
    expect(answers.find(({ status }) => status === 429)!.headers.get('retry-after')).toBe('1');
    expect((await list()).status).toBe(200);
  });
});

describe('pages', () => {
  test('go on where the last one ended, whatever comes meanwhile', async () => {
    const ids: number[] = [];
    // Some at the same time.
    for (let i = 0; i < 10; i++) ids.push(await queued(NOW - Math.floor(i / 3) * 1000));
    for (let i = 0; i < 10; i++) ids.push(archive(api.ids.toPublic(256 * (1000 - i)), NOW - 10_000 - i));
    const byTime = ids.toSorted((a, b) => timeOf(b) - timeOf(a) || api.ids.fromPublic(b) - api.ids.fromPublic(a));
    const seen: unknown[] = [];
    let next: string | undefined = '?limit=3&queue=sink';
    for (let pages = 0; next !== undefined; pages++) {
      const answer = await list(next);
      seen.push(...(await idsOf(answer)));
      next = nextOf(answer);
      await queued(NOW + 1000);
      expect(pages).toBeLessThan(7);
    }
    expect(seen).toEqual(byTime);
    for (const [match, limit] of api.searched) expect([match.destination, limit]).toEqual(['sink', 4]);
    // The archive is looked through as far back as for the first page.
    expect(new Set(api.listed.map(([, from]) => from))).toEqual(new Set([NOW - DAY_MS]));
  });

  test('a cursor tells nobody’s number', async () => {
    await queued();
    await queued(NOW - 1);
    const cursor = new URLSearchParams(nextOf(await list('?limit=1'))).get('cursor')!;
    const [, id] = Buffer.from(cursor, 'base64url').toString().split('.');
    expect(api.found.has(Number(id))).toBe(true);
  });

  test('end where the store or the archive had looked far enough', async () => {
    const first = await queued(NOW);
    const second = archive(api.ids.toPublic(256 * 1000), NOW - 2000);
    api.storeUntil = { at: NOW - 1000, id: 0 };
    const answer = await list();
    expect(await idsOf(answer)).toEqual([first]);
    api.storeUntil = undefined;
    const rest = await list(nextOf(answer));
    expect(await idsOf(rest)).toEqual([second]);
    expect(nextOf(rest)).toBeUndefined();
  });
});

const timeOf = (id: number): number => api.found.get(id)?.createdAt ?? api.rows.get(id)!.acceptedAt.getTime();
