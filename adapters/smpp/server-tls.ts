import { readFileSync, statSync } from 'node:fs';
import { createSecureContext, createServer, type SecureContextOptions, type Server } from 'node:tls';

/** TLS towards ESMEs. Files are PEM. */
export interface ServerTls {
  readonly certFile: string;
  readonly keyFile: string;
  /** Who signs the certificates of ESMEs; '': they are asked for none. */
  readonly caFile: string;
  /** An ESME without one is not let in. */
  readonly isRequired: boolean;
}

/** How often the files are looked at: a renewed certificate counts from the next connection on. */
const LOOK_MS = 10_000;

/**
 * A TLS server that is given its connections (`emit('connection', socket)`).
 *
 * @throws Error naming a file that cannot be read or used
 */
export function tlsServer(tls: ServerTls): Server {
  const server = createServer({
    ...optionsOf(tls),
    requestCert: tls.caFile !== '',
    rejectUnauthorized: tls.caFile !== '' && tls.isRequired,
    minVersion: 'TLSv1.2',
  });
  let stamp = stampOf(tls);
  let lookedAt = performance.now();
  server.prependListener('connection', () => {
    const now = performance.now();
    if (now - lookedAt < LOOK_MS) return;
    lookedAt = now;
    try {
      const current = stampOf(tls);
      if (current === stamp) return;
      server.setSecureContext(optionsOf(tls));
      stamp = current;
    } catch {
      // Half written, perhaps: the old certificate goes on until a whole one is there.
    }
  });
  return server;
}

/** @throws Error naming what cannot be read or used */
export function checkServerTls(tls: ServerTls): void {
  const options = optionsOf(tls);
  try {
    createSecureContext(options);
  } catch (error) {
    throw new Error(`listeners.smpps: ${tls.certFile} and ${tls.keyFile} do not make a certificate`, { cause: error });
  }
}

function optionsOf({ certFile, keyFile, caFile }: ServerTls): SecureContextOptions {
  return {
    cert: pem('cert_file', certFile),
    key: pem('key_file', keyFile),
    ...(caFile === '' ? {} : { ca: pem('ca_file', caFile) }),
  };
}

function pem(setting: string, file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new Error(`listeners.smpps.${setting} ${file} cannot be read: ${code}`, { cause: error });
  }
}

const stampOf = ({ certFile, keyFile, caFile }: ServerTls): string =>
  [certFile, keyFile, caFile].map(file => (file === '' ? '' : statSync(file).mtimeMs)).join();
