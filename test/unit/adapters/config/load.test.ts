import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { checkSeedData, loadConfiguration, parseConfiguration } from '../../../../adapters/config/load.ts';
import type { LoadOptions } from '../../../../adapters/config/load.ts';
import { formatProblem } from '../../../../adapters/config/problems.ts';

const folder = mkdtempSync(join(tmpdir(), 'heliograph-config-'));
afterAll(() => rmSync(folder, { recursive: true }));

const problems = (text: string, options?: LoadOptions): string[] =>
  parseConfiguration(text, 'h.yaml', options).problems.map(formatProblem);
const warnings = (text: string, options?: LoadOptions): string[] =>
  parseConfiguration(text, 'h.yaml', options).warnings.map(formatProblem);

const ACCOUNT = 'accounts:\n  - system_id: load\n    password: load\n';
const SINK = 'carriers:\n  - { name: sink, protocol: smpp, host: 127.0.0.1, system_id: r, password: r }\n';

/** The configuration of the contract. */
const CONTRACT = `cluster: { name: default }
durability: disk
listeners:
  smpp: { port: 2775 }
  api: { port: 8080, auth: required }
  panel: { port: 8086 }
api_keys:
  - { name: ops, key: "…", role: admin }
users:
  - { name: admin, password: "…", role: admin }
accounts:
  - system_id: load
    password: load
    binds: 10
    window: 1000
    throughput: 0
    credits: null
    allow_ips: []
    archive: full
carriers:
  - name: sink
    protocol: smpp
    host: 127.0.0.1
    port: 2796
    system_id: r
    password: r
    bind: transceiver
    binds: 2
    window: 200
    throughput: 0
    receipt_id: as-is
routes:
  - called_prefix: "44"
    dest_smsc: sink
    priority: 100
    weight: 100
    charged: default
    enabled: true
    description: UK
  - { called_prefix: "", auto_reply: "Not in service", priority: 900 }
  - { called_prefix: "999", drop: true }
`;

describe('parseConfiguration', () => {
  it('takes the configuration of the contract', () => {
    const { configuration, seed, problems } = parseConfiguration(CONTRACT, 'h.yaml');
    expect(problems).toEqual([]);
    expect(configuration?.accounts[0]).toMatchObject({ system_id: 'load', window: 1000, credits: null, enabled: true });
    expect(configuration?.carriers[0]).toMatchObject({ port: 2796, binds: 2, enquire_link_seconds: 30 });
    expect(configuration?.routes[1]).toMatchObject({ auto_reply: 'Not in service', priority: 900, weight: 100 });
    expect(Object.keys(seed ?? {})).toEqual(['api_keys', 'users', 'accounts', 'carriers', 'routes']);
  });

  it('fills in defaults, and freezes what it hands out', () => {
    const { configuration, seed } = parseConfiguration('', 'h.yaml');
    expect(configuration).toMatchObject({
      data_dir: './data',
      durability: 'disk',
      bind_errors: 'uniform',
      listeners: {
        host: '127.0.0.1',
        smpp: { port: 2775 },
        api: { port: 8080, auth: 'required' },
        panel: { port: 8086 },
      },
      retry: { base_seconds: 60, factor: 2 },
    });
    expect(seed).toEqual({});
    expect(Object.isFrozen(configuration?.listeners.smpp)).toBe(true);
    expect(Object.isFrozen(configuration?.routes)).toBe(true);
  });

  it.each([
    [
      'window: "many"',
      ACCOUNT + '    window: "many"',
      ['h.yaml:4: accounts[0].window: expected a whole number from 1 to 65535, got "many"'],
    ],
    ['a misspelt key', ACCOUNT + '    windw: 4', ['h.yaml:4: accounts[0].windw: unknown key (did you mean "window"?)']],
    ['a misspelt section', 'acounts: []', ['h.yaml:1: acounts: unknown key (did you mean "accounts"?)']],
    ['a key that is like no other', 'x-ray: 1', ['h.yaml:1: x-ray: unknown key']],
    [
      'a key missing',
      '\naccounts:\n  - { system_id: a }',
      ['h.yaml:3: accounts[0].password: expected text of 1 to 8 printable ASCII characters, got nothing'],
    ],
    [
      'a prepaid account',
      'accounts: [{ system_id: a, password: a, credits: 100 }]',
      ['h.yaml:1: accounts[0].credits: expected null: every account is postpaid in this release, got the number 100'],
    ],
    [
      'a password no bind can carry',
      'accounts: [{ system_id: a, password: ninechars }]',
      ['h.yaml:1: accounts[0].password: expected text of 1 to 8 printable ASCII characters, got text of 9 characters'],
    ],
    [
      'a number for text',
      'accounts:\n  - system_id: 123\n    password: a',
      [
        'h.yaml:2: accounts[0].system_id: expected text of 1 to 15 printable ASCII characters, got the number 123 (put it in quotes)',
      ],
    ],
    [
      'a number for digits',
      'routes:\n  - { called_prefix: 0044, drop: true }',
      [
        'h.yaml:2: routes[0].called_prefix: expected up to 20 digits in quotes, with or without a leading "+" or "00", got the number 44 (put it in quotes)',
      ],
    ],
    [
      'a port',
      'listeners:\n  smpp:\n    port: 70000',
      ['h.yaml:3: listeners.smpp.port: expected a port from 0 (any free one) to 65535, got the number 70000'],
    ],
    [
      'a network',
      ACCOUNT + '    allow_ips: [10.0.0.0/8, 10.0.0.0/33]',
      [
        'h.yaml:4: accounts[0].allow_ips[1]: expected an address or a network such as 192.0.2.0/24 or 2001:db8::/32, got "10.0.0.0/33"',
      ],
    ],
    [
      'a protocol',
      'carriers:\n  - { name: a, protocol: smmp }',
      ['h.yaml:2: carriers[0].protocol: expected smpp or simulator, got "smmp"'],
    ],
    [
      'a key of the other protocol',
      'carriers:\n  - { name: a, protocol: simulator, receipt_dely_ms: 4 }',
      ['h.yaml:2: carriers[0].receipt_dely_ms: unknown key (did you mean "receipt_delay_ms"?)'],
    ],
    [
      'no map',
      'routes: [drop]',
      [
        'h.yaml:1: routes[0]: expected a map of settings, got "drop"',
        'h.yaml:1: routes[0]: expected exactly one of dest_smsc, auto_reply, drop, reject, got none',
      ],
    ],
    ['a list as the whole', '- 1', ['h.yaml:1: expected a map of settings, got a list']],
    [
      'two actions',
      `${SINK}routes:\n  - { called_prefix: "1", drop: true }\n  - { dest_smsc: sink, drop: true }`,
      ['h.yaml:5: routes[1]: expected exactly one of dest_smsc, auto_reply, drop, reject, got dest_smsc and drop'],
    ],
    [
      'another sender for what is not sent',
      'routes:\n  - { drop: true, senders: [ACME] }',
      ['h.yaml:2: routes[0].senders: expected none where there is no dest_smsc: nothing is sent'],
    ],
    [
      'a sender that is too long',
      `${SINK}routes:\n  - { dest_smsc: sink, senders: ["Twelve chars"] }`,
      ['h.yaml:4: routes[0].senders[0]: expected up to 20 digits, or up to 11 characters, got "Twelve chars"'],
    ],
    [
      'no action',
      'routes:\n  - {}',
      ['h.yaml:2: routes[0]: expected exactly one of dest_smsc, auto_reply, drop, reject, got none'],
    ],
    ['drop: false', 'routes: [{ drop: false }]', ['h.yaml:1: routes[0].drop: expected true, got false']],
    [
      'a default destination that is not there',
      `${SINK}accounts:\n  - { system_id: a, password: b, default_dest_smsc: snk }`,
      [
        'h.yaml:4: accounts[0].default_dest_smsc: expected the name of a carrier, account or frontend, got "snk" (did you mean "sink"?)',
      ],
    ],
    [
      'passwords in clear over a network',
      'bind_callback: { url: "http://192.0.2.1/bind" }',
      [
        'h.yaml:1: bind_callback.url: expected an https URL (http to loopback alone: it is sent passwords), got "http://192.0.2.1/bind"',
      ],
    ],
    [
      'a destination that is not there',
      `${SINK}routes:\n  - dest_smsc: snk`,
      [
        'h.yaml:4: routes[0].dest_smsc: expected the name of a carrier, account or frontend, got "snk" (did you mean "sink"?)',
      ],
    ],
    [
      'one name for two',
      `${SINK}frontends:\n  - { name: ims }\n  - { name: sink }`,
      [
        'h.yaml:5: frontends[1].name: expected a name of its own, "sink" is already carriers[0] (accounts, carriers and frontends share one name space)',
      ],
    ],
    [
      'a number for a password',
      'users:\n  - { name: a, password: 123456789012 }',
      ['h.yaml:2: users[0].password: expected text of 1 to 256 characters, got a number (put it in quotes)'],
    ],
    [
      'one key for two',
      'api_keys:\n  - { name: a, key: kkkkkkkkkkkkkkkkkkkkkk }\n  - { name: b, key: kkkkkkkkkkkkkkkkkkkkkk }',
      ['h.yaml:3: api_keys[1].key: expected a key of its own, got that of api_keys[0]'],
    ],
    [
      'no key asked for, on all addresses',
      'listeners:\n  host: 0.0.0.0\n  api: { auth: none }',
      ['h.yaml:3: listeners.api.auth: "none" is accepted on loopback only, and listeners.host is "0.0.0.0"'],
    ],
    [
      'two listeners on one port',
      'listeners:\n  smpp: { port: 8080 }',
      ['h.yaml:1: listeners.api.port: expected a port of its own, 8080 is already that of smpp'],
    ],
    [
      'durability without a cluster',
      'durability: process',
      ['h.yaml:1: durability: "process" is for cluster mode (REDIS_URL) only; on one machine it is "disk"'],
    ],
    [
      'a cluster without a database',
      'redis: { url: "redis://127.0.0.1" }',
      ['h.yaml:1: redis.url: cluster mode (REDIS_URL) needs a database that all nodes share (DATABASE_URL)'],
    ],
    [
      'an address of Redis that leads nowhere',
      'redis: { url: "redis+sentinel://127.0.0.1" }\ndatabase: { url: "postgres://a/b" }',
      ['h.yaml:1: redis.url: Redis address: a Sentinel address needs the master’s name: …/mymaster'],
    ],
    [
      'waits the wrong way round',
      SINK.replace(' }', ', reconnect_seconds: 5, reconnect_max_seconds: 2 }'),
      ['h.yaml:2: carriers[0].reconnect_max_seconds: expected at least reconnect_seconds (5)'],
    ],
    ['a key given twice', `${ACCOUNT}    window: 1\n    window: 2`, ['h.yaml:5: Map keys must be unique']],
    [
      'text that is no YAML',
      'accounts:\n  - a: 1\n  b',
      [
        'h.yaml:3: All mapping items must start at the same column',
        'h.yaml:3: Implicit map keys need to be followed by map values',
      ],
    ],
  ])('names file, line, key and what was expected: %s', (_, text, expected) => {
    expect(problems(text)).toEqual(expected);
  });

  it('lists all problems, in the order of the file', () => {
    const text = `clustr: {}\n${ACCOUNT}    window: 0\n${SINK}routes:\n  - { dest_smsc: nobody }\n  - { drop: true, prio: 1 }\n`;
    expect(problems(text).map(line => line.slice(0, 24))).toEqual([
      'h.yaml:1: clustr: unknow',
      'h.yaml:5: accounts[0].wi',
      'h.yaml:9: routes[0].dest',
      'h.yaml:10: routes[1].pri',
    ]);
  });

  it('never shows a secret', () => {
    const text = 'accounts: [{ system_id: a, password: hunter2hunter2 }]\napi_keys: [{ name: a, key: [hunter2] }]';
    expect(problems(text)).toHaveLength(2);
    expect(problems(text).join()).not.toContain('hunter2');
  });

  it('keeps numbers as international digits', () => {
    const text = `routes:${['+44', '0044', '44', '', '+', '00'].map(at => `\n  - { called_prefix: "${at}", drop: true }`).join('')}`;
    const prefixes = parseConfiguration(text, 'h.yaml').configuration?.routes.map(route => route.called_prefix);
    expect(prefixes).toEqual(['44', '44', '44', '', '', '']);
  });

  it.each([['3.4'], ['"3.4"'], ['5.0'], ['3.3']])('takes interface_version: %s', version => {
    const { configuration } = parseConfiguration(SINK.replace(' }', `, interface_version: ${version} }`), 'h.yaml');
    expect(configuration?.carriers[0]).toMatchObject({ interface_version: version.replaceAll('"', '') });
  });

  it('reads JSON as well, with lines in its problems', () => {
    const text = '{\n "accounts": [\n  { "system_id": "a",\n    "password": "a",\n    "window": "many" }\n ]\n}';
    expect(problems(text)).toEqual([
      'h.yaml:5: accounts[0].window: expected a whole number from 1 to 65535, got "many"',
    ]);
    expect(parseConfiguration(text.replace('"many"', '7'), 'h.yaml').configuration?.accounts[0]?.window).toBe(7);
    expect(problems('{\n "routes": [],\n "routes": []\n}')).toEqual(['h.yaml:3: Map keys must be unique']);
    expect(problems('{ "routes": [ }')[0]).toMatch(/^h\.yaml:1: /);
  });

  it('takes names that exist elsewhere', () => {
    const text = 'routes: [{ dest_smsc: sink }]';
    expect(problems(text)).toHaveLength(1);
    expect(problems(text, { known: new Set(['sink']) })).toEqual([]);
  });

  it('warns of what is allowed and unwise', () => {
    expect(warnings(`listeners: { host: 0.0.0.0 }\n${ACCOUNT}`)).toEqual([
      'h.yaml:3: accounts[0].allow_ips: empty: "load" may bind from any address with an 8-character password',
    ]);
    expect(warnings('api_keys: [{ name: a, key: short }]\nusers: [{ name: a, password: short }]')).toEqual([
      'h.yaml:1: api_keys[0].key: shorter than 20 characters',
      'h.yaml:2: users[0].password: shorter than 12 characters',
    ]);
    expect(warnings(ACCOUNT)).toEqual([]);
  });
});

describe('environment', () => {
  it.each([
    ['HELIOGRAPH_DATA_DIR', '/srv/x', { data_dir: '/srv/x' }],
    ['HELIOGRAPH_HOST', '0.0.0.0', { listeners: { host: '0.0.0.0' } }],
    ['HELIOGRAPH_SMPP_PORT', '0', { listeners: { smpp: { port: 0 } } }],
    ['HELIOGRAPH_API_PORT', '9080', { listeners: { api: { port: 9080 } } }],
    ['HELIOGRAPH_PANEL_PORT', '9086', { listeners: { panel: { port: 9086 } } }],
    ['HELIOGRAPH_WORKERS', '3', { workers: 3 }],
    ['HELIOGRAPH_NODE_ID', 'n7', { node_id: 'n7' }],
    ['HELIOGRAPH_LOG_LEVEL', 'debug', { log: { level: 'debug' } }],
    ['DATABASE_URL', 'postgres://u:p@db/x', { database: { url: 'postgres://u:p@db/x' } }],
  ])('%s overrides the file', (name, value, expected) => {
    const text =
      'data_dir: ./other\nlisteners: { host: 127.0.0.2, smpp: { port: 1, max_connections: 5 } }\nlog: {level: warn}';
    const { configuration, problems } = parseConfiguration(text, 'h.yaml', { environment: { [name]: value } });
    expect(problems).toEqual([]);
    expect(configuration).toMatchObject(expected);
    expect(configuration?.listeners.smpp.max_connections).toBe(5);
  });

  it('counts an empty variable as absent', () => {
    const environment = { HELIOGRAPH_SMPP_PORT: '', DATABASE_URL: '' };
    expect(parseConfiguration('', 'h', { environment }).configuration?.listeners.smpp.port).toBe(2775);
  });

  it('names the variable, and no secret, when it is wrong', () => {
    const environment = {
      HELIOGRAPH_API_PORT: 'http',
      HELIOGRAPH_SMPP_PORT: '65536',
      HELIOGRAPH_LOG_LEVEL: 'loud',
      REDIS_URL: 'hunter2',
    };
    expect(problems('', { environment })).toEqual([
      'HELIOGRAPH_API_PORT: expected a whole number, got "http"',
      'HELIOGRAPH_LOG_LEVEL: expected trace, debug, info, warn, error or fatal, got "loud"',
      'REDIS_URL: expected a URL, got text of 7 characters',
      'HELIOGRAPH_SMPP_PORT: expected a port from 0 (any free one) to 65535, got the number 65536',
    ]);
  });

  it('checks the whole after overriding: REDIS_URL needs DATABASE_URL', () => {
    const environment = { REDIS_URL: 'redis://127.0.0.1:6379' };
    expect(problems('durability: process', { environment })).toEqual([
      'REDIS_URL: cluster mode (REDIS_URL) needs a database that all nodes share (DATABASE_URL)',
    ]);
    const both = { ...environment, DATABASE_URL: 'postgres://db/x' };
    expect(problems('durability: process', { environment: both })).toEqual([]);
  });
});

describe('loadConfiguration', () => {
  it('reads a file, and says when it cannot', () => {
    const path = join(folder, 'good.yaml');
    writeFileSync(path, CONTRACT);
    expect(loadConfiguration(path).configuration?.carriers).toHaveLength(1);
    const missing = join(folder, 'missing.yaml');
    expect(loadConfiguration(missing).problems.map(formatProblem)).toEqual([
      `${missing}: cannot be read: ENOENT: no such file or directory, open '${missing}'`,
    ]);
    expect(loadConfiguration(undefined).configuration?.data_dir).toBe('./data');
  });
});

describe('checkSeedData', () => {
  it('checks parsed data by the same rules, without lines', () => {
    const routes = [{ called_prefix: '+44', dest_smsc: 'sink' }];
    expect(checkSeedData({ routes }, 'apply', new Set(['sink'])).seed?.routes?.[0]?.called_prefix).toBe('44');
    expect(checkSeedData({ routes }, 'apply', new Set()).problems.map(formatProblem)).toEqual([
      'apply: routes[0].dest_smsc: expected the name of a carrier, account or frontend, got "sink"',
    ]);
    expect(checkSeedData(7, 'apply', new Set()).problems.map(formatProblem)).toEqual([
      'apply: expected a map of settings, got the number 7',
    ]);
  });

  it('takes 100,000 routes of JSON in a second or two', () => {
    const routes = Array.from({ length: 100_000 }, (_, at) => ({ called_prefix: `44${at}`, dest_smsc: 'sink' }));
    const began = performance.now();
    const loaded = parseConfiguration(JSON.stringify({ routes }), 'big.json', { known: new Set(['sink']) });
    expect(loaded.configuration?.routes).toHaveLength(100_000);
    // 0.5 s on a 2-core machine; the bound leaves room for a busy one.
    expect(performance.now() - began).toBeLessThan(5000);
  });
});
