import { readFileSync } from 'node:fs';
import { openControl } from '../../../adapters/control/client.ts';
import { freePort } from '../../../bench/harness/smppload.ts';
import { startNode, type NodeProcess, type NodeProcessOptions } from '../../support/node-process.ts';

/** The windows of the carrier's sessions together: what a crash may send twice. */
export const WINDOWS = 400;

/** A node with account `load` and carrier `sink` of two binds, which listens on `carrierPort`. */
export async function loadedNode(
  carrierPort: number,
  more: Partial<NodeProcessOptions> & { readonly config?: Readonly<Record<string, unknown>> } = {},
): Promise<NodeProcess> {
  return startNode({
    ...more,
    config: {
      workers: 2,
      accounts: [{ system_id: 'load', password: 'load', binds: 10, window: 1000 }],
      carriers: [
        {
          name: 'sink',
          protocol: 'smpp',
          host: '127.0.0.1',
          port: carrierPort,
          system_id: 'r',
          password: 'r',
          binds: 2,
          window: WINDOWS / 2,
        },
      ],
      routes: [{ called_prefix: '44', dest_smsc: 'sink' }],
      ...more.config,
    },
  });
}

/** Resolves when the first messages have come in: asked directly, since a load may be over before a command has begun. */
export async function underLoad(node: NodeProcess): Promise<void> {
  const control = openControl(node.dataDir);
  for (let accepted = 0; accepted < 500;) accepted = (await control.status()).messages.accepted;
}

/** Seconds of CPU that a process has used. */
export function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

export const pause = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms));

export { freePort };
