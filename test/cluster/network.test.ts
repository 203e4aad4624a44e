import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, test } from 'vitest';
import { at } from '../support/place.ts';
import { makeNetwork, noCuts, type Host } from './network.ts';

/** True when `from` can send to `to` and gets an answer. */
const reaches = (from: Host, to: Host): boolean => {
  const program = `require('net').connect({host:'${to.address}',port:7}).on('connect',()=>process.exit(0)).on('error',e=>process.exit(e.code==='ECONNREFUSED'?0:1)).setTimeout(300,()=>process.exit(1))`;
  const [file, args] = at(from, process.execPath, ['-e', program]);
  return spawnSync(file, args).status === 0;
};

describe('a network of hosts', () => {
  test('a program that runs at one has its address; its pid is the program’s own', async () => {
    using network = makeNetwork();
    const host = network.host('a');
    const program = `require('net').createServer().listen(2775,'${host.address}',function(){console.log(process.pid)})`;
    const [file, args] = at(host, process.execPath, ['-e', program]);
    const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    const [line] = (await once(child.stdout, 'data')) as [Buffer];
    expect(Number(line.toString())).toBe(child.pid);
    child.kill('SIGKILL');
    await once(child, 'close');
  });

  test.skipIf(noCuts())('one that is cut off reaches nobody until it is healed', () => {
    using network = makeNetwork();
    const [a, b, c] = [network.host('a'), network.host('b'), network.host('c')];
    expect(reaches(a, b)).toBe(true);
    a.cut();
    expect([reaches(a, b), reaches(b, a), reaches(b, c)]).toEqual([false, false, true]);
    a.heal();
    expect(reaches(a, b)).toBe(true);
    a.cut('both', b);
    expect([reaches(a, b), reaches(a, c)]).toEqual([false, true]);
    a.heal();
    a.cut('in', b);
    expect([reaches(a, b), reaches(b, a), reaches(a, c)]).toEqual([false, false, true]);
  });
});
