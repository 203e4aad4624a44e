import { deserialize, serialize } from 'node:v8';
import type { Frame } from './frame.ts';

/**
 * One message of the bus between nodes, version 1, little-endian: must never change. A later version is another one, which
 * a node that knows both reads, and which is sent only to nodes that have greeted with it.
 *
 *     0 u8 version   1 u8 kind (BusKind)   2 u16 0   4 u32 link   8 u32 sequence   12 sender's life, 8 octets
 *     20 for `data`: frames, each u32 length and so many octets of V8's serialization (which has a version of its own,
 *        and reads those before it)
 */
export const BUS_VERSION = 1;
const HEAD = 20;
export const LIFE_OCTETS = 8;

export const BusKind = {
  /** Asks for a link under this number; what was linked before is over. */
  hello: 1,
  /** Grants it. */
  welcome: 2,
  data: 3,
  /** There is no such link (any more). */
  bye: 4,
  /** To oneself: it arrives while what is published arrives. */
  probe: 5,
} as const;
export type BusKind = (typeof BusKind)[keyof typeof BusKind];

export interface BusMessage {
  readonly kind: BusKind;
  readonly link: number;
  readonly sequence: number;
  /** Who sends it, as hex. */
  readonly life: string;
  readonly body: Buffer;
}

/** @param frames as `encodeFrame` gives them */
export function encodeMessage(
  kind: BusKind,
  link: number,
  sequence: number,
  life: string,
  frames: readonly Buffer[] = [],
): Buffer {
  const head = Buffer.alloc(HEAD);
  head[0] = BUS_VERSION;
  head[1] = kind;
  head.writeUInt32LE(link, 4);
  head.writeUInt32LE(sequence, 8);
  head.write(life, 12, 'hex');
  if (frames.length === 0) return head;
  const parts: Buffer[] = [head];
  for (const frame of frames) {
    const length = Buffer.allocUnsafe(4);
    length.writeUInt32LE(frame.length);
    parts.push(length, frame);
  }
  return Buffer.concat(parts);
}

/** Undefined for what is not of this version. */
export function decodeMessage(message: Buffer): BusMessage | undefined {
  if (message.length < HEAD || message[0] !== BUS_VERSION) return undefined;
  return {
    kind: message[1] as BusKind,
    link: message.readUInt32LE(4),
    sequence: message.readUInt32LE(8),
    life: message.toString('hex', 12, HEAD),
    body: message.subarray(HEAD),
  };
}

/** @throws DataCloneError */
export const encodeFrame = (frame: Frame): Buffer => serialize(frame);

/** @throws when it is not what `encodeFrame` made */
export function decodeFrames(body: Buffer): Frame[] {
  const frames: Frame[] = [];
  for (let at = 0; at < body.length;) {
    const length = body.readUInt32LE(at);
    frames.push(deserialize(body.subarray(at + 4, at + 4 + length)) as Frame);
    at += 4 + length;
  }
  return frames;
}
