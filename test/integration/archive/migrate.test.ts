import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { getTableColumns, getViewSelectedFields, type Table, getTableName } from 'drizzle-orm';
import { connect } from '../../../drizzle/connect.ts';
import { openDatabase } from '../../../drizzle/db.ts';
import {
  configurationVersion,
  loadConfiguration,
  saveConfiguration,
  type ConfigurationSnapshot,
} from '../../../drizzle/configuration.ts';
import { migrate, NewerDatabaseError } from '../../../drizzle/migrate.ts';
import * as archive from '../../../drizzle/schema/archive.ts';
import * as configuration from '../../../drizzle/schema/configuration.ts';
import { startTestPostgres, type TestPostgres } from '../../support/test-postgres.ts';

const entry = (name: string, definition: object = { a: 1 }) => ({ name, definition });

let postgres: TestPostgres;
let url: string;

beforeAll(async () => {
  postgres = await startTestPostgres();
});
afterAll(() => postgres.stop());
beforeEach(async () => {
  url = await postgres.database();
});

/** Everything that is in the catalogue, as text. */
async function catalogue(): Promise<string> {
  const sql = connect(url, { max: 1, applicationName: 'test', statementTimeoutMs: 30_000 });
  const columns = await sql`
    SELECT table_name, column_name, data_type, is_nullable FROM information_schema.columns
    WHERE table_schema = 'public' ORDER BY 1, 2`;
  const versions = await sql`SELECT to_regclass('schema_versions') IS NULL AS none`;
  const applied = versions[0]?.['none'] === true ? [] : await sql`SELECT * FROM schema_versions ORDER BY version`;
  await sql.end();
  return JSON.stringify([columns, applied]);
}

test('from empty, and again', async () => {
  expect(await migrate(url)).toEqual({ from: 0, to: 4 });
  const after = await catalogue();
  expect(await migrate(url)).toEqual({ from: 4, to: 4 });
  expect(await catalogue()).toBe(after);
});

test('a database of the release before gets what is missing, with its days in it', async () => {
  await migrate(url);
  const sql = connect(url, { max: 1, applicationName: 'test', statementTimeoutMs: 30_000 });
  await sql`CREATE TABLE messages_20261121 PARTITION OF messages FOR VALUES FROM ('2026-11-21') TO ('2026-11-22')`;
  const indexes = async (): Promise<unknown[]> =>
    (await sql`SELECT indexname AS name FROM pg_indexes WHERE tablename = 'messages_20261121' ORDER BY 1`).map(
      ({ name }) => name as unknown,
    );
  const now = await indexes();
  await sql`DROP INDEX messages_accepted_at`;
  await sql`DELETE FROM schema_versions WHERE version = 4`;
  expect(await indexes()).not.toEqual(now);
  expect(await migrate(url)).toEqual({ from: 3, to: 4 });
  expect(await indexes()).toEqual(now);
  await sql.end();
});

test('several nodes at once: one migrates, the others find it done', async () => {
  const results = await Promise.all(Array.from({ length: 5 }, () => migrate(url)));
  expect(results.map(r => r.from).sort((a, b) => a - b)).toEqual([0, 4, 4, 4, 4]);
});

test('a database of a newer release: refused in one line, nothing changed', async () => {
  await migrate(url);
  const sql = connect(url, { max: 1, applicationName: 'test', statementTimeoutMs: 30_000 });
  await sql`INSERT INTO schema_versions (version, name) VALUES (77, '0077_of_tomorrow')`;
  await sql`DROP VIEW message_fates`;
  await sql.end();
  const before = await catalogue();
  const error = await migrate(url).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(NewerDatabaseError);
  expect(error).toMatchObject({ code: 'DATABASE_NEWER', found: 77, known: 4 });
  expect((error as Error).message).toMatch(
    /^the database has schema version 77, this release knows versions up to 4: [^\n]+$/,
  );
  expect(await catalogue()).toBe(before);
});

test("drizzle's schema and the migrations name the same columns", async () => {
  await migrate(url);
  const sql = connect(url, { max: 1, applicationName: 'test', statementTimeoutMs: 30_000 });
  const columnsOf = async (table: string) =>
    new Set(
      (await sql`SELECT column_name AS name FROM information_schema.columns WHERE table_name = ${table}`).map(
        c => c['name'],
      ),
    );
  const { messageFates, ...tables } = archive;
  for (const table of Object.values({ ...tables, ...configuration }) as Table[]) {
    const ours = Object.values(getTableColumns(table)).map(column => column.name);
    expect([getTableName(table), new Set(ours)]).toEqual([getTableName(table), await columnsOf(getTableName(table))]);
  }
  const view = Object.values(getViewSelectedFields(messageFates)).map(column => column.name);
  expect(new Set(view)).toEqual(await columnsOf('message_fates'));
  await sql.end();
});

test('a configuration is saved whole and loaded again', async () => {
  await migrate(url);
  await using open = openDatabase(url, 'test');
  expect(await loadConfiguration(open.db)).toBeUndefined();
  const first: ConfigurationSnapshot = {
    accounts: [entry('demo', { binds: 10, allow_ips: [] }), entry('load')],
    carriers: [entry('sink', { port: 2796, note: 'ü"\'\\' })],
    frontends: [],
    users: [entry('admin')],
    apiKeys: [entry('ops')],
    settings: [entry('retry', { factor: null }), entry('flag', { on: false })],
    version: 1,
    routing: { version: 1, routes: [{ called_prefix: '44', dest_smsc: 'sink' }] },
  };
  expect(await saveConfiguration(open.db, first, 0)).toBe(true);
  expect(await loadConfiguration(open.db)).toEqual({ ...first, settings: first.settings.toReversed() });

  const second = {
    ...first,
    accounts: [entry('load', { binds: 2 })],
    users: [],
    settings: [],
    version: 2,
    routing: { version: 2, routes: [] },
  };
  expect(await saveConfiguration(open.db, second, 1)).toBe(true);
  expect(await loadConfiguration(open.db)).toEqual(second);
  // Back to version 1, which is still there.
  expect(await saveConfiguration(open.db, { ...second, version: 3, routing: first.routing }, 2)).toBe(true);
  expect((await loadConfiguration(open.db))?.routing).toEqual(first.routing);

  const taken = { ...second, version: 4, accounts: [], routing: { version: 1, routes: [] } };
  await expect(saveConfiguration(open.db, taken, 3)).rejects.toMatchObject({
    code: 'ROUTING_VERSION_TAKEN',
    version: 1,
  });
  expect((await loadConfiguration(open.db))?.accounts).toEqual(second.accounts);
});

test('of several that come from one version one gets through, whole', async () => {
  await migrate(url);
  const databases = Array.from({ length: 4 }, (_, i) => openDatabase(url, `test ${i}`));
  const none = { carriers: [], frontends: [], users: [], apiKeys: [], settings: [] };
  const tried = async (before: number): Promise<number[]> => {
    const done = await Promise.all(
      databases.map(({ db }, i) => {
        const routing = { version: before + 1, routes: [i] };
        return saveConfiguration(
          db,
          { ...none, version: before + 1, accounts: [entry(`a${i}`)], routing },
          before,
        ).catch(() => false);
      }),
    );
    return done.flatMap((isDone, i) => (isDone ? [i] : []));
  };
  for (let version = 0; version < 5; version++) {
    const [winner, ...others] = await tried(version);
    expect(others).toEqual([]);
    const now = await loadConfiguration(databases[0]!.db);
    expect(now?.version).toBe(version + 1);
    expect(now?.accounts.map(({ name }) => name)).toEqual([`a${winner}`]);
    expect(now?.routing).toEqual({ version: version + 1, routes: [winner] });
    expect(await configurationVersion(databases[0]!.db)).toBe(version + 1);
  }
  expect(await saveConfiguration(databases[0]!.db, { ...none, version: 9, accounts: [], routing: undefined }, 4)).toBe(
    false,
  );
  expect(await saveConfiguration(databases[0]!.db, { ...none, version: 9, accounts: [], routing: undefined }, 0)).toBe(
    false,
  );
  for (const database of databases) await database.close();
});

test('100,000 accounts', async () => {
  await migrate(url);
  await using open = openDatabase(url, 'test');
  const accounts = Array.from({ length: 100_000 }, (_, i) => ({ name: `account-${i}`, definition: { binds: i } }));
  const none = { carriers: [], frontends: [], users: [], apiKeys: [], settings: [], routing: undefined };
  await saveConfiguration(open.db, { ...none, version: 1, accounts }, 0);
  await saveConfiguration(open.db, { ...none, version: 2, accounts: accounts.slice(1) }, 1);
  expect((await loadConfiguration(open.db))?.accounts).toHaveLength(99_999);
});
