import { isDeepStrictEqual } from 'node:util';
import { DrizzleQueryError, eq, sql, type SQL } from 'drizzle-orm';
import type { Database } from './db.ts';
import { accounts, apiKeys, carriers, frontends, routingTables, settings, users } from './schema/configuration.ts';

/**
 * The configuration as the database keeps it. Definitions are JSON, laid out as in the configuration file and validated
 * by whoever makes the snapshot; secrets that can be hashed come hashed.
 */
export interface ConfigurationEntry {
  readonly name: string;
  readonly definition: object;
}

export const SECTIONS = ['accounts', 'carriers', 'frontends', 'users', 'apiKeys', 'settings'] as const;
export type Section = (typeof SECTIONS)[number];

export type ConfigurationSnapshot = { readonly [S in Section]: readonly ConfigurationEntry[] } & {
  /** The active version of the routing table. */
  readonly routing: { readonly version: number; readonly routes: unknown } | undefined;
};

/** A version of the routing table cannot be saved twice with other routes. */
export class RoutingVersionTakenError extends Error {
  readonly code = 'ROUTING_VERSION_TAKEN';
  readonly version: number;
  constructor(version: number) {
    super(`routing table ${version} is in the database with other routes: versions are immutable`);
    this.name = 'RoutingVersionTakenError';
    this.version = version;
  }
}

const TABLES = { accounts, carriers, frontends, users, apiKeys, settings } as const;

/**
 * Makes the database hold exactly this configuration; older routing tables stay.
 * @throws RoutingVersionTakenError, and the driver's errors: nothing has changed then, but for a routing table that was
 *   added and is not active
 */
export async function saveConfiguration(db: Database, snapshot: ConfigurationSnapshot): Promise<void> {
  try {
    if (snapshot.routing) await addRouting(db, snapshot.routing);
    await db.execute(saveStatement(snapshot));
  } catch (error) {
    // Drizzle's own error quotes the statement's values, secrets included.
    throw error instanceof DrizzleQueryError ? (error.cause ?? error) : error;
  }
}

/** Undefined when none was ever saved. */
export async function loadConfiguration(db: Database): Promise<ConfigurationSnapshot | undefined> {
  // One statement: one state of the database.
  const parts = SECTIONS.map(section => sql`SELECT ${section} AS section, name, definition FROM ${TABLES[section]}`);
  const active = sql`SELECT 'routing', version::text, routes FROM (
    SELECT version, routes FROM ${routingTables} WHERE activated_at IS NOT NULL ORDER BY activated_at DESC LIMIT 1)`;
  const rows = await db.execute<{ section: string; name: string; definition: object }>(
    sql`SELECT * FROM (${sql.join([...parts, active], sql` UNION ALL `)}) AS all_of_it ORDER BY name`,
  );
  if (rows.length === 0) return undefined;
  const of = (section: string) =>
    rows.filter(row => row.section === section).map(({ name, definition }) => ({ name, definition }));
  const sections = Object.fromEntries(SECTIONS.map(section => [section, of(section)]));
  const [routing] = of('routing').map(({ name, definition }) => ({ version: Number(name), routes: definition }));
  return { ...(sections as Record<Section, ConfigurationEntry[]>), routing };
}

/**
 * One statement with a part for each table, so that it is done whole or not at all without a transaction (see `Session`
 * for why not).
 */
function saveStatement(snapshot: ConfigurationSnapshot): SQL {
  const entries = SECTIONS.flatMap(section => snapshot[section].map(entry => ({ section, ...entry })));
  const parts = SECTIONS.map(
    section => sql`
      ${sql.identifier(`removed_${section}`)} AS (
        DELETE FROM ${TABLES[section]} WHERE name NOT IN (SELECT name FROM entries WHERE section = ${section})),
      ${sql.identifier(`saved_${section}`)} AS (
        INSERT INTO ${TABLES[section]} AS t (name, definition)
        SELECT name, definition FROM entries WHERE section = ${section}
        ON CONFLICT (name) DO UPDATE SET definition = excluded.definition, updated_at = now()
        WHERE t.definition IS DISTINCT FROM excluded.definition)`,
  );
  return sql`
    WITH entries AS (
      SELECT * FROM jsonb_to_recordset(${JSON.stringify(entries)}::text::jsonb) AS e (section text, name text, definition jsonb)),
    ${sql.join(parts, sql`, `)}
    UPDATE ${routingTables} SET activated_at = clock_timestamp() WHERE version = ${snapshot.routing?.version ?? null}`;
}

async function addRouting(db: Database, routing: { version: number; routes: unknown }): Promise<void> {
  const { version, routes } = routing;
  const inserted = await db
    .insert(routingTables)
    .values({ version, routes })
    .onConflictDoNothing()
    .returning({ version: routingTables.version });
  if (inserted.length === 1) return;
  const [saved] = await db.select().from(routingTables).where(eq(routingTables.version, version));
  // Through JSON, as it went in: undefined members are gone.
  if (!isDeepStrictEqual(saved?.routes, JSON.parse(JSON.stringify(routes))))
    throw new RoutingVersionTakenError(version);
}
