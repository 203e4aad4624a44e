import type { Transaction } from '../../drizzle/session.ts';

/**
 * Runs `COPY … FROM STDIN` inside a transaction and resolves when the server has taken all of it.
 *
 * The driver (postgres 3.4.9) resolves a COPY query as soon as the server is ready for data. An error that comes after
 * the last piece (a constraint checked at the end, the connection lost) it gives to the query, where a settled promise
 * swallows it, and the stream never finishes. So the query's `reject` is taken over once the stream is there.
 *
 * @param pieces each may be overwritten when the next is asked for
 */
export async function copyIn(tx: Transaction, statement: string, pieces: Iterable<Buffer>): Promise<void> {
  const query = tx.unsafe(statement);
  const stream = await query.writable();
  await new Promise<void>((resolve, reject) => {
    (query as unknown as { reject: (error: unknown) => void }).reject = error => {
      stream.destroy();
      reject(error instanceof Error ? error : new Error(String(error)));
    };
    stream.once('error', reject);
    stream.once('finish', resolve);
    const source = pieces[Symbol.iterator]();
    const next = (): void => {
      try {
        const piece = source.next();
        if (piece.done === true) stream.end();
        else stream.write(piece.value, error => (error ? reject(error) : next()));
      } catch (error) {
        stream.destroy(error instanceof Error ? error : new Error(String(error)));
      }
    };
    next();
  });
}
