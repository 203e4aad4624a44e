import { drizzle, type PostgresJsDatabase } from 'drizzle-orm/postgres-js';
import { connect } from './connect.ts';

/** Drizzle's query builder over a client of its own: drizzle changes the serialisers of the client it is given. */
export type Database = PostgresJsDatabase;

export interface OpenDatabase extends AsyncDisposable {
  readonly db: Database;
  close(): Promise<void>;
}

/** @param url as `connect` takes it */
export function openDatabase(url: string, applicationName: string): OpenDatabase {
  const client = connect(url, { max: 4, applicationName, statementTimeoutMs: 30_000 });
  const close = () => client.end({ timeout: 5 });
  return { db: drizzle(client), close, [Symbol.asyncDispose]: close };
}
