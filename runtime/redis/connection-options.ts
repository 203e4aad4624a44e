import type { RedisOptions } from 'ioredis';
import type { RedisAddress } from './address.ts';

export interface LineSettings {
  /** Longest wait for any answer, ms. */
  readonly deadlineMs: number;
  /** A server's certificate is not checked, and it needs no password: for closed networks. */
  readonly insecure: boolean;
}

/** Replies in the shapes of RESP2, whatever the protocol. */
export type ConnectionOptions = RedisOptions & { readonly replyMapping: 'legacy' };

/**
 * What every connection has. Nothing is kept for later and nothing is sent twice (R7: defaults stored one batch twice), no
 * call waits for ever (R8: a black hole held one for 40 s and more), and a lost connection is made anew by `RedisLine`.
 */
export function connectionOptions(address: RedisAddress, { deadlineMs, insecure }: LineSettings): ConnectionOptions {
  const { username, password, tls } = address;
  return {
    replyMapping: 'legacy',
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    enableOfflineQueue: false,
    socketTimeout: deadlineMs,
    commandTimeout: deadlineMs,
    connectTimeout: deadlineMs,
    // A peer that has gone silent does not say goodbye either.
    disconnectTimeout: 10,
    maxLoadingRetryTime: deadlineMs,
    retryStrategy: () => null,
    connectionName: 'heliograph',
    ...(username !== '' && { username }),
    ...(password !== '' && { password }),
    ...(tls && { tls: { rejectUnauthorized: !insecure } }),
  };
}
