import postgres from 'postgres';
import { connect, type ConnectOptions } from './connect.ts';

/** What runs inside a transaction: a tagged template, as `postgres` has it. */
export type Transaction = postgres.ReservedSql;

/**
 * One connection, and transactions on it, one at a time. A lost connection ends the session: whoever made it makes
 * another.
 *
 * Not the driver's own `begin`, which cannot lose a connection in good order (postgres 3.4.9, seen with killed backends):
 * it writes its ROLLBACK to a socket that is gone, from a timer where nobody can catch it, and a query that comes between
 * the socket's `error` and its `close` is never answered. So here nothing is sent after a loss, and the close itself
 * settles what is under way.
 */
export class Session implements AsyncDisposable {
  readonly sql: postgres.Sql;
  /** Rejects when the connection is gone. */
  readonly #gone: Promise<never>;

  constructor(url: string, options: Omit<ConnectOptions, 'max' | 'onClose'>) {
    let lose: (error: Error) => void;
    this.#gone = new Promise((_, reject) => {
      lose = reject;
    });
    this.#gone.catch(() => undefined);
    const onClose = (): void => lose(new Error('the connection to the database was lost'));
    this.sql = connect(url, { ...options, max: 1, onClose });
  }

  /**
   * Commits what `work` did, or rolls it back when `work` throws.
   * @throws what `work` throws; an error that is no `PostgresError` ends the session, and says nothing about the COMMIT
   */
  async transaction<T>(work: (tx: Transaction) => Promise<T>): Promise<T> {
    return Promise.race([this.#run(work), this.#gone]);
  }

  async #run<T>(work: (tx: Transaction) => Promise<T>): Promise<T> {
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

  /** The server's process that serves this connection, by its number there. */
  async backendPid(): Promise<number> {
    const [row] = await Promise.race([this.sql<{ pid: number }[]>`SELECT pg_backend_pid() AS pid`, this.#gone]);
    return row!.pid;
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
