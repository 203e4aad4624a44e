import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import type { Place } from '../support/place.ts';

/** Which way nothing goes any more: `in` towards the host, `out` from it. */
export type Direction = 'both' | 'in' | 'out';

/** One machine of the network. */
export interface Host extends Place {
  readonly name: string;
  /**
   * Packets are dropped without a word, as by a pulled cable: nobody is told.
   *
   * @param peers only those from and to these hosts; none: all
   */
  cut(direction?: Direction, ...peers: readonly Host[]): void;
  /** Everything that was cut goes through again. */
  heal(): void;
}

/** Why hosts cannot be cut off here; undefined when they can. */
export function noCuts(): string | undefined {
  if (process.getuid?.() !== 0) return 'network namespaces need root';
  try {
    using network = new Namespaces();
    network.host('probe').cut();
    return undefined;
  } catch (error) {
    return `no network namespaces: ${(error as Error).message.split('\n')[0]}`;
  }
}

/** A network whose hosts have addresses of their own. */
export interface Network extends Disposable {
  /** Ourselves: where generator and carrier are. */
  readonly address: string;
  host(name: string): Host;
}

/** With namespaces where there can be any, else on loopback, where everything works but `cut`. */
export function makeNetwork(): Network {
  return noCuts() === undefined ? new Namespaces() : new Loopback();
}

const run = (...command: readonly string[]): string => {
  const [file, ...args] = command;
  return execFileSync(file!, args, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: `${process.env['PATH']}:/sbin:/usr/sbin` },
  });
};

const PREFIX = 'hg';
let made = 0;

/** A network namespace for each host, with a veth into a bridge of ours. */
class Namespaces implements Network {
  readonly address: string;
  readonly #name = `${PREFIX}${process.pid}-${++made}`;
  readonly #subnet: string;
  readonly #hosts: string[] = [];
  readonly #atExit = (): void => this[Symbol.dispose]();

  constructor() {
    removeLeftOvers();
    this.#subnet = freeSubnet();
    this.address = `${this.#subnet}.1`;
    process.once('exit', this.#atExit);
    run('ip', 'link', 'add', this.#name, 'type', 'bridge');
    run('ip', 'address', 'add', `${this.address}/24`, 'dev', this.#name);
    run('ip', 'link', 'set', this.#name, 'up');
  }

  host(name: string): Host {
    const number = this.#hosts.length + 2;
    const address = `${this.#subnet}.${number}`;
    const space = `${this.#name}-${name}`;
    // Interface names have at most 15 characters.
    const cable = `${this.#name}v${number}`.replace(PREFIX, 'v').slice(-15);
    run('ip', 'netns', 'add', space);
    this.#hosts.push(space);
    run('ip', 'link', 'add', cable, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', space);
    run('ip', 'link', 'set', cable, 'master', this.#name, 'up');
    const inside = ['ip', '-n', space] as const;
    run(...inside, 'address', 'add', `${address}/24`, 'dev', 'eth0');
    run(...inside, 'link', 'set', 'eth0', 'up');
    run(...inside, 'link', 'set', 'lo', 'up');
    const prefix = ['ip', 'netns', 'exec', space];
    const filter = (...rule: readonly string[]): void => void run(...prefix, 'iptables', '-w', ...rule);
    return {
      name,
      address,
      prefix,
      cut: (direction = 'both', ...peers) => {
        const others = peers.map(peer => peer.address).join(',');
        const from = others === '' ? [] : ['-s', others];
        const to = others === '' ? [] : ['-d', others];
        if (direction !== 'out') filter('-A', 'INPUT', '-i', 'eth0', ...from, '-j', 'DROP');
        if (direction !== 'in') filter('-A', 'OUTPUT', '-o', 'eth0', ...to, '-j', 'DROP');
      },
      heal: () => filter('-F'),
    };
  }

  [Symbol.dispose](): void {
    process.off('exit', this.#atExit);
    for (const space of this.#hosts.splice(0)) quietly('ip', 'netns', 'delete', space);
    quietly('ip', 'link', 'delete', this.#name);
  }
}

function quietly(...command: readonly string[]): void {
  try {
    run(...command);
  } catch {
    // It is gone already.
  }
}

/** True for a name of ours with the pid of a process that has ended. */
const isOver = (name: string): boolean => {
  const pid = /^hg(\d+)-/.exec(name)?.[1];
  return pid !== undefined && !existsSync(`/proc/${pid}`);
};

/** What a killed test run has left. */
function removeLeftOvers(): void {
  const spaces = existsSync('/run/netns') ? readdirSync('/run/netns') : [];
  for (const space of spaces.filter(isOver)) quietly('ip', 'netns', 'delete', space);
  for (const link of readdirSync('/sys/class/net').filter(isOver)) quietly('ip', 'link', 'delete', link);
}

/** Three octets that no interface of this machine has. */
function freeSubnet(): string {
  const taken = run('ip', '-4', 'address');
  for (;;) {
    const subnet = `10.${200 + Math.floor(Math.random() * 50)}.${Math.floor(Math.random() * 256)}`;
    if (!taken.includes(`${subnet}.`)) return subnet;
  }
}

/** Every address that begins with 127 is this machine: hosts differ by it and may have the same ports. */
class Loopback implements Network {
  readonly #subnet = `127.${1 + (process.pid % 250)}.${++made % 250}`;
  readonly address = `${this.#subnet}.1`;
  #hosts = 0;

  host(name: string): Host {
    const refuse = (): never => {
      throw new Error(`${name} cannot be cut off: ${noCuts() ?? 'this network is on loopback'}`);
    };
    return { name, address: `${this.#subnet}.${++this.#hosts + 1}`, prefix: [], cut: refuse, heal: () => undefined };
  }

  [Symbol.dispose](): void {}
}
