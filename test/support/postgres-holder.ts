import { startEmbeddedPostgres } from '../../adapters/archive/embedded-postgres.ts';

/** A process that holds an embedded Postgres, to be killed: `node postgres-holder.ts FOLDER`. Prints the postmaster's pid. */
const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
const postgres = await startEmbeddedPostgres({ folder: process.argv[2]!, log });
process.stdout.write(`${postgres.pid}\n`);
// On "exit" it ends in good order but without stop(), as after an uncaught exception.
process.stdin.on('data', () => process.exit(3));
