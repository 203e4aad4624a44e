import { Answer, Link } from '../../runtime/link/link.ts';
import { runThread } from '../../runtime/worker-thread.ts';

/** The other side of `link.ts`: answers each request with the buffer that came in it. */
export interface PeerApi {
  /** User and system CPU time of this thread, in microseconds. */
  cpuUs(): number;
}

function giveBack(_verb: number, body: unknown): Answer {
  const { bytes } = body as { bytes: Uint8Array<ArrayBuffer> };
  return new Answer({ bytes }, [bytes.buffer]);
}

await runThread<unknown, PeerApi>(() =>
  Promise.resolve({
    api: {
      cpuUs: () => {
        const { user, system } = process.threadCpuUsage();
        return user + system;
      },
    },
    stop: () => Promise.resolve(),
    connected: (peer, port) => {
      // Held by its port for as long as that is open.
      void new Link(port, { peer: peer.role, service: { request: giveBack } });
    },
  }),
);
