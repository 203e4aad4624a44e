import { expect, test } from 'vitest';
import { Congestion } from '../../../node/congestion.ts';

const settled = (): Promise<void> => new Promise(resolve => setImmediate(resolve));

test('congestion_state is how full the queues are, from 0 to 99, looked up four times a second', async () => {
  let fill: number | Error = 0;
  let asked = 0;
  let ms = 1000;
  const congestion = new Congestion(
    async () => {
      asked++;
      if (fill instanceof Error) throw fill;
      return fill;
    },
    () => ms,
  );
  const now = async (wanted: typeof fill): Promise<number> => {
    fill = wanted;
    ms += 250;
    void congestion.state;
    await settled();
    return congestion.state;
  };
  expect(await now(0)).toBe(0);
  expect(await now(0.5)).toBe(50);
  expect(await now(0.999)).toBe(99);
  expect(await now(1)).toBe(99);
  expect(await now(new Error('gone'))).toBe(99);
  expect(await now(0.014)).toBe(1);
  expect(asked).toBe(6);
});
