import { describe, expect, it } from 'vitest';
import { createLogger, RepeatLimiter } from '../../../runtime/log.ts';
import type { LogRecord } from '../../../runtime/log.ts';

function recording(level: 'debug' | 'warn' = 'debug') {
  const records: LogRecord[] = [];
  return {
    records,
    logger: createLogger(
      record => records.push(record),
      level,
      () => 1234,
    ),
  };
}

describe('createLogger', () => {
  it('makes records that cross threads, errors with code and cause included', () => {
    const { records, logger } = recording();
    const error = Object.assign(new Error('write failed', { cause: new Error('disk') }), {
      code: 'EIO',
      body: 'secret',
    });
    logger.with({ carrier: 'sink' }).error('gone', { error, port: 1 });
    expect(structuredClone(records)).toEqual([
      {
        at: 1234,
        level: 'error',
        message: 'gone',
        fields: {
          carrier: 'sink',
          port: 1,
          error: {
            name: 'Error',
            message: 'write failed',
            code: 'EIO',
            stack: expect.any(String),
            cause: { name: 'Error', message: 'disk', stack: expect.any(String) },
          },
        },
      },
    ]);
  });

  it('drops lines below its level where they are made', () => {
    const { records, logger } = recording('warn');
    logger.info('no');
    logger.with({ a: 1 }).debug('no');
    logger.warn('yes');
    expect(records.map(record => record.message)).toEqual(['yes']);
    expect([logger.enabled('info'), logger.enabled('warn'), logger.enabled('fatal')]).toEqual([false, true, true]);
  });
});

describe('RepeatLimiter', () => {
  it('writes the first line at once and counts the rest of the period', () => {
    const { records, logger } = recording();
    const limiter = new RepeatLimiter(logger, 1000);
    for (let at = 0; at < 500; at += 1) limiter.log(at, 'warn', 'bad-pdu', 'PDU refused', { peer: at });
    limiter.log(500, 'warn', 'other', 'another line');
    limiter.flush(999);
    expect(records.map(({ message, fields }) => [message, fields])).toEqual([
      ['PDU refused', { peer: 0 }],
      ['another line', {}],
    ]);
    limiter.flush(1000);
    limiter.flush(5000);
    expect(records.slice(2).map(({ fields }) => fields)).toEqual([{ peer: 499, repeated: 499 }]);
  });

  it('closes a period with the next line when nobody flushes', () => {
    const { records, logger } = recording();
    const limiter = new RepeatLimiter(logger, 1000);
    for (const at of [0, 1, 2, 1500]) limiter.log(at, 'warn', 'k', 'again', { at });
    expect(records.map(({ fields }) => fields)).toEqual([{ at: 0 }, { at: 2, repeated: 2 }, { at: 1500 }]);
  });

  it('counts at most so many lines at once, and loses no count', () => {
    const { records, logger } = recording();
    const limiter = new RepeatLimiter(logger, 1000, 2);
    for (const key of ['a', 'a', 'b', 'c']) limiter.log(0, 'warn', key, key);
    expect(records.map(({ message, fields }) => [message, fields['repeated']])).toEqual([
      ['a', undefined],
      ['b', undefined],
      ['a', 1],
      ['c', undefined],
    ]);
  });
});
