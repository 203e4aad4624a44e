import { existsSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { CarrierLogs } from '../../../../adapters/log/carrier-logs.ts';
import { createPinoSink } from '../../../../adapters/log/pino-sink.ts';
import { RotatingFile } from '../../../../adapters/log/rotating-file.ts';
import type { LogLevel } from '../../../../runtime/log.ts';

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'heliograph-log-'))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const read = (name: string): string => readFileSync(join(folder, name), 'utf8');

function rotating(maxOctets: number, keep: number) {
  const errors: string[] = [];
  const clock = { now: 0 };
  const path = join(folder, 'deep', 'sink.log');
  const failed = (error: NodeJS.ErrnoException): number => errors.push(error.code!);
  const file = new RotatingFile({ path, maxOctets, keep, monotonic: () => clock.now, failed });
  return { file, errors, clock, path };
}

test('a file that is full is put aside, and only so many are kept', () => {
  const { file } = rotating(6, 2);
  for (const line of ['1234\n', 'a\n', 'b\n', 'c\n', 'd\n', 'e\n', 'f\n', 'g\n']) file.write(line);
  file.close();
  expect(readdirSync(join(folder, 'deep')).sort()).toEqual(['sink.log.1', 'sink.log.2']);
  expect([read('deep/sink.log.2'), read('deep/sink.log.1')]).toEqual(['b\nc\nd\n', 'e\nf\ng\n']);
});

test('one that was moved away is begun anew, one that is there is gone on with', () => {
  const { file, clock, path } = rotating(1000, 2);
  file.write('one\n');
  renameSync(path, `${path}.moved`);
  clock.now = 1001;
  file.write('two\n');
  file.close();
  file.write('three\n');
  file.close();
  expect([read('deep/sink.log.moved'), read('deep/sink.log')]).toEqual(['one\n', 'two\nthree\n']);
});

test('what cannot be written is said, and nothing is thrown', () => {
  const errors: string[] = [];
  writeFileSync(join(folder, 'a-file'), '');
  const file = new RotatingFile({
    path: join(folder, 'a-file', 'sink.log'),
    maxOctets: 10,
    keep: 1,
    monotonic: () => 0,
    failed: error => errors.push(error.code!),
  });
  file.write('lost\n');
  expect(errors).toEqual(['EEXIST']);
});

test('lines about a carrier go into its own log, from its level on; texts and secrets never', () => {
  const logs = new CarrierLogs({
    folder,
    makeSink: destination => createPinoSink({ base: { node: 'n1' }, pretty: false, maskNumbers: true, destination }),
    maxOctets: 10_000,
    keep: 1,
    monotonic: () => 0,
    failed: (_carrier, error) => {
      throw error;
    },
  });
  const line = (level: LogLevel, carrier: string | undefined, message: string, more: object = {}): void =>
    logs.log({ at: 0, level, message, fields: { ...(carrier && { carrier }), ...more } });
  logs.use(
    new Map<string, LogLevel>([
      ['a', 'debug'],
      ['b', 'warn'],
    ]),
  );
  line('debug', 'a', 'pdu', { text: 'secret', to: '447700900123' });
  line('info', 'b', 'bound');
  line('error', 'b', 'refused');
  line('error', 'c', 'of another');
  line('error', undefined, 'of the node');
  logs.use(new Map([['b', 'info']]));
  line('error', 'a', 'later');
  line('info', 'b', 'bound again');
  expect(JSON.parse(read('a.log'))).toMatchObject({
    level: 'debug',
    carrier: 'a',
    text: '[hidden]',
    to: '*********123',
  });
  expect(read('a.log').split('\n')).toHaveLength(2);
  expect([...read('b.log').matchAll(/"msg":"([^"]+)"/g)].map(([, message]) => message)).toEqual([
    'refused',
    'bound again',
  ]);
  expect(existsSync(join(folder, 'c.log'))).toBe(false);
});
