/** Whatever the octets: nothing but PduError is thrown, nothing outside the frame is read, nothing takes long. */
import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { MessageDraft } from '../../../../../actors/message/draft.ts';
import { COMMAND_ID, type CommandName } from '../../../../../adapters/smpp/codec/command-id.ts';
import { decodePdu } from '../../../../../adapters/smpp/codec/decode.ts';
import { encodePdu } from '../../../../../adapters/smpp/codec/encode.ts';
import { PduError } from '../../../../../adapters/smpp/codec/errors.ts';
import { Framer } from '../../../../../adapters/smpp/codec/framer.ts';
import { IdRange, readSm, readSmRespId } from '../../../../../adapters/smpp/codec/hot-read.ts';
import { body, octets, tlvs } from '../../../../support/smpp-arbitraries.ts';

const IDS = Object.values(COMMAND_ID);

/** A PDU of any command, then damaged: octets changed, pieces cut out, doubled or put in. */
const damaged = fc
  .constantFrom(...(Object.keys(COMMAND_ID) as CommandName[]))
  .chain(command => fc.record({ command: fc.constant(command), fields: body(command), tlvs }))
  .map(({ command, fields, tlvs: list }) =>
    encodePdu({ command, sequence_number: 1, ...fields, tlvs: list } as never).subarray(16),
  )
  .chain(good =>
    fc.record({
      id: fc.oneof({ weight: 9, arbitrary: fc.constantFrom(...IDS) }, { weight: 1, arbitrary: fc.nat(0xffffffff) }),
      status: fc.oneof(fc.constant(0), fc.nat(0xffffffff)),
      body: fc
        .array(
          fc.oneof(
            fc.tuple(fc.constant('set' as const), fc.nat(), octets(4, 1)),
            fc.tuple(fc.constant('cut' as const), fc.nat(), octets(30)),
            fc.tuple(fc.constant('put' as const), fc.nat(), octets(30, 1)),
            fc.tuple(fc.constant('end' as const), fc.nat(), octets(1)),
          ),
          { maxLength: 5 },
        )
        .map(steps =>
          steps.reduce((b, [how, where, piece]) => {
            const at = b.length === 0 ? 0 : where % b.length;
            if (how === 'end') return b.subarray(0, at);
            const skip = how === 'put' ? 0 : piece.length;
            return Buffer.concat([b.subarray(0, at), how === 'cut' ? Buffer.alloc(0) : piece, b.subarray(at + skip)]);
          }, good),
        ),
    }),
  );

function frameOf(id: number, status: number, content: Buffer): Buffer {
  const frame = Buffer.concat([Buffer.alloc(16), content]);
  frame.writeUInt32BE(frame.length, 0);
  frame.writeUInt32BE(id, 4);
  frame.writeUInt32BE(status, 8);
  frame.writeUInt32BE(0x01020304, 12);
  return frame;
}

/** The PDU, or what is to be answered: all that an observer of decodePdu can see. */
function outcome(buf: Buffer, at: number, end: number): unknown {
  try {
    return decodePdu(buf, at, end);
  } catch (error) {
    if (!(error instanceof PduError)) throw error;
    expect(error.message.length).toBeLessThan(200);
    return { code: error.code, recovery: error.recovery, status: error.command_status, message: error.message };
  }
}

it('damaged PDUs give a PDU or a PduError, the same whatever surrounds them', () => {
  const draft = new MessageDraft();
  const id = new IdRange();
  fc.assert(
    fc.property(damaged, ({ id: commandId, status, body: content }) => {
      const frame = frameOf(commandId, status, content);
      const alone = outcome(frame, 0, frame.length);
      for (const around of [0x00, 0x31, 0xff]) {
        const buf = Buffer.concat([Buffer.alloc(70, around), frame, Buffer.alloc(70, around)]);
        expect(outcome(buf, 70, 70 + frame.length)).toEqual(alone);
        readSmRespId(buf, 70, 70 + frame.length, id);
        expect(id.at + id.length).toBeLessThanOrEqual(70 + frame.length);
        if (readSm(draft, buf, 70, 70 + frame.length) === 0) {
          expect(draft.textAt + draft.textLength).toBeLessThanOrEqual(70 + frame.length);
          expect(draft.tlvsAt + draft.tlvsLength).toBeLessThanOrEqual(70 + frame.length);
        }
      }
    }),
    { numRuns: 5000 },
  );
});

it('random octets of any length are read in no time', () => {
  const noise = fc.tuple(fc.constantFrom(...IDS), octets(4000));
  let took = 0;
  fc.assert(
    fc.property(noise, ([commandId, content]) => {
      const frame = frameOf(commandId, 0, content);
      const start = performance.now();
      outcome(frame, 0, frame.length);
      took += performance.now() - start;
    }),
    { numRuns: 2000 },
  );
  // 0.03 s here. What is quadratic would need minutes.
  expect(took).toBeLessThan(10_000);
});

it('the largest PDUs full of the smallest parts are read in no time', () => {
  const empty = Buffer.alloc(66_000);
  for (let at = 0; at < empty.length; at += 4) empty.writeUInt16BE(0x1401, at);
  const start = performance.now();
  for (const commandId of IDS) {
    const body33 = Buffer.concat([Buffer.alloc(33), empty]).subarray(0, 66_000);
    for (const content of [empty, body33, Buffer.alloc(66_000, 0xff), Buffer.alloc(66_000)]) {
      const frame = frameOf(commandId, 0, content);
      outcome(frame, 0, frame.length);
      readSm(new MessageDraft(), frame, 0, frame.length);
    }
  }
  // 0.3 s here.
  expect(performance.now() - start).toBeLessThan(10_000);
});

it('random octets through the framer, in random pieces, never throw', () => {
  fc.assert(
    fc.property(fc.array(octets(50), { maxLength: 20 }), fc.integer({ min: 16, max: 5000 }), (chunks, max) => {
      const framer = new Framer(max);
      const sink = {
        frame(buf: Buffer, at: number, end: number): boolean {
          expect(end - at).toBeLessThanOrEqual(max);
          outcome(buf, at, end);
          return true;
        },
      };
      for (const chunk of chunks) {
        // A plausible length in front, or nearly every stream would end at its first four octets.
        if (chunk.length > 4) chunk.writeUInt32BE(16 + (chunk[3]! % 40), 0);
        framer.push(chunk, sink);
      }
    }),
    { numRuns: 2000 },
  );
});
