import postgres from 'postgres';
import { connect, type ConnectOptions } from './connect.ts';

/** What runs inside a transaction: a tagged template, as `postgres` has it. */
export type Transaction = postgres.ReservedSql;

/**
 * One connection, and transactions on it, one at a time.
 *
 * Not the driver's own `begin`: when the connection is lost in mid-transaction, postgres 3.4.9 writes its ROLLBACK to a
 * socket that is gone, from a timer where nobody can catch it (seen with a killed backend: the process ends). Here
 * nothing is sent after a loss; whoever made the session makes another.
 */
export class Session implements AsyncDisposable {
  readonly sql: postgres.Sql;

  constructor(url: string, options: Omit<ConnectOptions, 'max'>) {
    this.sql = connect(url, { ...options, max: 1 });
  }

  /**
   * Commits what `work` did, or rolls it back when `work` throws.
   * @throws what `work` throws; an error that is no `PostgresError` ends the session, and says nothing about the COMMIT
   */
  async transaction<T>(work: (tx: Transaction) => Promise<T>): Promise<T> {
    // Connects: the driver's `reserve` never resolves on a connection that has to be opened first (without fetch_types).
    await this.sql`SELECT 1`;
    const tx = await this.sql.reserve();
    try {
      await tx`BEGIN`;
      const result = await work(tx);
      await tx`COMMIT`;
      tx.release();
      return result;
    } catch (error) {
      if (isRefusal(error) && (await rolledBack(tx))) tx.release();
      else await this.end(0);
      throw error;
    }
  }

  /** Closes the connection; what is under way is given up after `timeoutSeconds`. */
  async end(timeoutSeconds: number): Promise<void> {
    await this.sql.end({ timeout: timeoutSeconds });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end(5);
  }
}

/** True when the server has answered, and the connection is whole. */
const isRefusal = (error: unknown): boolean => error instanceof postgres.PostgresError && error.severity === 'ERROR';

async function rolledBack(tx: Transaction): Promise<boolean> {
  return tx`ROLLBACK`.then(
    () => true,
    () => false,
  );
}
