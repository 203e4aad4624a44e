import { expect, test } from 'vitest';
import { fillEscapeCodes, type EscapeFields } from '../../../../adapters/receipt-push/escape-codes.ts';

/**
 * What Kannel 1.4.5 (Debian 1.4.5-12) itself called for dlr-urls with all its codes, dlr-mask 63: of a message "ACME+1" to
 * 00447700900123 that was accepted and delivered, of one that was not, and of one that was refused. Captured with a node as its SMSC.
 */
const RECEIPT =
  'id:1435104440937785 sub:001 dlvrd:001 submit date:2611280321 done date:2601311201 stat:DELIVRD err:000 text:Hello you * there + ';
const delivered: EscapeFields = {
  kind: 1,
  phone: '00447700900123',
  sender: 'ACME+1',
  at: Date.UTC(2026, 10, 28, 3, 21, 21),
  carrier: 'node',
  id: '966a3511-dfe7-417e-a100-e02c74384517',
  foreignId: '1435104440937785',
  reply: RECEIPT,
  service: 'u',
  account: 'app',
  url: 'http://127.0.0.1:45993/dlr?mark=ok&d=[%d]',
  meta: { orig_msg: { dlr_mask: '63' }, smpp: { dlr_err: '\x03\0\0' } },
};
const refused: EscapeFields = {
  ...delivered,
  kind: 16,
  phone: '9991',
  sender: '12345',
  foreignId: '',
  reply: 'NACK/0x0000000b/Invalid Destination Address',
  account: '',
  meta: { smpp_resp: {}, orig_msg: { dlr_mask: '31' } },
};

const WORDS =
  'sub%3A001+dlvrd%3A001+submit+date%3A2611280321+done+date%3A2601311201+stat%3ADELIVRD+err%3A000+text%3AHello+you+*+there+%2B';

test.each([
  ['%d', '1'],
  ['%p', '00447700900123'],
  ['%P', 'ACME%2B1'],
  ['%q', '%2B447700900123'],
  ['%Q', 'ACME%2B1'],
  ['%t', '2026-11-28+03:21:21'],
  ['%T', '1795836081'],
  ['%i', 'node'],
  ['%I', '966a3511-dfe7-417e-a100-e02c74384517'],
  ['%F', '1435104440937785'],
  ['%A', `id%3A1435104440937785+${WORDS}+`],
  ['%b', `id%3A1435104440937785+${WORDS}+`],
  ['%a', `id%3A1435104440937785+${WORDS}`],
  ['%k', 'id%3A1435104440937785'],
  ['%n', 'u'],
  ['%o', 'app'],
  ['%c', '-1'],
  ['%m', '-1'],
  ['%M', '-1'],
  ['%C', 'UTF-8'],
  ['%u', ''],
  ['%B', ''],
  ['%O', '00'],
  ['%f', ''],
  ['%v', ''],
  ['%V', ''],
  ['%D', '%3Forig_msg%3Fdlr_mask%3D63%26%3Fsmpp%3Fdlr_err%3D%2503%2500%2500%26'],
  ['%R', 'http%3A%2F%2F127.0.0.1%3A45993%2Fdlr%3Fmark%3Dok%26d%3D%5B%25d%5D'],
  ['%r', WORDS],
  ['[%s][%S][%s][%r]', `[sub%3A001][dlvrd:001][submit][${WORDS.slice('sub%3A001+dlvrd%3A001+submit+'.length)}]`],
  ['%#smpp#dlr_err#', '%03%00%00'],
  ['%#smpp#other#x', 'x'],
  ['%%', '%'],
  ['%z', '%z'],
  ['end=%', 'end=%'],
])('a receipt: %s', (pattern, expected) => {
  expect(fillEscapeCodes(pattern, delivered)).toBe(expected);
});

test.each([
  ['%d', '16'],
  ['%q', '9991'],
  ['%F', ''],
  ['%A', 'NACK%2F0x0000000b%2FInvalid+Destination+Address'],
  ['%k', 'NACK%2F0x0000000b%2FInvalid'],
  ['%o', ''],
  ['%D', '%3Fsmpp_resp%3F%3Forig_msg%3Fdlr_mask%3D31%26'],
  ['[%s][%S][%s][%r]', '[Destination][Address][][]'],
  ['%#smpp#dlr_err#', ''],
])('a refusal: %s', (pattern, expected) => {
  expect(fillEscapeCodes(pattern, refused)).toBe(expected);
});

test('of a URL that somebody sends "*" becomes "~" in %S, which is not encoded', () => {
  expect(fillEscapeCodes('%S', { ...delivered, reply: 'get http://a.example/*x' })).toBe('http://a.example/~x');
});

test('a code without its end is left out, as the guide has it for %#group#parameter#', () => {
  expect(fillEscapeCodes('a%#smpp', delivered)).toBe('asmpp');
});
