import { drizzle, type PostgresJsDatabase } from 'drizzle-orm/postgres-js';
import { connect, type ConnectOptions } from './connect.ts';

/** Drizzle's query builder over a client of its own: drizzle changes the serialisers of the client it is given. */
export type Database = PostgresJsDatabase;

export interface OpenDatabase extends AsyncDisposable {
  readonly db: Database;
  close(): Promise<void>;
}

/** @param url as `connect` takes it @param limits most connections, and how long a statement may take */
export function openDatabase(
  url: string,
  applicationName: string,
  limits: Pick<ConnectOptions, 'max' | 'statementTimeoutMs'> = { max: 4, statementTimeoutMs: 30_000 },
): OpenDatabase {
  const client = connect(url, { ...limits, applicationName });
  const close = () => client.end({ timeout: 5 });
  return { db: drizzle(client), close, [Symbol.asyncDispose]: close };
}
