import { describe, expect, it } from 'vitest';
import { createPinoSink } from '../../../../adapters/log/pino-sink.ts';
import { createLogger } from '../../../../runtime/log.ts';
import type { Logger } from '../../../../runtime/log.ts';

function logging(options: { pretty?: boolean; maskNumbers?: boolean } = {}): { lines: string[]; logger: Logger } {
  const lines: string[] = [];
  const destination = { write: (line: string) => void lines.push(line) };
  const { pretty = false, maskNumbers = false } = options;
  const sink = createPinoSink({ base: { node: 'n1' }, pretty, maskNumbers, destination });
  return { lines, logger: createLogger(sink, 'info', () => Date.UTC(2026, 10, 21, 9, 30, 1, 250)) };
}

describe('createPinoSink', () => {
  it('writes one JSON object a line', () => {
    const { lines, logger } = logging();
    logger.info('listening\nhere', { listener: 'smpp', port: 2775 });
    logger.debug('dropped');
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/^\{.*\}\n$/);
    expect(JSON.parse(lines[0]!)).toEqual({
      level: 'info',
      time: '2026-11-21T09:30:01.250Z',
      node: 'n1',
      listener: 'smpp',
      port: 2775,
      msg: 'listening\nhere',
    });
  });

  it('hides secrets and texts, wherever they were put', () => {
    const { lines, logger } = logging();
    const hidden = { password: 'hunter2', text: 'hunter2', key: 'hunter2', authorization: 'Bearer hunter2' };
    logger.with(hidden).error('odd', { account: hidden, request: { headers: hidden }, system_id: 'demo' });
    expect(lines[0]).not.toContain('hunter2');
    expect(JSON.parse(lines[0]!)).toMatchObject({ system_id: 'demo', account: { password: '[hidden]' } });
  });

  it('shows three digits of numbers when told to', () => {
    const masked = logging({ maskNumbers: true });
    masked.logger.info('x', { to: '447700900123', message: { from: '12345' } });
    expect(JSON.parse(masked.lines[0]!)).toMatchObject({ to: '*********123', message: { from: '**345' } });
    const plain = logging();
    plain.logger.info('x', { to: '447700900123' });
    expect(JSON.parse(plain.lines[0]!)).toMatchObject({ to: '447700900123' });
  });

  it('is for people on a terminal', () => {
    const { lines, logger } = logging({ pretty: true });
    logger.warn('carrier lost', { carrier: 'sink' });
    expect(lines.join('')).toMatch(/^\[\d\d:\d\d:\d\d\.250\] WARN: carrier lost \{"carrier":"sink"\}\n$/);
  });
});
