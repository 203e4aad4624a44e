import type { ClientRequest, IncomingMessage } from 'node:http';

export interface HttpAnswer {
  readonly status: number;
  /** No more than was asked for, and one octet more where there is more. */
  readonly body: Buffer;
}

/**
 * Sends the body of a request that was made, and waits for the answer.
 *
 * @param timeoutMs of the signal that the request was made with, for people
 * @param mostOctets of the answer's body: of a longer one the connection ends
 * @throws Error in words: no answer in time, or the system's error
 */
export function answerTo(
  request: ClientRequest,
  body: string,
  timeoutMs: number,
  mostOctets: number,
): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    request.once('error', error =>
      reject(error.name === 'AbortError' ? new Error(`no answer within ${timeoutMs} ms`) : error),
    );
    request.once('response', response => {
      read(response, mostOctets).then(octets => resolve({ status: response.statusCode ?? 0, body: octets }), reject);
    });
    request.end(body);
  });
}

async function read(response: IncomingMessage, most: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let octets = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    octets += chunk.length;
    // Leaving the loop destroys the response.
    if (octets > most) break;
  }
  return Buffer.concat(chunks, Math.min(octets, most + 1));
}
