import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { parseConfiguration } from '../../../adapters/config/load.ts';
import { Cluster, clusterSettingsOf, nodeIdIn, type ClusterSettings } from '../../../node/cluster.ts';
import { startRedis, type TestRedis } from '../../support/test-redis.ts';
import { waitUntil } from '../../support/wait-until.ts';

let redis: TestRedis;
const folder = mkdtempSync(join(tmpdir(), 'heliograph-cluster-'));
const open: Cluster[] = [];

beforeAll(async () => {
  redis = await startRedis();
});
afterAll(async () => {
  await redis.remove();
  rmSync(folder, { recursive: true });
});
afterEach(async () => {
  for (const cluster of open.splice(0)) await cluster.leave();
});

function settings(node: string, url = redis.url): ClusterSettings {
  const text = `redis: { url: "${url}" }\ndatabase: { url: "postgres://a/b" }\ncluster: { name: c, lease_seconds: 0.8 }`;
  return clusterSettingsOf(parseConfiguration(text, 'h.yaml').configuration!, node)!;
}

async function opened(node: string): Promise<Cluster> {
  const cluster = await Cluster.open(settings(node), line => {
    throw new Error(line);
  });
  open.push(cluster);
  return cluster;
}

test('nodes find one another, and tell of themselves', async () => {
  const a = await opened('a');
  await a.join({ workers: 1 });
  expect([a.isHere, a.node, a.members.map(({ node }) => node)]).toEqual([true, 'a', ['a']]);
  let changes = 0;
  const end = a.onChange(() => changes++);
  const b = await opened('b');
  await b.join({ workers: 2 });
  await waitUntil('a sees b', () => a.members.length === 2);
  await b.tell({ table: 7 });
  await waitUntil('a is told', () => a.members[1]!.about['table'] === 7);
  expect(a.members[1]!.about).toEqual({ workers: 2, table: 7 });
  end();
  const before = changes;
  expect(before).toBeGreaterThan(1);
  await b.leave();
  await waitUntil('a sees b go', () => a.members.length === 1);
  expect(changes).toBe(before);
});

test('a Redis that breaks the promise is refused by the name of the setting', async () => {
  const weak = await startRedis(['--appendfsync', 'everysec']);
  try {
    await expect(Cluster.open(settings('a', weak.url), () => undefined)).rejects.toThrow(
      /appendfsync is everysec, and must be always/,
    );
  } finally {
    await weak.remove();
  }
});

test('what is promised is said', async () => {
  const a = await opened('a');
  expect(a.promise).toMatch(/^acknowledged is flushed by Redis at 127.0.0.1:\d+: the loss of its disk loses messages$/);
});

test('the id of a node is made once', () => {
  const made = nodeIdIn(folder, undefined);
  expect(made).toMatch(/^node-[0-9a-f]{8}$/);
  expect(nodeIdIn(folder, undefined)).toBe(made);
  expect(nodeIdIn(folder, 'own')).toBe('own');
});
