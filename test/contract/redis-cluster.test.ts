import { afterAll } from 'vitest';
import { startRedisCluster } from '../support/test-redis.ts';
import { redisEngineAt } from './fixtures/redis-engine.ts';
import { messageStoreContract } from './message-store.contract.ts';
import { messageStoreModel } from './message-store.model.ts';

const nodes = await startRedisCluster(3);
afterAll(async () => {
  await Promise.all(nodes.map(node => node.remove()));
});

// Each store has another name, so the slots of its stripe lie now on one node, now on another.
const [first, ...others] = nodes.map(({ port }) => `127.0.0.1:${port}`);
const url = `redis+cluster://${first}?${others.map(node => `node=${node}`).join('&')}`;
messageStoreContract('Redis Cluster', () => redisEngineAt(url));
messageStoreModel('Redis Cluster', () => redisEngineAt(url), 10);
