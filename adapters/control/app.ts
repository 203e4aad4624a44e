import { Hono } from 'hono';
import type { Context } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { ControlError } from '../../actors/node-control.ts';
import type { ControlErrorCode, NodeControl, OutgoingText, RepushRequest } from '../../actors/node-control.ts';
import { MOST_BODY_OCTETS } from './protocol.ts';
import type { ErrorBody } from './protocol.ts';

const STATUS_OF: Readonly<Record<ControlErrorCode, 400 | 404 | 409 | 413 | 422 | 500 | 503>> = {
  invalid: 400,
  'not-found': 404,
  conflict: 409,
  'too-large': 413,
  refused: 422,
  unavailable: 503,
  'no-node': 503,
  internal: 500,
};

/**
 * The control socket's HTTP interface: one route for each method of `NodeControl`. Whoever may open the socket may do
 * everything, so there is no further sign-in. Both ends are of one release: no version in the paths but the first.
 */
export function controlApp(control: NodeControl): Hono {
  const app = new Hono();
  app.use(
    bodyLimit({
      maxSize: MOST_BODY_OCTETS,
      onError: c => failure(c, new ControlError('too-large', `more than ${MOST_BODY_OCTETS} octets`)),
    }),
  );
  app.onError((error, c) => failure(c, error));
  app.notFound(c =>
    failure(c, new ControlError('not-found', `no ${c.req.method} ${c.req.path} on the control socket`)),
  );

  app.get('/v1/status', async c => c.json(await control.status()));
  app.get('/v1/names', async c => c.json(await control.names()));
  app.post('/v1/apply', async c => c.json(await control.apply(await body(c))));
  app.post('/v1/drain', async c => c.json(await control.drain()));
  app.post('/v1/messages', async c => c.json(await control.send(outgoingText(await body(c))), 201));
  app.get('/v1/messages/:id{[0-9]+}', async c => c.json(await control.message(Number(c.req.param('id')))));
  app.get('/v1/accounts', async c => c.json(await control.accounts()));
  app.post('/v1/accounts', async c => c.json(await control.addAccount(await body(c)), 201));
  app.patch('/v1/accounts/:name', async c => c.json(await control.changeAccount(c.req.param('name'), await body(c))));
  app.post('/v1/accounts/:name/unbind', async c => {
    const session = (await body(c)) as { session?: unknown } | null;
    return c.json(await control.unbindAccount(c.req.param('name'), sessionNumber(session?.session)));
  });
  app.delete('/v1/accounts/:name', async c => {
    await control.removeAccount(c.req.param('name'));
    return c.body(null, 204);
  });
  app.post('/v1/receipts/repush', async c => c.json(await control.repushReceipts(repushRequest(await body(c))), 202));
  app.post('/v1/receipts/flush', async c => c.json(await control.flushReceipts()));
  app.get('/v1/receipts/repush/:run', async c => c.json(await control.repushed(c.req.param('run'))));
  app.get('/v1/carriers', async c => c.json(await control.carriers()));
  app.patch('/v1/carriers/:name', async c => c.json(await control.changeCarrier(c.req.param('name'), await body(c))));
  app.patch('/v1/carriers/:name/binds/:slot{[1-9][0-9]{0,4}}', async c => {
    const { started } = ((await body(c)) ?? {}) as { started?: unknown };
    if (typeof started !== 'boolean') throw new ControlError('invalid', 'started: expected true or false');
    return c.json(await control.switchBind(c.req.param('name'), Number(c.req.param('slot')), started));
  });
  app.delete('/v1/carriers/:name', async c => {
    await control.removeCarrier(c.req.param('name'));
    return c.body(null, 204);
  });
  return app;
}

/** @throws ControlError `invalid` */
function sessionNumber(value: unknown): number {
  if (value === undefined) return 0;
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  throw new ControlError('invalid', 'session: expected the id of a session, or 0');
}

async function body(c: Context): Promise<unknown> {
  const text = await c.req.text();
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw new ControlError('invalid', `the body is not JSON: ${(error as Error).message}`);
  }
}

/** @throws ControlError `invalid` */
function repushRequest(value: unknown): RepushRequest {
  const { account, from, to, run, rate } = (value ?? {}) as Readonly<Record<string, unknown>>;
  if (typeof account !== 'string') return wrong('account: expected a name');
  if (!isTime(from)) return wrong('from: expected ms since 1970');
  if (!isTime(to)) return wrong('to: expected ms since 1970');
  if (run !== undefined && !(typeof run === 'string' && /^[A-Za-z0-9._-]{1,64}$/.test(run))) {
    return wrong('run: expected 1 to 64 letters, digits, ".", "_" or "-"');
  }
  if (rate !== undefined && !(typeof rate === 'number' && rate >= 1 && rate <= 100_000)) {
    return wrong('rate: expected 1 to 100000 a second');
  }
  return { account, from, to, run, rate };
}

function wrong(what: string): never {
  throw new ControlError('invalid', what);
}

const isTime = (value: unknown): value is number =>
  typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= 8.64e15;

/** @throws ControlError `invalid` */
function outgoingText(value: unknown): OutgoingText {
  const given = (typeof value === 'object' && value !== null ? value : {}) as Readonly<Record<string, unknown>>;
  const field = (name: string, fallback?: string): string => {
    const text = given[name] ?? fallback;
    if (typeof text === 'string') return text;
    throw new ControlError('invalid', `${name}: expected text`);
  };
  return { to: field('to'), text: field('text'), from: field('from', ''), account: field('account', '') };
}

function failure(c: Context, error: Error): Response {
  const known = error instanceof ControlError ? error : new ControlError('internal', error.message);
  const { code, message, details } = known;
  return c.json({ error: { code, message, details } } satisfies ErrorBody, STATUS_OF[code]);
}
