/**
 * Delivery receipts as other systems write them: from the specification, and from the documentation, tests and issue
 * threads of other implementations. Only the receipts themselves, their wording is nobody's.
 */
export interface ReceiptVector {
  readonly source: string;
  readonly text: string;
  /** TLVs, in hex. */
  readonly tlvs?: string;
  readonly esmClass?: number;
  /** Absent: it is no receipt. */
  readonly expected?: {
    readonly id: string;
    readonly otherId?: string;
    readonly stat: string;
    readonly final?: boolean;
    readonly err?: string;
    readonly networkError?: number;
    readonly submitted?: string;
    readonly done?: string;
    readonly message?: string;
  };
}

export const RECEIPTS: readonly ReceiptVector[] = [
  {
    source: 'SMPP v3.4 Appendix B, filled in (jsmpp, cloudhopper and php-smpp test the same form)',
    text: 'id:0123456789 sub:002 dlvrd:001 submit date:0809011130 done date:0809021131 stat:DELIVRD err:012 text:Hello world',
    expected: {
      id: '0123456789',
      stat: 'delivered',
      err: '012',
      submitted: '2008-09-01T11:30:00Z',
      done: '2008-09-02T11:31:00Z',
      message: 'Hello world',
    },
  },
  {
    source: 'mozes/smpp.pdu test of a captured receipt: the id is decimal in the text and hexadecimal in the TLV',
    text: 'id:1891273321 sub:001 dlvrd:001 submit date:1305050826 done date:1305050826 stat:DELIVRD err:000 Text:DLVRD TO MOBILE\0',
    tlvs: '04270001 02 001e0009 3730424138413639 00',
    expected: {
      id: '70BA8A69',
      otherId: '1891273321',
      stat: 'delivered',
      err: '000',
      done: '2013-05-05T08:26:00Z',
      message: 'DLVRD TO MOBILE',
    },
  },
  {
    source: 'Jasmin test_pdu_decoding: in message_payload, ends in NUL',
    text: 'id:0000436949 submit date:1504211508 done date:1504211508 stat:DELIVRD err:000\0',
    tlvs: '001e0006 3661616435 00 04270001 02',
    expected: { id: '6aad5', otherId: '0000436949', stat: 'delivered', err: '000', submitted: '2015-04-21T15:08:00Z' },
  },
  {
    source: 'jookies/jasmin issue 70 (Clickatell): dates with seconds, an id of 32 letters',
    text: 'id:a29f6845555647139e5c8f3b817f2c9a sub:001 dlvrd:001 submit date:141023215253 done date:141023215259 stat:DELIVRD err:000 text:',
    expected: {
      id: 'a29f6845555647139e5c8f3b817f2c9a',
      stat: 'delivered',
      err: '000',
      submitted: '2014-10-23T21:52:53Z',
      done: '2014-10-23T21:52:59Z',
    },
  },
  {
    source: 'onlinecity/php-smpp issue 70: err of four digits, vendor TLVs',
    text: 'id:117062714244798261 sub:001 dlvrd:001 submit date:1706271624 done date:1706271624 stat:DELIVRD err:0000 text:Hllo world',
    tlvs: '04230003 000014 54040004 00000000 14180004 00000000',
    expected: { id: '117062714244798261', stat: 'delivered', err: '0000', networkError: 0x14, message: 'Hllo world' },
  },
  {
    source: 'uudashr/jsmpp issue 67: no sub, dlvrd and text',
    text: 'id:0654354026 submit date:2302101454 done date:2302101454 stat:DELIVRD err:000',
    expected: { id: '0654354026', stat: 'delivered', err: '000', done: '2023-02-10T14:54:00Z' },
  },
  {
    source: 'opentelecoms-org/jsmpp issue 62: no sub and dlvrd',
    text: 'id:1526758174 submit date:1701240904 done date:1701240904 stat:DELIVRD err:000 text:hellow',
    expected: { id: '1526758174', stat: 'delivered', err: '000', message: 'hellow' },
  },
  {
    source: 'a parser of one vendor: years of four digits, an id with dashes',
    text: 'id:4e05c166-6ced-40df-9e1d-2bbcb0c14cd3 submit date:201907191552 done date:201907191552 stat:UNDELIV err:005',
    expected: {
      id: '4e05c166-6ced-40df-9e1d-2bbcb0c14cd3',
      stat: 'undeliverable',
      err: '005',
      submitted: '2019-07-19T15:52:00Z',
    },
  },
  {
    source: 'a Go library: capitals in a field name, one digit in dlvrd and err',
    text: 'id:1235 sub:001 Dlvrd:1 submit date:2107081716 done date:2210131801 stat:DELIVRD err:0 text:aha',
    expected: { id: '1235', stat: 'delivered', err: '0', done: '2022-10-13T18:01:00Z', message: 'aha' },
  },
  {
    source: 'a sender in PHP: the hour in twelve',
    text: 'id:99 sub:001 dlvrd:000 submit date:240131110215 done date:240131110215 stat:UNDELIV err:45 text:',
    expected: { id: '99', stat: 'undeliverable', err: '45', done: '2024-01-31T11:02:15Z' },
  },
  {
    source: 'a test of a gateway: err is a word',
    text: 'id:2 sub:001 dlvrd:001 submit date:0908312310 done date:0908312311 stat:UNDELIV err:xxx Text:Hello SMPP world!',
    expected: { id: '2', stat: 'undeliverable', err: 'xxx', message: 'Hello SMPP world!' },
  },
  {
    source: 'reduced forms seen with resellers',
    text: 'id:0042 stat:UNDELIV err:069 text:x',
    expected: { id: '0042', stat: 'undeliverable', err: '069', message: 'x' },
  },
  { source: 'the least there is', text: 'id:abc stat:UNDELIV', expected: { id: 'abc', stat: 'undeliverable' } },
  {
    source: 'a vendor documents lines instead of spaces',
    text: 'id:12469 sub:001 dlvrd:001\nsubmit date:2605090348 done date:2605090348\nstat:DELIVRD err:0\ntext:American Express: AI',
    expected: {
      id: '12469',
      stat: 'delivered',
      err: '0',
      submitted: '2026-05-09T03:48:00Z',
      message: 'American Express: AI',
    },
  },
  {
    source: 'smscentral.com.au: intermediate notification, a word of its own',
    text: 'id:77 sub:001 dlvrd:000 submit date:2401010000 done date:2401010000 stat:BUFFRED err:0 text:',
    esmClass: 0x20,
    expected: { id: '77', stat: 'enroute', final: false, err: '0', submitted: '2024-01-01T00:00:00Z' },
  },
  {
    source: 'smscentral.com.au and pswin.com: FAILED',
    text: 'id:78 sub:001 dlvrd:000 submit date:2401010000 done date:2401010000 stat:FAILED err:500 text:',
    expected: { id: '78', stat: 'undeliverable', err: '500' },
  },
  {
    source: 'e-com-net.com: text that starts with a dash',
    text: 'id:0911897980 sub:001 dlvrd:000 submit date:1201121551 done date:1201121551 stat:UNDELIV err:075 text:-PROFILE',
    expected: { id: '0911897980', stat: 'undeliverable', err: '075', message: '-PROFILE' },
  },
  {
    source: 'a vendor documents spaces after the colons (noted in the parser of a gateway)',
    text: 'id: 55 sub: 001 dlvrd: 001 submit date: 2401020304 done date: 2401020305 stat: DELIVRD err: 000 text: hi',
    expected: { id: '55', stat: 'delivered', err: '000', done: '2024-01-02T03:05:00Z', message: ' hi' },
  },
  {
    source: 'an empty field is no reason to take the next one for its value',
    text: 'id:56 sub: dlvrd: submit date: done date: stat:EXPIRED err: text:',
    expected: { id: '56', stat: 'expired' },
  },
  {
    source: 'what the message says is not a field',
    text: 'id:57 stat:DELIVRD text:id:58 stat:UNDELIV err:9',
    expected: { id: '57', stat: 'delivered', message: 'id:58 stat:UNDELIV err:9' },
  },
  {
    source: 'other order, other case, other separators',
    text: 'STAT:rejectd,ERR:0x1F;Submit_Date:240102030405,DONEDATE:20240102030406,ID:00AbC',
    expected: {
      id: '00AbC',
      stat: 'rejected',
      err: '0x1F',
      submitted: '2024-01-02T03:04:05Z',
      done: '2024-01-02T03:04:06Z',
    },
  },
  {
    source: 'TLVs alone (v3.4 §5.3.2.12, §5.3.2.35, §5.3.2.31)',
    text: '',
    tlvs: '001e0004 41423100 04270001 05 04230003 030001',
    expected: { id: 'AB1', stat: 'undeliverable', networkError: 1 },
  },
  {
    source: 'the TLV wins where both tell an outcome',
    text: 'id:59 stat:UNDELIV',
    tlvs: '04270001 02',
    expected: { id: '59', stat: 'delivered' },
  },
  {
    source: 'the text wins where the TLV tells none',
    text: 'id:60 stat:DELIVRD',
    tlvs: '04270001 01',
    expected: { id: '60', stat: 'delivered' },
  },
  {
    source: 'a state out of range is none',
    text: 'id:61 stat:EXPIRED',
    tlvs: '04270001 63',
    expected: { id: '61', stat: 'expired' },
  },
  {
    source: 'a damaged TLV does not spoil what came before it',
    text: 'id:62 stat:UNKNOWN',
    tlvs: '04270001 03 001e00ff 41',
    expected: { id: '62', stat: 'expired' },
  },
  {
    source: 'ACCEPTD is followed by the outcome',
    text: 'id:63 stat:ACCEPTD',
    expected: { id: '63', stat: 'accepted', final: false },
  },
  { source: 'a word nobody knows', text: 'id:64 stat:WOBBLED', expected: { id: '64', stat: 'unknown' } },
  { source: 'no stat', text: 'id:65 err:000' },
  { source: 'no id', text: 'stat:DELIVRD err:000' },
  { source: 'a message', text: 'Hello: how are you? void:1 interstat:2' },
  { source: 'nothing', text: '' },
];
