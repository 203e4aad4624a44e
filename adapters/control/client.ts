import { request } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { ControlError } from '../../actors/node-control.ts';
import type {
  AccountInfo,
  ApplyResult,
  CarrierInfo,
  DrainResult,
  FlushResult,
  MessageStory,
  NodeControl,
  NodeStatus,
  OutgoingText,
  RepushInfo,
  SendResult,
  UnbindResult,
} from '../../actors/node-control.ts';
import { MOST_BODY_OCTETS } from './protocol.ts';
import type { ErrorBody } from './protocol.ts';
import { readNodeFile } from './node-file.ts';

/** Most is answered at once, a table of 100,000 routes within seconds. */
const ANSWER_MS = 60_000;

/**
 * The node that runs on `dataDir`, over its control socket.
 * @throws ControlError `no-node` when none is running there, `unavailable` when it may not be talked to
 */
export function openControl(dataDir: string): NodeControl {
  let socketPath: string | undefined;
  try {
    socketPath = readNodeFile(dataDir)?.controlSocket;
  } catch (error) {
    throw notAllowed(dataDir, error);
  }
  if (socketPath === undefined) throw noNode(dataDir);
  return connectControl(socketPath, dataDir);
}

/** @param dataDir how an error names the node */
export function connectControl(socketPath: string, dataDir: string): NodeControl {
  const call = async <Result>(method: string, path: string, body?: unknown): Promise<Result> =>
    (await exchange({ socketPath, dataDir, method, path, body })) as Result;
  return {
    status: () => call<NodeStatus>('GET', '/v1/status'),
    names: () => call<readonly string[]>('GET', '/v1/names'),
    apply: seed => call<ApplyResult>('POST', '/v1/apply', seed),
    drain: () => call<DrainResult>('POST', '/v1/drain'),
    send: (message: OutgoingText) => call<SendResult>('POST', '/v1/messages', message),
    message: id => call<MessageStory>('GET', `/v1/messages/${id}`),
    accounts: () => call<readonly AccountInfo[]>('GET', '/v1/accounts'),
    addAccount: settings => call<AccountInfo>('POST', '/v1/accounts', settings),
    changeAccount: (systemId, changes) => call<AccountInfo>('PATCH', account(systemId), changes),
    unbindAccount: (systemId, session) => call<UnbindResult>('POST', `${account(systemId)}/unbind`, { session }),
    removeAccount: async systemId => void (await call<unknown>('DELETE', account(systemId))),
    repushReceipts: request => call<RepushInfo>('POST', '/v1/receipts/repush', request),
    flushReceipts: () => call<FlushResult>('POST', '/v1/receipts/flush'),
    repushed: run => call<RepushInfo>('GET', `/v1/receipts/repush/${encodeURIComponent(run)}`),
    carriers: () => call<readonly CarrierInfo[]>('GET', '/v1/carriers'),
    changeCarrier: (name, changes) => call<CarrierInfo>('PATCH', carrier(name), changes),
    switchBind: (name, slot, isStarted) =>
      call<CarrierInfo>('PATCH', `${carrier(name)}/binds/${slot}`, { started: isStarted }),
    removeCarrier: async name => void (await call<unknown>('DELETE', carrier(name))),
  };
}

const account = (systemId: string): string => `/v1/accounts/${encodeURIComponent(systemId)}`;

const carrier = (name: string): string => `/v1/carriers/${encodeURIComponent(name)}`;

interface Exchange {
  readonly socketPath: string;
  readonly dataDir: string;
  readonly method: string;
  readonly path: string;
  readonly body: unknown;
}

function exchange({ socketPath, dataDir, method, path, body }: Exchange): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const text = body === undefined ? '' : JSON.stringify(body);
    const length = Buffer.byteLength(text);
    if (length > MOST_BODY_OCTETS) {
      throw new ControlError(
        'too-large',
        `${length} octets are more than the ${MOST_BODY_OCTETS} a node takes at once`,
      );
    }
    const headers = { 'content-type': 'application/json', 'content-length': length };
    const call = request({ socketPath, method, path, headers, agent: false });
    call.setTimeout(ANSWER_MS, () => {
      const seconds = ANSWER_MS / 1000;
      call.destroy(new ControlError('unavailable', `the node on ${dataDir} did not answer within ${seconds} s`));
    });
    call.on('error', (error: NodeJS.ErrnoException) => reject(translated(error, dataDir)));
    call.on('response', response => {
      received(response).then(resolve, error => reject(translated(error as NodeJS.ErrnoException, dataDir)));
    });
    call.end(text);
  });
}

async function received(response: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString('utf8');
  if (response.statusCode === 204) return undefined;
  const value = JSON.parse(text) as unknown;
  if ((response.statusCode ?? 500) < 300) return value;
  const { code, message, details } = (value as ErrorBody).error;
  throw new ControlError(code, message, details);
}

function translated(error: NodeJS.ErrnoException, dataDir: string): ControlError {
  if (error instanceof ControlError) return error;
  if (error.code === 'ENOENT' || error.code === 'ECONNREFUSED') return noNode(dataDir);
  if (error.code === 'EACCES' || error.code === 'EPERM') return notAllowed(dataDir, error);
  return new ControlError('unavailable', `the node on ${dataDir} ended the conversation: ${error.message}`, [], error);
}

function noNode(dataDir: string): ControlError {
  return new ControlError('no-node', `no node is running on ${dataDir} (start it with: npm start)`);
}

function notAllowed(dataDir: string, cause: unknown): ControlError {
  const message = `the node on ${dataDir} runs as another user: use that one, or root`;
  return new ControlError('unavailable', message, [], cause);
}
