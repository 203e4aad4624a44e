import { expect, test } from 'vitest';
import { commitArguments } from '../../../../adapters/store-redis/commit-arguments.ts';
import { configKey, ledgerKey, numberKey, Tag } from '../../../../actors/store/keys.ts';

const value = (text: string): Buffer => Buffer.from(text);

test('writes are sorted by the hash they go to, with counts before them', () => {
  const [batch, state, gone] = [numberKey(Tag.batch, 16), numberKey(Tag.state, 16), numberKey(Tag.state, 32)];
  const ledger = ledgerKey(16, 0);
  const config = configKey(Tag.config, 'a');
  const args = commitArguments([
    [config, value('c')],
    [batch, value('b')],
    [ledger, value('l')],
    [state, value('s')],
    [gone, undefined],
  ]);
  expect(args.slice(0, 8)).toEqual([1, 0, 1, 1, 1, 0, 1, 0]);
  expect(args.slice(8)).toEqual([batch, value('b'), state, value('s'), gone, ledger, value('l'), config, value('c')]);
});

test('of a single value that is put, removed and put again the last counts', () => {
  const key = configKey(Tag.config, 'a');
  expect(
    commitArguments([
      [key, value('1')],
      [key, undefined],
      [key, value('2')],
    ]).slice(6),
  ).toEqual([1, 0, key, value('2')]);
  expect(
    commitArguments([
      [key, value('1')],
      [key, undefined],
    ]).slice(6),
  ).toEqual([0, 1, key]);
});
