import * as fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { Framer, type FramerResult } from '../../../../../adapters/smpp/codec/framer.ts';
import { wire } from '../../../../support/smpp-wire.ts';

const LINK = wire('00000010 00000015 00000000 00000006');

/** A frame of `length` octets, filled with its number. */
function frame(length: number, fill: number): Buffer {
  const buf = Buffer.alloc(length, fill);
  buf.writeUInt32BE(length, 0);
  return buf;
}

/** Collects copies of the frames, and where they were; stops after `stopAfter` of them. */
class Collector {
  readonly frames: Buffer[] = [];
  readonly buffers: Buffer[] = [];
  stopAfter = Infinity;

  frame(buf: Buffer, at: number, end: number): boolean {
    this.frames.push(Buffer.from(buf.subarray(at, end)));
    this.buffers.push(buf);
    return this.frames.length < this.stopAfter;
  }
}

afterEach(() => vi.restoreAllMocks());

describe('Framer', () => {
  it('gives whole frames out where they are, without a copy', () => {
    const chunk = Buffer.concat([LINK, frame(40, 1), LINK]);
    const got = new Collector();
    expect(new Framer(100).push(chunk, got)).toBe('more');
    expect(got.frames).toEqual([LINK, frame(40, 1), LINK]);
    expect(got.buffers.every(b => b === chunk)).toBe(true);
  });

  it('gives the same frames however the stream is cut', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 16, max: 300 }), { maxLength: 20 }),
        fc.array(fc.integer({ min: 0, max: 200 }), { minLength: 1, maxLength: 60 }),
        (lengths, cuts) => {
          const frames = lengths.map((length, i) => frame(length, i));
          const stream = Buffer.concat(frames);
          const framer = new Framer(300);
          const got = new Collector();
          let at = 0;
          for (let i = 0; at < stream.length; i++) {
            const next = at + cuts[i % cuts.length]! + (cuts.every(c => c === 0) ? 1 : 0);
            const chunk = Buffer.from(stream.subarray(at, next));
            expect(framer.push(chunk, got)).toBe('more');
            chunk.fill(0xee); // the caller may use its chunk again
            at = next;
          }
          expect(got.frames).toEqual(frames);
          expect(framer.pending).toBe(0);
        },
      ),
    );
  });

  it.each([
    ['0', '00000000 00000004 00000000 00000007'],
    ['15', '0000000F 00000004 00000000 00000007'],
    ['one above the maximum', '00000041 00000004 00000000 00000007'],
    ['2^31', '80000000 00000004 00000000 00000007'],
    ['2^32 - 1', 'FFFFFFFF 00000004 00000000 00000007'],
  ])('reports a command_length of %s with its header, after the frames before it', (_, hex) => {
    const bad = wire(hex);
    const fault = { command_length: bad.readUInt32BE(0), command_id: 4, sequence_number: 7 };
    const whole = new Framer(64);
    const got = new Collector();
    expect(whole.push(Buffer.concat([LINK, bad, LINK]), got)).toBe('unframeable');
    expect(got.frames).toEqual([LINK]);
    expect(whole.fault).toEqual(fault);
    expect(whole.push(LINK, got)).toBe('unframeable');
    expect(got.frames).toEqual([LINK]);

    // Split inside the length: reported with as much of the header as came with it.
    for (let cut = 1; cut < 4; cut++) {
      const split = new Framer(64);
      expect(split.push(bad.subarray(0, cut), got)).toBe('more');
      expect(split.push(bad.subarray(cut), got)).toBe('unframeable');
      expect(split.fault).toEqual(fault);
      expect(split.pending).toBe(0);
    }
  });

  it('reports a bad length before the rest of the header has come', () => {
    const framer = new Framer(64);
    const results = [...wire('000FFFFF 00000004')].map(octet => framer.push(Buffer.from([octet]), new Collector()));
    expect(results.slice(0, 4)).toEqual(['more', 'more', 'more', 'unframeable']);
    expect(framer.fault).toEqual({ command_length: 0xfffff, command_id: 0, sequence_number: 0 });
  });

  it('holds what has come, not what was announced', () => {
    const allocated = vi.spyOn(Buffer, 'allocUnsafeSlow');
    const framer = new Framer(0xffffffff);
    for (let i = 0; i < 20; i++) {
      expect(framer.push(i === 0 ? wire('F0000000 00000004') : Buffer.from([i]), new Collector())).toBe('more');
    }
    expect(framer.pending).toBe(27);
    expect(allocated.mock.calls).toEqual([[64]]);
  });

  it('takes a maximum that is changed from inside the sink at once', () => {
    const framer = new Framer(32);
    const frames: number[] = [];
    const sink = {
      frame(_: Buffer, at: number, end: number): boolean {
        frames.push(end - at);
        framer.maxLength = 1000;
        return true;
      },
    };
    expect(framer.push(Buffer.concat([LINK, frame(1000, 1)]), sink)).toBe('more');
    expect(frames).toEqual([16, 1000]);
    expect(framer.push(frame(1001, 1), sink)).toBe('unframeable');
  });

  it('stops when told to, and goes on where it stopped', () => {
    const frames = Array.from({ length: 9 }, (_, i) => frame(16 + i, i));
    const stream = Buffer.concat(frames);
    for (let cut = 0; cut < stream.length; cut++) {
      const framer = new Framer(100);
      const got = new Collector();
      const results: FramerResult[] = [];
      for (const chunk of [stream.subarray(0, cut), stream.subarray(cut)]) {
        got.stopAfter = got.frames.length + 1;
        let result = framer.push(Buffer.from(chunk), got);
        while (result === 'stopped') {
          results.push(result);
          got.stopAfter = got.frames.length + 1;
          result = framer.push(Buffer.alloc(0), got);
        }
      }
      expect(results).toHaveLength(9);
      expect(got.frames).toEqual(frames);
      expect(framer.pending).toBe(0);
    }
  });

  it('does not sit on the memory of a long message, and keeps working after one', () => {
    const framer = new Framer(70_000);
    const got = new Collector();
    const long = frame(66_000, 7);
    for (let at = 0; at < long.length; at += 1000) framer.push(long.subarray(at, at + 1000), got);
    for (let i = 0; i < 16; i++) framer.push(LINK.subarray(i, i + 1), got);
    expect(got.frames).toEqual([long, LINK]);
    expect(got.buffers[0]!.length).toBeGreaterThanOrEqual(66_000);
    expect(got.buffers[1]!.length).toBeLessThanOrEqual(1024);
  });

  it('copies a long frame that comes in single octets a constant number of times', () => {
    const allocated = vi.spyOn(Buffer, 'allocUnsafeSlow');
    const long = frame(60_000, 1);
    const got = new Collector();
    const framer = new Framer(60_000);
    for (const octet of long) framer.push(Buffer.from([octet]), got);
    expect(got.frames).toEqual([long]);
    // Doubling: 64 + 128 + … + 65,536 octets, and not 60,000 buffers.
    expect(allocated.mock.calls.length).toBeLessThan(15);
    expect(allocated.mock.calls.reduce((sum, [size]) => sum + size, 0)).toBeLessThan(3 * 60_000);
  });
});
