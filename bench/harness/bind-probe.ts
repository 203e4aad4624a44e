import { connect } from 'node:net';
import { encodePdu } from '../../adapters/smpp/codec/encode.ts';
import { pause } from './wait.ts';

const BIND_RESP = 0x80000009;
/** A connection that is not answered for so long is given up, and the next one tried. */
const ANSWER_MS = 5000;

export function bindPdu(systemId: string): Buffer {
  return encodePdu({
    command: 'bind_transceiver',
    sequence_number: 1,
    system_id: systemId,
    password: systemId.slice(0, 8),
    interface_version: 0x34,
  });
}

/**
 * Binds as `load` as soon as that is possible, trying every 2 ms. @returns `performance.now()` when the answer was there
 * @throws after `limitMs`, and when the bind is refused
 */
export async function firstBind(port: number, limitMs: number): Promise<number> {
  const endMs = performance.now() + limitMs;
  for (;;) {
    const status = await tryBind(port);
    if (status === 0) return performance.now();
    if (status !== undefined) throw new Error(`bind refused with command_status 0x${status.toString(16)}`);
    if (performance.now() > endMs) throw new Error(`no bind within ${limitMs / 1000} s`);
    await pause(2);
  }
}

/** @returns the command_status; undefined when nobody answers */
function tryBind(port: number): Promise<number | undefined> {
  return new Promise(resolve => {
    const socket = connect(port, '127.0.0.1');
    let heard = Buffer.alloc(0);
    socket.on('connect', () => socket.write(bindPdu('load')));
    socket.on('data', chunk => {
      heard = Buffer.concat([heard, chunk]);
      if (heard.length < 16) return;
      resolve(heard.readUInt32BE(4) === BIND_RESP ? heard.readUInt32BE(8) : undefined);
      socket.destroy();
    });
    socket.setTimeout(ANSWER_MS, () => socket.destroy());
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(undefined));
  });
}
