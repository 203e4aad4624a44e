import {
  anything,
  array,
  assert,
  asyncProperty,
  constant,
  constantFrom,
  dictionary,
  jsonValue,
  oneof,
  string,
  tuple,
} from 'fast-check';
import type { Arbitrary } from 'fast-check';
import { expect, test } from 'vitest';
import { submitSchema } from '../../../../adapters/http/schema.ts';
import { ApiBench } from '../../../support/api-bench.ts';

/** Values that fields have, or nearly have. */
const plausible: Arbitrary<unknown> = oneof(
  ...[
    '+447700900123',
    '00',
    '12345',
    'Shop',
    'sink',
    'load',
    'gsm7',
    'ucs2',
    '8bit',
    'latin1',
    'automatic_deletion',
    'data_coding_message_class',
    '2025-10-17T10:30:00Z',
    '9999-12-31T23:59:59Z',
    '00ff',
    true,
    false,
    null,
    0,
    3,
    255,
    1e308,
    -1,
  ].map(value => constant(value)),
  dictionary(string({ maxLength: 4 }), string({ maxLength: 6 })),
  string({ unit: 'grapheme', maxLength: 400 }),
  jsonValue(),
);

const right = { source_msisdn: '+15550100', destination_msisdn: '+447700900123', message_body: 'Hi', source_smsc: 'x' };
/** A message that is right, with up to four of its fields replaced. */
const body = array(tuple(constantFrom(...Object.keys(submitSchema.shape)), plausible), { maxLength: 4 }).map(
  changes => ({
    ...right,
    ...Object.fromEntries(changes),
  }),
);

const api = new ApiBench();
let taken = 0;

/** An answer of the API: what it may be, whatever was asked. */
async function expectSane(answer: Response): Promise<void> {
  expect(answer.status).not.toBe(500);
  expect(api.failures).toEqual([]);
  if (answer.status >= 400) {
    const { status, detail } = (await answer.json()) as { status: number; detail: string };
    expect(status).toBe(answer.status);
    expect(detail.length).toBeGreaterThan(0);
    return;
  }
  expect(answer.status).toBe(201);
  taken++;
  // What was taken can be shown.
  const id = api.keep();
  const shown = await api.request(`/api/messages/${id}`);
  expect(shown.status).toBe(200);
  await shown.json();
  api.found.clear();
  api.submitted.length = 0;
}

test('whatever the fields hold, the answer is one that the document has', async () => {
  await assert(
    asyncProperty(body, async fields => expectSane(await api.post(fields))),
    { numRuns: 3000 },
  );
  expect(taken).toBeGreaterThan(600);
});

test('whatever the body is', async () => {
  const bodies = oneof(
    string({ unit: 'binary', maxLength: 200 }),
    anything().map(value => JSON.stringify(value) ?? ''),
    body.map(fields => JSON.stringify(fields).slice(0, -1)),
  );
  await assert(
    asyncProperty(bodies, async text => expectSane(await api.post(text.toWellFormed()))),
    { numRuns: 1000 },
  );
});
