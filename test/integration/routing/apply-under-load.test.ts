import { expect, test } from 'vitest';
import { openControl } from '../../../adapters/control/client.ts';
import { freePort, startLoad } from '../../../bench/harness/smppload.ts';
import { connect } from '../../../drizzle/connect.ts';
import { startNode } from '../../support/node-process.ts';

const TABLES = 20;
const ROUTES = 10_000;
const MESSAGES = 30_000;
/** Applied while they come: slow enough that all tables are in use while messages come in. */
const RATE = 3_000;
/** Nobody may hang. How long the pause is (goal: 100 ms) is measured with nothing else on the machine's cores, not here. */
const LONGEST_ACK_MS = 10_000;

/** Table `version`: 10,000 rules of which only the one at `placeOf(version)` fits the load's numbers. */
function tableOf(version: number): object[] {
  return Array.from({ length: ROUTES }, (_, i) => ({
    called_prefix: i + 1 === placeOf(version) ? '4477' : `9${String(i).padStart(6, '0')}`,
    dest_smsc: 'sink',
    description: `rule ${i + 1} of table ${version}`,
  }));
}

/** A place of its own in each table: a message routed by half of one and half of another would show it. */
const placeOf = (version: number): number => ((version * 487) % ROUTES) + 1;

test('20 tables of 10,000 routes are applied while messages come: none is lost, each goes by one whole table', async () => {
  const carrierPort = await freePort();
  await using node = await startNode({
    config: {
      archive: { enabled: true },
      accounts: [{ system_id: 'load', password: 'load', binds: 10, window: 1000 }],
      carriers: [
        {
          name: 'sink',
          protocol: 'smpp',
          host: '127.0.0.1',
          port: carrierPort,
          system_id: 'r',
          password: 'r',
          binds: 2,
          window: 200,
        },
      ],
      routes: tableOf(1),
    },
  });
  const load = startLoad({ port: node.ports['smpp']!, carrierPort, count: MESSAGES, rate: RATE, timeoutSeconds: 60 });
  const control = openControl(node.dataDir);
  await node.statusWhen('messages come in', status => status.messages.accepted > 0);
  for (let version = 2; version <= TABLES + 1; version++) {
    const applied = await control.apply({ routes: tableOf(version) });
    expect(applied).toMatchObject({ tableVersion: version, routes: ROUTES });
  }
  const result = await load.result;
  expect(result).toMatchObject({
    acked: MESSAGES,
    delivered: MESSAGES,
    dlr: MESSAGES,
    rejected: 0,
    duplicates: 0,
    dlr_unknown: 0,
    bad_text: 0,
  });
  expect(result.ack_ms.max).toBeLessThan(LONGEST_ACK_MS);
  await node.statusWhen('everything is archived', status => status.archive.written === MESSAGES, 30_000);
  const url = `postgres:///postgres?host=${encodeURIComponent(`${node.dataDir}/postgres/run`)}&user=postgres`;
  const sql = connect(url, { max: 1, applicationName: 'test', statementTimeoutMs: 10_000 });
  try {
    const rows = await sql<{ table_version: number; route: number }[]>`
      SELECT DISTINCT table_version, route FROM messages ORDER BY table_version`;
    expect(rows.length).toBeGreaterThan(TABLES / 2);
    expect(rows.map(row => ({ ...row }))).toEqual(
      rows.map(({ table_version }) => ({ table_version, route: placeOf(table_version) })),
    );
  } finally {
    await sql.end();
  }
}, 180_000);
