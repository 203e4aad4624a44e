import { load, type Loaded } from '../../actors/store/load.ts';
import { Tag } from '../../actors/store/keys.ts';
import { NotFetchedError, ListedValues, type Fetched, type FetchedValues } from './fetched-values.ts';
import type { RedisLine } from '../../runtime/redis/line.ts';
import { Place, type StripeKeys } from './stripe-keys.ts';

const SCANNED_AT_ONCE = 500;

/**
 * Reads where every batch of a stripe stands, and all that its ledger says; of the batches themselves only which there
 * are. Nobody else writes meanwhile: the stripe is ours. What is damaged is named by `alarm`.
 */
export async function loadStripe(
  line: RedisLine,
  keys: StripeKeys,
  values: FetchedValues,
  alarm: (line: string) => void,
): Promise<Loaded> {
  const fetched: Fetched = new Map();
  const listed: Buffer[] = [];
  for (const place of [Place.state, Place.ledger]) {
    const found = new Map<string, readonly [Buffer, Buffer]>();
    // A scan may give a field twice.
    for await (const [field, value] of scan(line, keys.hashes[place])) found.set(field.latin1Slice(), [field, value]);
    for (const [name, [field, value]] of found) {
      listed.push(field);
      fetched.set(name, value);
    }
  }
  for (const place of [Place.batch, Place.other]) listed.push(...(await fieldsOf(line, keys.hashes[place])));
  await values.fetch(
    listed.filter(key => key[0] === Tag.probe),
    fetched,
  );
  for (;;) {
    const alarms: string[] = [];
    try {
      const loaded = load(new ListedValues(listed, fetched), said => alarms.push(said));
      for (const said of alarms) alarm(said);
      return loaded;
    } catch (error) {
      // A batch whose state is lost: its bytes are needed after all.
      if (!(error instanceof NotFetchedError)) throw error;
      await values.fetch([error.key], fetched);
    }
  }
}

async function* scan(line: RedisLine, hash: string): AsyncIterable<readonly [field: Buffer, value: Buffer]> {
  let cursor = '0';
  do {
    const [next, pairs] = (await line.command('HSCAN', hash, cursor, 'COUNT', SCANNED_AT_ONCE)) as [Buffer, Buffer[]];
    for (let i = 0; i < pairs.length; i += 2) yield [pairs[i]!, pairs[i + 1]!];
    cursor = next.toString();
  } while (cursor !== '0');
}

const fieldsOf = async (line: RedisLine, hash: string): Promise<Buffer[]> =>
  (await line.command('HKEYS', hash)) as Buffer[];
