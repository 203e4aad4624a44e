import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { parseAllDocuments, parse } from 'yaml';
import { VARIABLES } from '../../../adapters/config/environment.ts';
import { settingsReference } from '../../../adapters/config/reference.ts';
import { parseConfiguration } from '../../../adapters/config/load.ts';

/** The examples of `deploy/` say nothing that is not so: they are held to the settings, the ports and the programs. */

const root = fileURLToPath(new URL('../../..', import.meta.url));
const deploy = join(root, 'deploy');
const read = (name: string): string => readFileSync(join(deploy, name), 'utf8');
const files = readdirSync(deploy, { recursive: true, withFileTypes: true }).flatMap(entry =>
  entry.isFile() ? [join(entry.parentPath, entry.name).slice(deploy.length + 1)] : [],
);
const folder = mkdtempSync(join(tmpdir(), 'heliograph-deploy-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

type Map = Readonly<Record<string, any>>; // eslint-disable-line
const kubernetes = parseAllDocuments(read('kubernetes/heliograph.yaml')).map(document => document.toJS() as Map);
const ofKind = (kind: string): Map => kubernetes.find(resource => resource['kind'] === kind)!;
/** What a node reads beside those that override a key. */
const known = new Set([
  ...VARIABLES.map(([name]) => name),
  'HELIOGRAPH_CONFIG',
  'HELIOGRAPH_SECRET_KEY',
  'HELIOGRAPH_SECRET_KEY_FILE',
]);
const environment = { REDIS_URL: 'redis+sentinel://:pw@s1,s2/heliograph', DATABASE_URL: 'postgres://u:p@h/d' };

describe('docs/operations.md', () => {
  const text = readFileSync(join(root, 'docs/operations.md'), 'utf8');

  test('names settings, metrics, variables and files that there are', () => {
    const settings = settingsReference();
    for (const [, setting] of text.matchAll(/`((?:cluster|redis|archive|store|listeners)\.[a-z_.]+)(?:: \d+)?`/g)) {
      expect(settings, setting).toContain(`| \`${setting}\` |`);
    }
    const code = execFileSync('git', ['grep', '-ho', 'smsc_[a-z_]*', '--', 'node', 'adapters'], {
      cwd: root,
      encoding: 'utf8',
    });
    const metrics = new Set(code.split('\n'));
    for (const [name] of text.matchAll(/smsc_[a-z_]+/g)) expect(metrics, name).toContain(name);
    for (const [name] of text.matchAll(/\bHELIOGRAPH_[A-Z_]+/g)) expect(known, name).toContain(name);
    for (const [, name] of text.matchAll(/\bdeploy\/([a-z0-9./-]+[a-z])/g)) expect(files, name).toContain(name);
  });
});

describe('the examples of deploy/', () => {
  test.each([
    ['docker/heliograph.yaml', read('docker/heliograph.yaml')],
    ['kubernetes/heliograph.yaml', ofKind('ConfigMap')['data']['heliograph.yaml'] as string],
  ])('%s: its configuration is valid', (name, text) => {
    const { problems } = parseConfiguration(text, name, { environment });
    expect(problems).toEqual([]);
  });

  test('every variable that they set is one that a node reads', () => {
    for (const file of files) {
      const named = read(file).match(/\b(?:HELIOGRAPH_[A-Z_]+|REDIS_URL|DATABASE_URL)\b/g) ?? [];
      for (const name of named) expect(known, `${file}: ${name}`).toContain(name);
    }
  });

  test('every port is one of the defaults', () => {
    const { listeners } = parseConfiguration('', 'defaults').configuration!;
    const ours = [listeners.smpp, listeners.smpps, listeners.api, listeners.panel].map(({ port }) => String(port));
    const known = new Set([...ours, '6379', '26379']);
    for (const file of files) {
      const named = [...read(file).matchAll(/(?:[a-z]\d?:|ort:? |containerPort: |bind :|EXPOSE .*)(\d{4,5})\b/g)];
      for (const [, port] of named) expect(known, `${file}: ${port}`).toContain(port);
    }
  });

  test('compose: whoever is named is there', () => {
    const compose = parse(read('docker/compose.yaml'), { merge: true }) as Map;
    const services = new Set(Object.keys(compose['services'] as Map));
    const addresses = [...read('docker/compose.yaml').matchAll(/[@,]([a-z]+\d?)[:/]/g)].map(([, name]) => name!);
    const servers = [...read('haproxy/haproxy.cfg').matchAll(/server \w+ (\w+):/g)].map(([, name]) => name!);
    for (const name of [...addresses, ...servers]) expect(services, name).toContain(name);
    for (const service of Object.values(compose['services'] as Record<string, Map>)) {
      for (const name of (service['depends_on'] ?? []) as string[]) expect(services).toContain(name);
      for (const { source } of (service['configs'] ?? []) as { source: string }[]) {
        const { file } = (compose['configs'] as Record<string, { file: string }>)[source]!;
        expect(files, file).toContain(join('docker', file));
      }
    }
    const nodes = ['node1', 'node2', 'node3'].map(name => (compose['services'] as Record<string, Map>)[name]!);
    expect(nodes.map(node => (node['environment'] as Map)['HELIOGRAPH_NODE_ID'])).toEqual(['node1', 'node2', 'node3']);
    const subnet = (compose['networks'] as Map)['smsc'].ipam.config[0].subnet as string;
    expect(read('docker/heliograph.yaml')).toContain(`proxy_from: [${subnet}]`);
  });

  test('Kubernetes: probes and ports are the node’s, and a pod has time to drain', () => {
    const spec = ofKind('StatefulSet')['spec'].template.spec as Map;
    const [container] = spec['containers'] as Map[];
    const ports = new Set((container!['ports'] as { name: string }[]).map(({ name }) => name));
    for (const probe of ['readinessProbe', 'livenessProbe', 'startupProbe']) {
      const { httpGet, tcpSocket } = container![probe] as Map;
      expect(ports).toContain((httpGet ?? tcpSocket).port);
    }
    const { configuration } = parseConfiguration(ofKind('ConfigMap')['data']['heliograph.yaml'], 'k', { environment });
    expect(spec['terminationGracePeriodSeconds']).toBeGreaterThan(configuration!.drain_seconds + 20);
    expect(ofKind('PodDisruptionBudget')['spec'].selector).toEqual(ofKind('StatefulSet')['spec'].selector);
  });

  test('systemd: the unit is valid, and a node has time to drain', ({ skip }) => {
    const unit = read('systemd/heliograph.service');
    expect(Number(/TimeoutStopSec=(\d+)/.exec(unit)![1])).toBeGreaterThan(30);
    if (spawnSync('systemd-analyze', ['--version']).status !== 0) skip('there is no systemd-analyze here');
    const path = join(folder, 'heliograph.service');
    writeFileSync(path, unit.replaceAll('/opt/heliograph', root.replace(/\/$/, '')));
    const { stderr, status } = spawnSync('systemd-analyze', ['verify', path], { encoding: 'utf8' });
    expect([status, stderr]).toEqual([0, '']);
    const security = execFileSync('systemd-analyze', ['security', '--offline=true', path], { encoding: 'utf8' });
    expect(Number(/exposure level for heliograph.service: ([\d.]+)/.exec(security)![1])).toBeLessThan(2.5);
  });
});
