import { readFileSync } from 'node:fs';
import { connect, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';

/** TLS towards a carrier. Files are PEM; they are read at each connection, so a renewed certificate is taken by itself. */
export interface CarrierTls {
  /** Who signs the carrier's certificate; '': the authorities that Node.js knows. */
  readonly caFile: string;
  /** Our certificate, and its key; '': none. */
  readonly certFile: string;
  readonly keyFile: string;
  /** The name in the carrier's certificate; '': its host. */
  readonly serverName: string;
  /** False: whatever certificate it shows. */
  readonly verify: boolean;
}

export interface Place {
  readonly host: string;
  readonly port: number;
}

/**
 * Begins to connect. `ready` is called when octets can be sent: after the handshake where there is TLS.
 *
 * @param localAddress to connect from; '': the system's choice
 * @throws Error naming a certificate file that cannot be read
 */
export function connectTo(
  { host, port }: Place,
  localAddress: string,
  tls: CarrierTls | undefined,
  ready: () => void,
): Socket {
  const from = localAddress === '' ? {} : { localAddress };
  if (!tls) return connect({ host, port, ...from }).once('connect', ready);
  const name = tls.serverName || (isIP(host) === 0 ? host : '');
  return connectTls({
    host,
    port,
    ...from,
    ...(name === '' ? {} : { servername: name }),
    ...pem('ca', tls.caFile),
    ...pem('cert', tls.certFile),
    ...pem('key', tls.keyFile),
    rejectUnauthorized: tls.verify,
    minVersion: 'TLSv1.2',
  }).once('secureConnect', ready);
}

function pem(option: 'ca' | 'cert' | 'key', file: string): { readonly [K in typeof option]?: Buffer } {
  if (file === '') return {};
  try {
    return { [option]: readFileSync(file) };
  } catch (error) {
    throw new Error(`tls.${option}_file ${file} cannot be read: ${(error as NodeJS.ErrnoException).code}`, {
      cause: error,
    });
  }
}
