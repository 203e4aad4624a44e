import postgres from 'postgres';

export interface ConnectOptions {
  /** Most connections. */
  readonly max: number;
  /** Shown in `pg_stat_activity`. */
  readonly applicationName: string;
  readonly statementTimeoutMs: number;
  /** A connection ended, whoever ended it. Absent: connections are replaced after 30 to 60 minutes, and when lost. */
  readonly onClose?: () => void;
}

/** Waiting for a lock longer than this fails the statement, which is then tried again: it never blocks others behind it. */
const LOCK_TIMEOUT_MS = 10_000;
/**
 * A machine that is gone in the middle of a COPY says no goodbye, and no timeout of statements ends a server's wait for data:
 * its rows, and the minute's counters, would be locked for everybody until the system's keepalive, two hours. The server
 * probes after 10 s of silence, and gives up 15 s later. (Passed over on a Unix socket.)
 */
const KEEPALIVE = { tcp_keepalives_idle: 10, tcp_keepalives_interval: 5, tcp_keepalives_count: 3 } as const;

/**
 * A client of `postgres` for a URL. Opens no connection before the first query.
 *
 * @param url `postgres://user:password@host:port/database?sslmode=…`; a server on a Unix socket as libpq writes it:
 *   `postgres:///database?host=/folder&user=name`
 */
export function connect(url: string, options: ConnectOptions): postgres.Sql {
  const { address, socket } = splitSocket(url);
  return postgres(address, {
    ...socket,
    max: options.max,
    connect_timeout: 10,
    onnotice: () => undefined,
    ...(options.onClose ? { onclose: options.onClose, max_lifetime: null } : {}),
    // The driver's own query for array types at connect rejects where nobody can catch it when the server is just
    // starting or stopping. Without it arrays cannot be parameters: pass JSON.
    fetch_types: false,
    connection: {
      application_name: options.applicationName,
      statement_timeout: options.statementTimeoutMs,
      lock_timeout: LOCK_TIMEOUT_MS,
      idle_in_transaction_session_timeout: options.statementTimeoutMs,
      ...KEEPALIVE,
      TimeZone: 'UTC',
    },
  });
}

/** The driver knows no `host=/folder` in a URL: gives it as options instead. */
function splitSocket(url: string): { address: string; socket: { host?: string; port?: number; user?: string } } {
  const parsed = new URL(url);
  const host = parsed.searchParams.get('host');
  if (!host?.startsWith('/')) return { address: url, socket: {} };
  const user = parsed.searchParams.get('user') ?? decodeURIComponent(parsed.username);
  const port = Number(parsed.searchParams.get('port') ?? parsed.port) || 5432;
  for (const name of ['host', 'user', 'port']) parsed.searchParams.delete(name);
  parsed.host = 'localhost';
  return { address: parsed.href, socket: { host, port, ...(user === '' ? {} : { user }) } };
}

/** A URL as it may be shown: without its password. */
export function shownUrl(url: string): string {
  const parsed = new URL(url);
  if (parsed.password !== '') parsed.password = '***';
  return parsed.href;
}
