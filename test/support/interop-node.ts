import { Capture, noCapture } from './capture.ts';
import { freePort } from '../../bench/harness/smppload.ts';
import { startNode, type NodeProcess } from './node-process.ts';
import { NpmSmppCarrier } from './npm-smpp-carrier.ts';

/** A node between applications and a carrier that are all somebody else's. */
export interface InteropNode extends AsyncDisposable {
  readonly node: NodeProcess;
  /** Where applications bind. */
  readonly port: number;
  readonly carrier: NpmSmppCarrier;
  /** Everything that goes over both, from the first bind on; undefined where nothing can be captured. */
  readonly capture: Capture | undefined;
}

/**
 * Numbers that begin with 44, 45 and 46 lead to the carrier, long messages whole, in parts with a header, and in SAR
 * segments; those with 555 and 556 to the accounts `app` and `shop`, which have their system_id for a password.
 *
 * @param options.archive true: a message is known after its end too
 */
export async function startInteropNode({ archive = false } = {}): Promise<InteropNode> {
  await using started = new AsyncDisposableStack();
  const carrier = started.use(await NpmSmppCarrier.listen());
  const port = await freePort();
  const canCapture = (await noCapture()) === undefined;
  const capture = canCapture ? started.use(await Capture.start([port, carrier.port])) : undefined;
  const place = { name: 'phones', protocol: 'smpp', host: '127.0.0.1', port: carrier.port };
  const login = { system_id: 'r', password: 'r', reconnect_seconds: 0.1, reconnect_max_seconds: 0.2 };
  const node = started.use(
    await startNode({
      config: {
        archive: { enabled: archive },
        listeners: { smpp: { port } },
        accounts: ['shop', 'app'].map(system_id => ({ system_id, password: system_id })),
        carriers: [
          { ...place, ...login, long_messages: 'payload' },
          { ...place, ...login, name: 'in-parts', long_messages: 'udh-8' },
          { ...place, ...login, name: 'in-segments', long_messages: 'sar' },
        ],
        routes: [
          { called_prefix: '44', dest_smsc: 'phones' },
          { called_prefix: '45', dest_smsc: 'in-parts' },
          { called_prefix: '46', dest_smsc: 'in-segments' },
          { called_prefix: '555', dest_smsc: 'app' },
          { called_prefix: '556', dest_smsc: 'shop' },
        ],
      },
    }),
  );
  // Until then nobody can say that a message is not known.
  if (archive) await node.statusWhen('the archive is up', status => status.archive.state === 'up', 30_000);
  const all = started.move();
  return { node, port, carrier, capture, [Symbol.asyncDispose]: () => all.disposeAsync() };
}
