import { afterAll } from 'vitest';
import { startRedis } from '../support/test-redis.ts';
import { redisEngine, redisEngineAt } from './fixtures/redis-engine.ts';
import { messageStoreContract } from './message-store.contract.ts';
import { messageStoreCrashes } from './message-store.crash.ts';
import { messageSearchContract } from './message-search.contract.ts';
import { messageStoreModel } from './message-store.model.ts';

const redis = await startRedis();
afterAll(() => redis.remove());

messageStoreContract('Redis', () => redisEngineAt(redis.url));
messageSearchContract('Redis', () => redisEngineAt(redis.url));
messageStoreModel('Redis', () => redisEngineAt(redis.url), 40);
messageStoreCrashes(
  'Redis',
  new URL('./fixtures/redis-engine.ts', import.meta.url).href,
  redisEngine,
  () => `${redis.url} crash`,
  10,
);
