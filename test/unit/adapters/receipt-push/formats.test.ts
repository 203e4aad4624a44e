import { describe, expect, test } from 'vitest';
import { Fate } from '../../../../actors/message/ledger.ts';
import { PushEvent } from '../../../../actors/push/push-request.ts';
import { HeliographFormat, signature } from '../../../../adapters/receipt-push/heliograph-format.ts';
import { JasminFormat } from '../../../../adapters/receipt-push/jasmin-format.ts';
import { KannelFormat } from '../../../../adapters/receipt-push/kannel-format.ts';
import { statusOf } from '../../../../adapters/smpp/codec/command-status.ts';
import { STATE_WORDS, stateOfFate } from '../../../../adapters/smpp/receipt-states.ts';
import { pushedReceipt } from '../../../support/pushed-receipt.ts';

const toPublic = (id: number): number => id + 1;
const stateWord = (fate: number): string => STATE_WORDS[stateOfFate(fate as Fate)];

describe('heliograph', () => {
  const format = (secret: string): HeliographFormat =>
    new HeliographFormat({
      toPublic,
      secretOf: account => (account === 'shop' ? secret : ''),
      now: () => 1_700_000_000_900,
    });

  test('the signature is what openssl makes of time, "." and body', () => {
    // printf '1700000000.{"id":1}' | openssl dgst -sha256 -hmac secret
    const expected = '3dd1b9aef568d75f6790a84bd2e5dfa1f44409eef3cbdbd3f10b837376100c11';
    expect(signature('secret', '1700000000', '{"id":1}')).toBe(`v1=${expected}`);
  });

  test('the time of the header is the one that is signed', () => {
    const { headers, body } = format('secret').write(pushedReceipt());
    expect(headers['heliograph-time']).toBe('1700000000');
    expect(headers['heliograph-signature']).toBe(signature('secret', '1700000000', body));
  });

  test('without a secret nothing is signed', () => {
    const { headers } = format('').write(pushedReceipt());
    expect(Object.keys(headers)).toEqual(['content-type']);
  });

  test('what waits is queued here, or out with its carrier', () => {
    const receipt = { fate: Fate.sent };
    const statusIn = (carrierId: string): unknown => {
      const { body } = format('').write(pushedReceipt({ event: PushEvent.buffered, carrierId }, { receipt }));
      return (JSON.parse(body) as { status: string }).status;
    };
    expect([statusIn(''), statusIn('c1')]).toEqual(['queued', 'sent']);
  });

  test.each([
    [200, 'taken'],
    [299, 'taken'],
    [302, 'refused'],
    [404, 'refused'],
    [500, 'refused'],
  ])('an answer of %d: %s', (status, type) => {
    expect(format('').judge(status)).toMatchObject({ type });
  });
});

describe('kannel', () => {
  const format = new KannelFormat({ toPublic, stateWord, statusText: status => statusOf(status).text });
  const filled = (codes: string, ...of: Parameters<typeof pushedReceipt>): string => {
    const [more, { receipt = {} } = {}] = of;
    const request = { format: 'kannel', method: 'GET', url: `https://app.example/dlr?${codes}`, mask: 63 } as const;
    const { url, method } = format.write(pushedReceipt(more, { receipt, request }));
    expect(method).toBe('GET');
    return url.slice('https://app.example/dlr?'.length);
  };

  test('a receipt, its text as Kannel would have had it from an SMSC', () => {
    expect(filled('%d|%p|%P|%F|%I|%i|%n|%T')).toBe('1|%2B447700900123|ACME|1435104440937785|257|sink|shop|1795836125');
    expect(filled('%A')).toBe(
      'id%3A1435104440937785+sub%3A001+dlvrd%3A001+submit+date%3A2611280321+done+date%3A2611280322+stat%3ADELIVRD+err%3A000+text%3AHello+you+*+there+%2B+',
    );
    expect(filled('%D')).toBe('%3Forig_msg%3Fdlr_mask%3D63%26%3Fsmpp%3Fdlr_err%3D%2503%2500%2500%26');
  });

  test('a failure with its error', () => {
    const receipt = { fate: Fate.undeliverable, error: '301' };
    expect(filled('%d|%#smpp#dlr_err#', { event: PushEvent.failed }, { receipt })).toBe('2|%03%01-');
  });

  test('what an SMSC answered', () => {
    expect(filled('%d|%A|%o', { event: PushEvent.accepted })).toBe('8|ACK%2F|');
    const refused = { event: PushEvent.rejected, status: 0x0b, carrierId: '' };
    expect(filled('%d|%A|%F', refused)).toMatch(/^16\|NACK%2F0x0000000b%2F[^|]+\|$/);
    const expired = { event: PushEvent.rejected, carrierId: '' };
    expect(filled('%d|%A', expired, { receipt: { fate: Fate.expired } })).toBe('16|NACK%2FEXPIRED');
  });

  test('codes are filled in behind the host only', () => {
    const request = { format: 'kannel', method: 'GET', url: 'https://app.example/%P/r#%#a#b#', mask: 1 } as const;
    expect(format.write(pushedReceipt({}, { request })).url).toBe('https://app.example/ACME/r#');
  });
});

describe('jasmin', () => {
  const format = new JasminFormat({ toPublic, stateWord, statusName: status => statusOf(status).name });
  const request = { format: 'jasmin', method: 'POST', url: 'https://app.example/dlr?a=b', mask: 27 } as const;
  const sent = (...of: Parameters<typeof pushedReceipt>): Record<string, string> => {
    const [more, { receipt = {}, request: asked = {} } = {}] = of;
    const { body } = format.write(pushedReceipt(more, { receipt, request: { ...request, ...asked } }));
    return Object.fromEntries(new URLSearchParams(body));
  };

  test('level 1: what the SMSC answered', () => {
    const common = { id: '257', level: '1', connector: 'sink' };
    expect(sent({ event: PushEvent.accepted })).toEqual({ ...common, message_status: 'ESME_ROK' });
    const refused = { event: PushEvent.rejected, status: 0x33 };
    expect(sent(refused)).toEqual({ ...common, message_status: 'ESME_RINVNUMDESTS' });
  });

  test('level 2: the final state', () => {
    expect(sent()).toEqual({
      id: '257',
      level: '2',
      message_status: 'DELIVRD',
      connector: 'sink',
      id_smsc: '1435104440937785',
      sub: '001',
      dlvrd: '001',
      subdate: '2611280321',
      donedate: '2611280322',
      err: '000',
      text: 'Hello you * there + ',
    });
    const receipt = { fate: Fate.undeliverable, error: '27' };
    const parts = { event: PushEvent.failed, parts: 3, delivered: 2 };
    expect(sent(parts, { receipt })).toMatchObject({ message_status: 'UNDELIV', sub: '003', dlvrd: '002', err: '027' });
  });

  test('a refusal is the final state of whoever asks for level 2 alone, and so is what has expired here', () => {
    const refused = { event: PushEvent.rejected, status: 0x0b };
    const undeliverable = { fate: Fate.undeliverable };
    expect(sent(refused, { receipt: undeliverable, request: { mask: 3 } })).toMatchObject({
      level: '2',
      message_status: 'UNDELIV',
    });
    expect(sent({ event: PushEvent.rejected }, { receipt: { fate: Fate.expired } })).toMatchObject({
      level: '2',
      message_status: 'EXPIRED',
    });
  });

  test('by GET the parameters follow those that the URL has', () => {
    const { url, body } = format.write(
      pushedReceipt({ event: PushEvent.accepted }, { request: { ...request, method: 'GET' } }),
    );
    expect(url).toBe('https://app.example/dlr?a=b&id=257&level=1&message_status=ESME_ROK&connector=sink');
    expect(body).toBe('');
  });

  test.each([
    [200, 'ACK/Jasmin', 'taken'],
    // As for Jasmin itself, which strips it.
    [200, ' ACK/Jasmin\n', 'taken'],
    [200, 'ACK/Jasmin!', 'refused'],
    [200, 'ack/jasmin', 'refused'],
    [200, '', 'refused'],
    [201, 'ACK/Jasmin', 'refused'],
    [500, 'ACK/Jasmin', 'refused'],
    [404, '', 'never'],
  ])('an answer of %d %j: %s', (status, body, type) => {
    expect(format.judge(status, body)).toMatchObject({ type });
  });
});
