import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** What Wireshark's dissector made of a capture. */
export interface Dissected {
  /** How many PDUs of each command_id. */
  readonly pdus: ReadonlyMap<number, number>;
  /** The frames it has something to say against: number, command_ids, sequence_numbers, and what. */
  readonly faults: readonly string[];
}

/** Of what TCP itself has to say, such as a segment sent twice on a busy machine, nothing is a fault of ours. */
const FAULTY = 'smpp && (_ws.malformed || (_ws.expert.severity >= "Warning" && !tcp.analysis.flags))';

/** Has tshark read a capture file. @param ports SMPP is spoken on these */
export async function dissect(file: string, ports: readonly number[]): Promise<Dissected> {
  const pdus = new Map<number, number>();
  for (const [ids] of await tshark(file, ports, 'smpp', ['smpp.command_id'])) {
    for (const id of ids!.split(',')) pdus.set(Number(id), (pdus.get(Number(id)) ?? 0) + 1);
  }
  const numbers = ['frame.number', 'smpp.command_id', 'smpp.sequence_number'];
  const faults = await tshark(file, ports, FAULTY, [...numbers, '_ws.malformed', '_ws.expert.message']);
  return { pdus, faults: faults.map(fields => fields.join(' ')) };
}

/** Has tshark read PDUs that never were on a wire, each a frame of its own. */
export async function dissectPdus(pdus: readonly Buffer[]): Promise<Dissected> {
  const folder = mkdtempSync(join(tmpdir(), 'heliograph-dissect-'));
  try {
    const [dump, file] = [join(folder, 'dump'), join(folder, 'pcap')];
    writeFileSync(dump, pdus.map(pdu => `000000 ${pdu.toString('hex').replace(/../g, '$& ')}\n`).join('\n'));
    await run('text2pcap', ['-q', '-T', '50000,2775', dump, file]);
    return await dissect(file, [2775]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function tshark(file: string, ports: readonly number[], filter: string, fields: readonly string[]) {
  const decode = ports.flatMap(port => ['-d', `tcp.port==${port},smpp`]);
  // Only SMPP is judged: not the user data header in a text, nor what a text would be if it were WAP push.
  const only = ['--disable-protocol', 'gsm_sms_ud', '--disable-protocol', 'wsp'];
  const show = fields.flatMap(field => ['-e', field]);
  const args = ['-r', file, ...decode, ...only, '-Y', filter, '-T', 'fields', ...show];
  const { stdout } = await run('tshark', args, { maxBuffer: 1 << 28 });
  return stdout.split('\n').flatMap(line => (line === '' ? [] : [line.split('\t')]));
}
