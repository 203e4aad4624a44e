import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { getRequestListener } from '@hono/node-server';
import type { NodeControl } from '../../actors/node-control.ts';
import { controlApp } from './app.ts';

export interface ControlServer {
  /** Where it listens: `<data>/control.sock`, or a short path elsewhere. */
  readonly path: string;
  /** Refuses new connections, lets answers under way finish, removes the socket. */
  close(): Promise<void>;
}

/** `sun_path` of a Unix socket holds 108 octets with the NUL (unix(7)); a longer path is cut short without an error. */
const MOST_PATH_OCTETS = 107;

/**
 * Opens the control socket of the node that holds `dataDir`'s lock: mode 0600, so it is for this user and root only.
 * What a killed node left behind is replaced. Main thread only (it sets the umask for a moment).
 * @throws Error of the system when the folder cannot be written
 */
export async function serveControl(dataDir: string, control: NodeControl): Promise<ControlServer> {
  const path = socketPath(dataDir);
  rmSync(path, { force: true });
  const listener = getRequestListener(controlApp(control).fetch);
  const server = createServer((request, response) => void listener(request, response));
  server.requestTimeout = 60_000;
  await new Promise<void>((opened, failed) => {
    server.once('error', failed);
    // The socket file is made within `listen`: nobody else can connect before its mode is set.
    const before = process.umask(0o177);
    try {
      server.listen(path, () => {
        server.off('error', failed);
        opened();
      });
    } finally {
      process.umask(before);
    }
  });
  chmodSync(path, 0o600);
  const close = async (): Promise<void> => {
    await new Promise<void>(closed => {
      server.close(() => closed());
      server.closeIdleConnections();
    });
    rmSync(path, { force: true });
    if (dirname(path) !== resolve(dataDir)) rmSync(dirname(path), { recursive: true, force: true });
  };
  return { path, close };
}

function socketPath(dataDir: string): string {
  const path = resolve(dataDir, 'control.sock');
  if (Buffer.byteLength(path) <= MOST_PATH_OCTETS) return path;
  return join(mkdtempSync(join(tmpdir(), 'heliograph-')), 'control.sock');
}
