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
  /** Another one with each change; 1 or more. */
  readonly version: number;
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
/** The row of `settings` that has the version: whoever changes it first has changed the configuration. */
const VERSION = 'configuration_version';

/**
 * Makes the database hold exactly this configuration if it holds version `before` of it now (0: none); older routing tables
 * stay. Of several nodes that come from one version, one gets through: no lock is needed beside the row that is changed.
 *
 * @returns false, and nothing has changed, when another version is there
 * @throws RoutingVersionTakenError, and the driver's errors: nothing has changed
 */
export async function saveConfiguration(
  db: Database,
  snapshot: ConfigurationSnapshot,
  before: number,
): Promise<boolean> {
  try {
    const [guard] = await db.execute<{ done: number }>(saveStatement(snapshot, before));
    if (guard?.done === 1) return true;
    if (snapshot.routing) await checkRouting(db, snapshot.routing);
    return false;
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
  const of = (section: string) =>
    rows.filter(row => row.section === section).map(({ name, definition }) => ({ name, definition }));
  const sections = Object.fromEntries(SECTIONS.map(section => [section, of(section)])) as Record<
    Section,
    ConfigurationEntry[]
  >;
  const version = sections.settings.find(({ name }) => name === VERSION)?.definition as { version: number } | undefined;
  if (!version) return undefined;
  const [routing] = of('routing').map(({ name, definition }) => ({ version: Number(name), routes: definition }));
  const others = sections.settings.filter(({ name }) => name !== VERSION);
  return { ...sections, settings: others, version: version.version, routing };
}

/** The version that the database holds; 0: none. */
export async function configurationVersion(db: Database): Promise<number> {
  const [row] = await db.select().from(settings).where(eq(settings.name, VERSION));
  return (row?.definition as { version: number } | undefined)?.version ?? 0;
}

/**
 * One statement with a part for each table, so that it is done whole or not at all without a transaction (see `Session`
 * for why not). Of two at the same time the second waits for the row of the version, and then finds another one there.
 */
function saveStatement(snapshot: ConfigurationSnapshot, before: number): SQL {
  const { version, routing } = snapshot;
  const entries = SECTIONS.flatMap(section => snapshot[section].map(entry => ({ section, ...entry })));
  const routes = routing ? JSON.stringify(routing.routes) : null;
  const isFree = sql`NOT EXISTS (
    SELECT FROM ${routingTables} WHERE version = ${routing?.version ?? null}::integer AND routes IS DISTINCT FROM ${routes}::text::jsonb)`;
  const definition = sql`${JSON.stringify({ version })}::text::jsonb`;
  const guard =
    before === 0
      ? sql`INSERT INTO ${settings} (name, definition) SELECT ${VERSION}, ${definition} WHERE ${isFree}
          ON CONFLICT (name) DO NOTHING RETURNING 1`
      : sql`UPDATE ${settings} SET definition = ${definition}, updated_at = now()
          WHERE name = ${VERSION} AND (definition->>'version')::bigint = ${before}::bigint AND ${isFree} RETURNING 1`;
  const parts = SECTIONS.map(
    section => sql`
      ${sql.identifier(`removed_${section}`)} AS (
        DELETE FROM ${TABLES[section]} WHERE EXISTS (SELECT FROM guard) AND name <> ${VERSION}
          AND name NOT IN (SELECT name FROM entries WHERE section = ${section})),
      ${sql.identifier(`saved_${section}`)} AS (
        INSERT INTO ${TABLES[section]} AS t (name, definition)
        SELECT name, definition FROM entries WHERE section = ${section} AND EXISTS (SELECT FROM guard)
        ON CONFLICT (name) DO UPDATE SET definition = excluded.definition, updated_at = now()
        WHERE t.definition IS DISTINCT FROM excluded.definition)`,
  );
  return sql`
    WITH guard AS (${guard}),
    entries AS (
      SELECT * FROM jsonb_to_recordset(${JSON.stringify(entries)}::text::jsonb) AS e (section text, name text, definition jsonb)),
    ${sql.join(parts, sql`, `)},
    routing AS (
      INSERT INTO ${routingTables} AS r (version, routes, activated_at)
      SELECT ${routing?.version ?? null}::integer, ${routes}::text::jsonb, clock_timestamp() FROM guard
      WHERE ${routing?.version ?? null}::integer IS NOT NULL
      ON CONFLICT (version) DO UPDATE SET activated_at = excluded.activated_at)
    SELECT count(*)::integer AS done FROM guard`;
}

async function checkRouting(db: Database, { version, routes }: { version: number; routes: unknown }): Promise<void> {
  const [saved] = await db.select().from(routingTables).where(eq(routingTables.version, version));
  // Through JSON, as it went in: undefined members are gone.
  if (saved && !isDeepStrictEqual(saved.routes, JSON.parse(JSON.stringify(routes)))) {
    throw new RoutingVersionTakenError(version);
  }
}
