import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { getTableColumns, getViewSelectedFields, type Table, getTableName } from 'drizzle-orm';
import { connect } from '../../../drizzle/connect.ts';
import { openDatabase } from '../../../drizzle/db.ts';
import { loadConfiguration, saveConfiguration, type ConfigurationSnapshot } from '../../../drizzle/configuration.ts';
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
  expect(await migrate(url)).toEqual({ from: 0, to: 2 });
  const after = await catalogue();
  expect(await migrate(url)).toEqual({ from: 2, to: 2 });
  expect(await catalogue()).toBe(after);
});

test('several nodes at once: one migrates, the others find it done', async () => {
  const results = await Promise.all(Array.from({ length: 5 }, () => migrate(url)));
  expect(results.map(r => r.from).sort((a, b) => a - b)).toEqual([0, 2, 2, 2, 2]);
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
  expect(error).toMatchObject({ code: 'DATABASE_NEWER', found: 77, known: 2 });
  expect((error as Error).message).toMatch(
    /^the database has schema version 77, this release knows versions up to 2: [^\n]+$/,
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
    routing: { version: 1, routes: [{ called_prefix: '44', dest_smsc: 'sink' }] },
  };
  await saveConfiguration(open.db, first);
  expect(await loadConfiguration(open.db)).toEqual({ ...first, settings: first.settings.toReversed() });

  const second = {
    ...first,
    accounts: [entry('load', { binds: 2 })],
    users: [],
    settings: [],
    routing: { version: 2, routes: [] },
  };
  await saveConfiguration(open.db, second);
  expect(await loadConfiguration(open.db)).toEqual(second);
  // Back to version 1, which is still there.
  await saveConfiguration(open.db, { ...second, routing: first.routing });
  expect((await loadConfiguration(open.db))?.routing).toEqual(first.routing);

  const taken = { ...second, accounts: [], routing: { version: 1, routes: [] } };
  await expect(saveConfiguration(open.db, taken)).rejects.toMatchObject({ code: 'ROUTING_VERSION_TAKEN', version: 1 });
  expect((await loadConfiguration(open.db))?.accounts).toEqual(second.accounts);
});

test('100,000 accounts', async () => {
  await migrate(url);
  await using open = openDatabase(url, 'test');
  const accounts = Array.from({ length: 100_000 }, (_, i) => ({ name: `account-${i}`, definition: { binds: i } }));
  const snapshot = { accounts, carriers: [], frontends: [], users: [], apiKeys: [], settings: [], routing: undefined };
  await saveConfiguration(open.db, snapshot);
  await saveConfiguration(open.db, { ...snapshot, accounts: accounts.slice(1) });
  expect((await loadConfiguration(open.db))?.accounts).toHaveLength(99_999);
});
