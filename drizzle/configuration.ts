import { isDeepStrictEqual } from 'node:util';
import { DrizzleQueryError, desc, eq, isNotNull, sql } from 'drizzle-orm';
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
/** Rows in one statement: it has two parameters a row, of 65,534. */
const ROWS = 10_000;

/**
 * Makes the database hold exactly this configuration, in one transaction; older routing tables stay.
 * @throws RoutingVersionTakenError, and the driver's errors
 */
export async function saveConfiguration(db: Database, snapshot: ConfigurationSnapshot): Promise<void> {
  try {
    await db.transaction(async tx => {
      for (const section of SECTIONS) await saveSection(tx, section, snapshot[section]);
      if (snapshot.routing) await saveRouting(tx, snapshot.routing);
    });
  } catch (error) {
    // Drizzle's own error quotes the statement's values, secrets included.
    throw error instanceof DrizzleQueryError ? (error.cause ?? error) : error;
  }
}

/** Undefined when none was ever saved. */
export async function loadConfiguration(db: Database): Promise<ConfigurationSnapshot | undefined> {
  return db.transaction(
    async tx => {
      const sections = {} as Record<Section, ConfigurationEntry[]>;
      for (const section of SECTIONS) {
        const { name, definition } = TABLES[section];
        sections[section] = await tx.select({ name, definition }).from(TABLES[section]).orderBy(name);
      }
      const [routing] = await tx
        .select({ version: routingTables.version, routes: routingTables.routes })
        .from(routingTables)
        .where(isNotNull(routingTables.activatedAt))
        .orderBy(desc(routingTables.activatedAt))
        .limit(1);
      const empty = !routing && SECTIONS.every(section => sections[section].length === 0);
      return empty ? undefined : { ...sections, routing };
    },
    { isolationLevel: 'repeatable read', accessMode: 'read only' },
  );
}

type Transaction = Parameters<Parameters<Database['transaction']>[0]>[0];

async function saveSection(tx: Transaction, section: Section, entries: readonly ConfigurationEntry[]): Promise<void> {
  const table = TABLES[section];
  const names = entries.map(entry => entry.name);
  // An array parameter, not one parameter a name: there can be more names than a statement has parameters.
  await tx.delete(table).where(sql`NOT (${table.name} = ANY (${sql.param(names)}::text[]))`);
  for (let from = 0; from < entries.length; from += ROWS) {
    await tx
      .insert(table)
      .values(entries.slice(from, from + ROWS).map(({ name, definition }) => ({ name, definition })))
      .onConflictDoUpdate({
        target: table.name,
        set: { definition: sql`excluded.definition`, updatedAt: sql`now()` },
        setWhere: sql`${table.definition} IS DISTINCT FROM excluded.definition`,
      });
  }
}

async function saveRouting(tx: Transaction, routing: { version: number; routes: unknown }): Promise<void> {
  const { version, routes } = routing;
  const inserted = await tx
    .insert(routingTables)
    .values({ version, routes, activatedAt: sql`clock_timestamp()` })
    .onConflictDoNothing()
    .returning({ version: routingTables.version });
  if (inserted.length === 1) return;
  const [saved] = await tx.select().from(routingTables).where(eq(routingTables.version, version));
  // Through JSON, as it went in: undefined members are gone.
  if (!isDeepStrictEqual(saved?.routes, JSON.parse(JSON.stringify(routes))))
    throw new RoutingVersionTakenError(version);
  await tx
    .update(routingTables)
    .set({ activatedAt: sql`clock_timestamp()` })
    .where(eq(routingTables.version, version));
}
