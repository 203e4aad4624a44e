import { describe, expect, it, test } from 'vitest';
import { decodePdu } from '../../../../../adapters/smpp/codec/decode.ts';
import { encodePdu } from '../../../../../adapters/smpp/codec/encode.ts';
import { PduError } from '../../../../../adapters/smpp/codec/errors.ts';
import { FIELD_LIST, type Pdu } from '../../../../../adapters/smpp/codec/pdus.ts';
import { COMMAND_ID } from '../../../../../adapters/smpp/codec/command-id.ts';
import { Framer } from '../../../../../adapters/smpp/codec/framer.ts';
import { wire, withLength } from '../../../../support/smpp-wire.ts';
import { NET_SMPP_VECTORS, NPM_SMPP_VECTORS } from '../../../../vectors/smpp-foreign-pdus.ts';
import { VECTORS, type Vector } from '../../../../vectors/smpp-pdus.ts';
import { BAD_VECTORS } from '../../../../vectors/smpp-bad-pdus.ts';

/** What decoding must give: the vector's fields, and the empty value of those it does not name. */
function expected({ hex, pdu }: Vector): object {
  const empty = Object.fromEntries(FIELD_LIST[pdu.command].map(([name, field]) => [name, field.empty]));
  return {
    ...empty,
    command_length: hex.length,
    command_id: COMMAND_ID[pdu.command],
    command_status: 0,
    tlvs: [],
    ...pdu,
  };
}

/** Pushes the chunks through a framer and decodes what comes out; errors stand where the PDU would. */
function receive(chunks: readonly Buffer[]): (Pdu | PduError)[] {
  const got: (Pdu | PduError)[] = [];
  const framer = new Framer(66_560);
  const sink = {
    frame(buf: Buffer, at: number, end: number): boolean {
      try {
        got.push(decodePdu(buf, at, end));
      } catch (error) {
        if (!(error instanceof PduError)) throw error;
        got.push(error);
      }
      return true;
    },
  };
  for (const chunk of chunks) expect(framer.push(chunk, sink)).toBe('more');
  expect(framer.pending).toBe(0);
  return got;
}

const UNKNOWN = wire('00000011 00000110 00000000 00000001 0F');

const FOREIGN = [...NET_SMPP_VECTORS, ...NPM_SMPP_VECTORS];

describe.each([...VECTORS, ...FOREIGN])('$name ($spec)', vector => {
  const { hex, pdu } = vector;

  it('decodes', () => {
    expect(decodePdu(hex, 0, hex.length)).toEqual(expected(vector));
  });

  it('decodes the same inside a larger buffer, and keeps nothing of it', () => {
    const buffer = Buffer.concat([Buffer.alloc(7, 0xff), hex, Buffer.alloc(9, 0xff)]);
    const decoded = decodePdu(buffer, 7, 7 + hex.length);
    buffer.fill(0xee);
    expect(decoded).toEqual(expected(vector));
  });

  it('encodes', () => {
    expect(encodePdu(pdu).toString('hex')).toBe((vector.written ?? hex).toString('hex'));
  });

  it('encodes again what it decoded', () => {
    const again = encodePdu(decodePdu(hex, 0, hex.length));
    expect(again.toString('hex')).toBe((vector.written ?? hex).toString('hex'));
  });

  it('comes through a split at every octet', () => {
    for (let cut = 0; cut <= hex.length; cut++) {
      expect(receive([hex.subarray(0, cut), hex.subarray(cut)])).toEqual([expected(vector)]);
    }
  });

  it('comes through one octet at a time', () => {
    expect(receive([...hex].map(octet => Buffer.from([octet])))).toEqual([expected(vector)]);
  });

  it('comes twice out of one buffer', () => {
    expect(receive([Buffer.concat([hex, hex])])).toEqual([expected(vector), expected(vector)]);
  });

  it('comes after a bad one', () => {
    const [bad, good] = receive([Buffer.concat([UNKNOWN, hex])]);
    expect(bad).toMatchObject({ code: 'SMPP_COMMAND_ID', recovery: 'nack' });
    expect(good).toEqual(expected(vector));
  });
});

describe.each(BAD_VECTORS)('$name ($spec)', bad => {
  const { hex, name: _, spec: _spec, known = {}, ...error } = bad;

  it('is as long as it says', () => {
    expect(hex.readUInt32BE(0)).toBe(hex.length);
  });

  it('is refused with the fitting status, its header and what was read of it', () => {
    const [refused] = receive([hex]);
    expect(refused).toMatchObject(error);
    const header = { command_length: hex.length, sequence_number: hex.readUInt32BE(12) };
    expect(refused).toMatchObject({ header });
    if (error.code === 'SMPP_BODY') expect(refused).toMatchObject({ pdu: { ...header, ...known } });
  });

  it('does not disturb the one after it', () => {
    const good = wire('00000010 00000015 00000000 00000009');
    expect(receive([Buffer.concat([hex, good])])[1]).toMatchObject({ command: 'enquire_link', sequence_number: 9 });
  });
});

test.each([
  ['out of the specification', VECTORS],
  ['that another implementation wrote', FOREIGN],
])('every command has a vector %s', (_from, vectors) => {
  const seen = new Set(vectors.map(v => v.pdu.command));
  expect(Object.keys(COMMAND_ID).filter(name => !seen.has(name as never))).toEqual([]);
});

test('v5.0: message_payload supersedes short_message, and an empty payload says nothing', () => {
  const both = BAD_VECTORS.find(v => v.name === 'submit_sm with two texts')!.hex;
  expect(decodePdu(both, 0, both.length, 0x50)).toMatchObject({
    short_message: Buffer.from('a'),
    tlvs: [{ value: Buffer.from('b') }],
  });
  const empty = wire(
    '00000028 00000004 00000000 00000001 00 00 00 00 00 00 "2" 00 00 00 00 00 00 00 00 00 00 01 "a" 0424 0000',
  );
  empty.writeUInt32BE(empty.length);
  expect(decodePdu(empty, 0, empty.length, 0x34)).toMatchObject({ short_message: Buffer.from('a') });
});

test('an error response with a body that makes no sense is a response all the same', () => {
  const resp = wire('00000017 80000003 00000067 00000005 0102030405 0607');
  expect(decodePdu(resp, 0, resp.length)).toMatchObject({ command: 'query_sm_resp', command_status: 0x67 });
  const endless = Buffer.concat([wire('00000075 80000004 00000008 00000005'), Buffer.alloc(101, 0x31)]);
  expect(decodePdu(endless, 0, endless.length)).toMatchObject({ command_status: 8, message_id: '', tlvs: [] });
});

test('a deliver_sm whose last TLV runs past its end is taken without it, unless that is its text', () => {
  const head = '00000000 00000005 00000000 00000001 00 00 00 "1" 00 00 00 "2" 00 00 00 00 00 00 00 00 00 00 00';
  const decoded = (tlvs: string) => {
    const hex = withLength(wire(`${head} ${tlvs}`));
    return decodePdu(hex, 0, hex.length);
  };
  const state = { tag: 0x427, value: Buffer.from([2]) };
  expect(decoded('0427 0001 02 001E 0041 "3005" 00')).toMatchObject({ destination_addr: '2', tlvs: [state] });
  expect(() => decoded('0427 0001 02 0424 0041 "half"')).toThrow('0x0424 is 65 octets, 4 follow');
});

test('what is no PDU at all closes the session', () => {
  const link = wire('00000010 00000015 00000000 00000009');
  for (const [at, end] of [
    [0, 15],
    [0, 17],
    [-1, 15],
    [1, 17],
  ] as const) {
    expect(() => decodePdu(link, at, end)).toThrow(
      expect.objectContaining({ code: 'SMPP_FRAME', recovery: 'close', command_status: 2 }),
    );
  }
  const lies = wire('00000011 00000015 00000000 00000009');
  expect(() => decodePdu(lies, 0, 16)).toThrow('command_length is 17, not 16');
});
