import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { checkRuntime } from '../../../../adapters/cli/process.ts';
import { writeNodeFile } from '../../../../adapters/control/node-file.ts';
import { serveControl } from '../../../../adapters/control/server.ts';
import type { ControlServer } from '../../../../adapters/control/server.ts';
import { runNode } from '../../../support/run.ts';
import type { Ran } from '../../../support/run.ts';
import { EMPTY_STATUS, fullStatus, SAMPLE_ACCOUNT, SampleControl, story } from '../../../support/sample-control.ts';

const program = fileURLToPath(new URL('../../../support/cli-main.ts', import.meta.url));
const dataDir = mkdtempSync(join(tmpdir(), 'heliograph-cli-'));
const file = (name: string, text: string): string => {
  const path = join(dataDir, name);
  writeFileSync(path, text);
  return path;
};
const cli = (args: readonly string[], options: Parameters<typeof runNode>[2] = {}): Promise<Ran> =>
  runNode(program, args, { ...options, environment: { HELIOGRAPH_DATA_DIR: dataDir, ...options.environment } });

let sample: SampleControl;
let server: ControlServer;
beforeAll(async () => {
  server = await serveControl(dataDir, {
    status: () => sample.status(),
    names: () => sample.names(),
    apply: seed => sample.apply(seed),
    drain: () => sample.drain(),
    send: message => sample.send(message),
    message: id => sample.message(id),
    accounts: () => sample.accounts(),
    addAccount: settings => sample.addAccount(settings),
    changeAccount: (name, changes) => sample.changeAccount(name, changes),
    unbindAccount: (name, session) => sample.unbindAccount(name, session),
    removeAccount: name => sample.removeAccount(name),
    carriers: () => sample.carriers(),
    changeCarrier: (name, changes) => sample.changeCarrier(name, changes),
    switchBind: (name, slot, isStarted) => sample.switchBind(name, slot, isStarted),
    removeCarrier: name => sample.removeCarrier(name),
    repushReceipts: request => sample.repushReceipts(request),
    repushed: run => sample.repushed(run),
    flushReceipts: () => sample.flushReceipts(),
  });
  writeNodeFile(dataDir, {
    pid: process.pid,
    node: 'n1',
    version: '9.9.9',
    started: new Date().toISOString(),
    host: '127.0.0.1',
    ports: {},
    controlSocket: server.path,
  });
});
beforeEach(() => {
  sample = new SampleControl();
});
afterAll(async () => {
  await server.close();
  rmSync(dataDir, { recursive: true });
});

describe('usage', () => {
  it.each([
    [['staus'], 2, "error: unknown command 'staus'\n(Did you mean status?)"],
    [['status', '--jsn'], 2, "error: unknown option '--jsn'\n(Did you mean --json?)"],
    [['status', 'abc'], 2, 'Expected a message id: digits.'],
    [['status', '1', '2'], 2, 'too many arguments'],
    [['send', '--to', '1'], 2, "required option '--text <text>' not specified"],
    [['send', '--to', '1', '--text', 'x', '--wait', 'soon'], 2, 'Expected seconds, up to 86400.'],
    [['accounts', 'add'], 2, "missing required argument 'system_id'"],
    [['accounts', 'set', 'demo'], 2, 'nothing to change: name at least one setting'],
    [['accounts', 'add', 'x', '--binds', 'four'], 2, 'Expected a number.'],
    [[], 2, 'Usage: heliograph'],
    [['accounts'], 2, 'Usage: heliograph accounts'],
  ] as const)('%j ends with %i', async (args, code, text) => {
    const ran = await cli(args);
    expect(ran).toMatchObject({ code, stdout: '' });
    expect(ran.stderr).toContain(text);
  });

  it.each([['start'], ['check-config'], ['apply'], ['drain'], ['migrate'], ['send'], ['status'], ['errors']])(
    'help of %s has examples',
    async verb => {
      const { code, stdout } = await cli([verb, '--help']);
      expect(code).toBe(0);
      expect(stdout).toMatch(
        new RegExp(`Usage: heliograph ${verb}[^]*--json[^]*Examples:\n +\\$ npx heliograph ${verb}`),
      );
    },
  );

  it('knows its version', async () => {
    expect(await cli(['--version'])).toEqual({ code: 0, stdout: '9.9.9\n', stderr: '' });
  });
});

describe('status', () => {
  it('of a quiet node', async () => {
    sample.current = { ...EMPTY_STATUS, node: { ...EMPTY_STATUS.node, startedAt: Date.now() - 135_000 } };
    const { code, stdout } = await cli(['status']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^Heliograph 0\.1\.0 {2}node n-3f2a {2}running for 2 min 1[5-9] s, pid 4711\n/);
    expect(stdout).toContain('listening: smpp 127.0.0.1:2775, api 127.0.0.1:8080');
    expect(stdout).toContain('Sessions\n  none\n');
    expect(stdout).toContain('none yet (npx heliograph send --to');
  });

  it('of a busy one, with receipts, alarms and no control characters', async () => {
    sample.current = fullStatus(Date.now());
    const { stdout } = await cli(['status']);
    expect(stdout).toMatch(/ sink\/1 +carrier +198\.51\.100\.20:2775 +transceiver +BOUND_TRX +187\/200 /);
    expect(stdout).toMatch(/ sink +carrier +1,204,331 +187 +40 +1 min [4-9] s/);
    expect(stdout).toContain('receipts  received 7,900,001, delivered 7,888,000, not delivered 12,001');
    expect(stdout).toContain('! disk: 96 % full, new messages are refused');
    expect(stdout).toMatch(/123456789012 +shop +SHOP +447700900123 +sink +delivered +DELIVRD/);
    // oxlint-disable-next-line no-control-regex
    expect(stdout).not.toMatch(/[\u0000-\u0009\u000b-\u001f]/);
  });

  it('as JSON', async () => {
    sample.current = fullStatus(5);
    expect(JSON.parse((await cli(['status', '--json'])).stdout)).toEqual(sample.current);
  });

  it('of one message', async () => {
    sample.stories = [story('delivered', Date.now())];
    const { code, stdout } = await cli(['status', '4242']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^message 4242 {2}delivered, receipt DELIVRD\n/);
    expect(stdout).toMatch(/\n {2}\d{4}-\d\d-\d\d \d\d:\d\d:\d\d {2}sent to sink as 1A2B\n/);
    expect(await cli(['status', '7'])).toEqual({ code: 1, stdout: '', stderr: 'heliograph: no message 7\n' });
  });

  it('where no node runs: one line', async () => {
    const ran = await cli(['status', '--data', './nowhere']);
    const stderr = 'heliograph: no node is running on ./nowhere (start it with: npm start)\n';
    expect(ran).toEqual({ code: 1, stdout: '', stderr });
    const json = await cli(['status', '--data', './nowhere', '--json']);
    expect(json).toMatchObject({ code: 1, stderr: '' });
    expect(JSON.parse(json.stdout)).toMatchObject({ error: { code: 'no-node' } });
  });

  it('finds the data folder that the file names, other problems of it aside', async () => {
    const config = file('elsewhere.yaml', `data_dir: ${dataDir}\nroutes: [{ dest_smsc: sink }]\n`);
    expect(await cli(['status', '--config', config], { environment: { HELIOGRAPH_DATA_DIR: '' } })).toMatchObject({
      code: 0,
    });
    const missing = await cli(['status', '--config', './none.yaml'], { environment: { HELIOGRAPH_DATA_DIR: '' } });
    expect(missing.code).toBe(1);
    expect(missing.stderr).toContain('./none.yaml: cannot be read: ENOENT');
  });
});

describe('send', () => {
  it('submits a message', async () => {
    const ran = await cli(['send', '--to', '447700900123', '--text', 'Hello', '--from', 'SHOP']);
    expect(ran).toEqual({
      code: 0,
      stdout: 'message 4242 accepted for sink (npx heliograph status 4242)\n',
      stderr: '',
    });
    expect(sample.sent).toEqual([{ to: '447700900123', text: 'Hello', from: 'SHOP', account: '' }]);
  });

  it('waits for the receipt', async () => {
    const now = Date.now();
    sample.stories = [story('queued', now), story('sent', now), story('delivered', now)];
    const ran = await cli(['send', '--to', '1', '--text', 'x', '--wait']);
    expect(ran.code).toBe(0);
    expect(ran.stdout).toContain('message 4242  delivered, receipt DELIVRD');
  });

  it('fails when the message did, or is refused', async () => {
    sample.stories = [story('undeliverable', Date.now())];
    const failed = await cli(['send', '--to', '1', '--text', 'x', '--wait', '--json']);
    expect(failed.code).toBe(1);
    expect(JSON.parse(failed.stdout)).toMatchObject({ id: 4242, fate: 'undeliverable' });
    const refused = await cli(['send', '--to', '0', '--text', 'x']);
    expect(refused).toEqual({ code: 1, stdout: '', stderr: 'heliograph: no route to 0\n' });
  });
});

describe('check-config and apply', () => {
  it('lists every problem and changes nothing', async () => {
    const bad = file('bad.yaml', 'acounts: []\nroutes:\n  - { dest_smsc: snk }\n');
    const checked = await cli(['check-config', bad]);
    expect(checked).toMatchObject({ code: 1, stdout: '' });
    expect(checked.stderr.split('\n')).toEqual([
      `${bad}:1: acounts: unknown key (did you mean "accounts"?)`,
      `${bad}:3: routes[0].dest_smsc: expected the name of a carrier, account or frontend, got "snk"`,
      `heliograph: ${bad}: 2 problems`,
      '',
    ]);
    const json = JSON.parse((await cli(['check-config', bad, '--json'])).stdout) as { problems: string[] };
    expect(json).toMatchObject({ valid: false, problems: [expect.any(String), expect.any(String)] });
    const applied = await cli(['apply', bad]);
    expect(applied.code).toBe(1);
    // The node knows a carrier "sink".
    expect(applied.stderr).toContain('got "snk" (did you mean "sink"?)');
    expect(applied.stderr).toContain('2 problems, nothing was changed');
    expect(sample.applied).toEqual([]);
  });

  it('says what a valid file has', async () => {
    const good = file(
      'good.yaml',
      'accounts: [{ system_id: a, password: b }]\nroutes: [{ drop: true }, { drop: true }]\n',
    );
    expect(await cli(['check-config', good])).toEqual({
      code: 0,
      stdout: `${good} is valid: 1 account, 2 routes\n`,
      stderr: '',
    });
  });

  it('gives the sections of the file to the node, checked and complete', async () => {
    const routes = file('routes.yaml', 'routes: [{ called_prefix: "+44", dest_smsc: sink }]\n');
    const ran = await cli(['apply', routes]);
    expect(ran).toEqual({ code: 0, stdout: 'routing table 4 is active: 1 route; written: 1 route\n', stderr: '' });
    expect(sample.applied).toEqual([
      { routes: [expect.objectContaining({ called_prefix: '44', dest_smsc: 'sink', priority: 100 })] },
    ]);
    const none = await cli(['apply', file('none.yaml', 'workers: 2\n')]);
    expect(none.stderr).toContain('nothing to apply');
    expect((await cli(['apply'])).stderr).toContain('which file?');
  });
});

describe('accounts', () => {
  it('adds, lists, changes, removes', async () => {
    const added = await cli(['accounts', 'add', 'shop', '--allow-ip', '192.0.2.0/24', '10.0.0.1']);
    expect(added.stdout).toMatch(/^account "shop" added; password: [\w]{8}\n$/);
    expect(sample.list.get('shop')).toMatchObject({ credits: null, allow_ips: ['192.0.2.0/24', '10.0.0.1'] });
    expect((await cli(['accounts', 'add', 'shop'])).stderr).toBe('heliograph: account "shop" exists\n');
    const listed = await cli(['accounts', 'list']);
    expect(listed.stdout).toMatch(
      / shop +enabled +0\/10 +1000 +no limit +postpaid +192\.0\.2\.0\/24 10\.0\.0\.1 +full\n/,
    );
    expect(await cli(['accounts', 'set', 'shop', '--throughput', '12.5'])).toMatchObject({ code: 0 });
    expect(await cli(['accounts', 'disable', 'shop'])).toMatchObject({ stdout: 'account "shop" is disabled\n' });
    expect(JSON.parse((await cli(['accounts', 'show', 'shop', '--json'])).stdout)).toMatchObject({
      throughput: 12.5,
      enabled: false,
    });
    expect(await cli(['accounts', 'remove', 'shop'])).toMatchObject({ code: 0 });
    expect(await cli(['accounts', 'show', 'shop'])).toMatchObject({
      code: 1,
      stderr: 'heliograph: no account "shop"\n',
    });
  });

  it('takes a password from a file or stdin only, and shows those it made', async () => {
    const given = await cli(['accounts', 'add', 'a', '--password-file', '-', '--json'], { input: 's3cret\n' });
    expect(given).toMatchObject({ code: 0 });
    expect(given.stdout).not.toContain('s3cret');
    const long = await cli(['accounts', 'add', 'b', '--password-file', file('p', 'far too long')]);
    expect(long).toMatchObject({ code: 1, stdout: '' });
    expect(long.stderr).toMatch(/^password: expected[^]*\nheliograph: 1 problem, nothing was changed\n$/);
    sample.list.set('demo', SAMPLE_ACCOUNT);
    const made = await cli(['accounts', 'set', 'demo', '--new-password', '--json']);
    expect(JSON.parse(made.stdout)).toMatchObject({ system_id: 'demo', password: expect.stringMatching(/^\w{8}$/) });
  });
});

describe('carriers', () => {
  it('lists, changes, stops, starts, removes', async () => {
    expect((await cli(['carriers', 'list'])).stdout).toMatch(
      / sink +smpp +started +1\/2 +transceiver +2 +200 +no limit +127\.0\.0\.1:2776 +bind refused: ESME_RALYBND\n/,
    );
    const set = await cli(['carriers', 'set', 'sink', '--binds', '3', '--log-pdus', 'on', '--json']);
    expect(JSON.parse(set.stdout)).toMatchObject({ binds: 3, window: 200, log_pdus: true });
    expect(await cli(['carriers', 'stop', 'sink'])).toMatchObject({ stdout: 'carrier "sink" is stopped\n' });
    expect(sample.carrierList.get('sink')).toMatchObject({ enabled: false });
    expect(await cli(['carriers', 'start', 'sink'])).toMatchObject({ stdout: 'carrier "sink" is started\n' });
    expect(await cli(['carriers', 'remove', 'sink'])).toMatchObject({ stdout: 'carrier "sink" removed\n' });
    expect(await cli(['carriers', 'list'])).toMatchObject({ stdout: 'no carriers (npx heliograph apply FILE)\n' });
    expect(await cli(['carriers', 'stop', 'sink'])).toMatchObject({ code: 1 });
    expect(await cli(['carriers', 'set', 'sink'])).toMatchObject({ code: 2 });
    expect(await cli(['carriers', 'set', 'sink', '--log-pdus', 'maybe'])).toMatchObject({ code: 2 });
  });
});

describe('single binds of a carrier', () => {
  it('lists, stops and starts them by id', async () => {
    const list = await cli(['carriers', 'list', 'sink']);
    expect(list.stdout).toMatch(/ sink\/1 +started +transceiver +BOUND_TRX +127\.0\.0\.1:2776 +3\/200 /);
    expect(list.stdout).toMatch(/ sink\/2 +started/);
    expect(await cli(['carriers', 'stop', 'sink/2'])).toMatchObject({ stdout: 'bind "sink/2" is stopped\n' });
    expect(sample.carrierList.get('sink')!.each.map(({ started }) => started)).toEqual([true, false]);
    expect(await cli(['carriers', 'start', 'sink/2'])).toMatchObject({ stdout: 'bind "sink/2" is started\n' });
    expect(sample.carrierList.get('sink')!.each.map(({ started }) => started)).toEqual([true, true]);
    expect(await cli(['carriers', 'stop', 'sink/3'])).toMatchObject({ code: 1 });
    for (const wrong of ['sink/0', 'sink/', 'sink/1/2', 'sink/x']) {
      expect(await cli(['carriers', 'stop', wrong])).toMatchObject({ code: 2 });
    }
    expect(await cli(['carriers', 'list', 'none'])).toMatchObject({ code: 1 });
  });
});

describe('the other verbs', () => {
  it('start hands over file, folder and --apply, and fails with one line', async () => {
    const ran = await cli(['start', '--config', 'x.yaml', '--data', '/d', '--apply']);
    expect(ran).toEqual({ code: 0, stdout: 'start x.yaml /d apply=true\n', stderr: '' });
    const failed = await cli(['start']);
    expect(failed).toEqual({ code: 1, stdout: '', stderr: 'heliograph: the sample node wants a configuration file\n' });
    const named = await cli(['start'], { environment: { HELIOGRAPH_CONFIG: 'y.yaml' } });
    expect(named.stdout).toContain('start y.yaml');
  });

  it('drain returns when the node has ended', async () => {
    const node = spawn('sleep', ['1']);
    let gone = false;
    node.on('exit', () => (gone = true));
    sample.current = { ...EMPTY_STATUS, node: { ...EMPTY_STATUS.node, pid: node.pid! } };
    const { stdout } = await cli(['drain']);
    expect(gone).toBe(true);
    expect(stdout).toBe('drained: the node has ended; 1,200 messages were on disk as it began\n');
  });

  it('migrate says what it did', async () => {
    expect((await cli(['migrate'])).stdout).toBe('nothing to do: the database has all 3 migrations of this release\n');
  });

  it.each([['0x58'], ['88'], ['ESME_RTHROTTLED'], ['rthrottled'], ['Throttled']])('errors %s', async code => {
    expect(await cli(['errors', code])).toMatchObject({
      code: 0,
      stdout:
        '0x00000058 (88) ESME_RTHROTTLED\nThe peer sends faster than it may\nRetry: later: the same message may be accepted later.\n',
    });
  });

  it('errors lists all, and says when a code is unknown', async () => {
    expect((await cli(['errors'])).stdout).toMatch(/0x00000000 +ESME_ROK +never +No error\n/);
    expect(await cli(['errors', '0x9999'])).toMatchObject({ code: 1, stdout: '' });
  });
});

describe('checkRuntime', () => {
  it.each([
    ['v24.12.0', true],
    ['v24.21.0', true],
    ['v26.0.0', true],
    ['v24.11.1', false],
    ['v20.20.2', false],
    ['v9.0.0', false],
  ])('%s will do: %s', (version, will) => {
    const problem = checkRuntime(version);
    expect(problem === undefined).toBe(will);
    if (!will) expect(problem).toContain(`Node.js 24.12 or newer is needed, this is ${version}`);
  });
});

it('receipts flush says how many waited', async () => {
  const { code, stdout } = await cli(['receipts', 'flush']);
  expect([code, stdout.trim()]).toEqual([0, '12 receipts waited for the id they name: they are answered now']);
});

describe('receipts repush', () => {
  const range = [
    'receipts',
    'repush',
    '--account',
    'shop',
    '--from',
    '2026-11-26',
    '--to',
    '2026-11-26T14:30:00+02:00',
  ];
  const info = { account: 'shop', from: 0, to: 1, run: 'r1', problem: '' } as const;

  it('waits for its end and says how many', async () => {
    sample.runs = [
      { ...info, state: 'running', pushed: 500 },
      { ...info, state: 'done', pushed: 1234 },
    ];
    const { code, stdout } = await cli([...range, '--run', 'r1', '--rate', '50']);
    expect([code, stdout.trim()]).toEqual([0, 'run r1: 1,234 receipts pushed to shop']);
    const [from, to] = [Date.UTC(2026, 10, 26), Date.UTC(2026, 10, 26, 12, 30)];
    expect(sample.repushes).toEqual([{ account: 'shop', from, to, run: 'r1', rate: 50 }]);
  });

  it('that stopped is exit code 1, and why', async () => {
    sample.runs = [{ ...info, state: 'stopped', pushed: 256, problem: 'the store takes nothing now: queue-full' }];
    const { code, stdout } = await cli([...range, '--json']);
    expect([code, JSON.parse(stdout)]).toEqual([1, sample.runs[0]]);
  });

  it('in words that are no times is wrong usage', async () => {
    for (const from of ['yesterday', '2026-11-26T14:30', '2026-13-01']) {
      const { code, stderr } = await cli([...range, '--from', from]);
      expect([code, stderr]).toEqual([2, expect.stringContaining('Expected a day, 2026-11-26 (UTC)')]);
    }
  });
});
