import type { Problem } from './problems.ts';

/** Where everything is that must survive, unless something else is configured. */
export const DEFAULT_DATA_DIR = './data';

/** Environment variables, each of which overrides one key of the file. `HELIOGRAPH_CONFIG` names the file itself. */
export const VARIABLES: readonly (readonly [name: string, path: readonly string[], kind: 'text' | 'number'])[] = [
  ['HELIOGRAPH_DATA_DIR', ['data_dir'], 'text'],
  ['HELIOGRAPH_HOST', ['listeners', 'host'], 'text'],
  ['HELIOGRAPH_SMPP_PORT', ['listeners', 'smpp', 'port'], 'number'],
  ['HELIOGRAPH_SMPPS_PORT', ['listeners', 'smpps', 'port'], 'number'],
  ['HELIOGRAPH_API_PORT', ['listeners', 'api', 'port'], 'number'],
  ['HELIOGRAPH_PANEL_PORT', ['listeners', 'panel', 'port'], 'number'],
  ['HELIOGRAPH_WORKERS', ['workers'], 'number'],
  ['HELIOGRAPH_WARM_UP_MESSAGES', ['warm_up_messages'], 'number'],
  ['HELIOGRAPH_NODE_ID', ['node_id'], 'text'],
  ['HELIOGRAPH_LOG_LEVEL', ['log', 'level'], 'text'],
  ['REDIS_URL', ['redis', 'url'], 'text'],
  ['DATABASE_URL', ['database', 'url'], 'text'],
];

export type Environment = Readonly<Record<string, string | undefined>>;

/** Which variable set which key, so that a problem names the variable and not a line of the file. */
export type Overrides = ReadonlyMap<string, string>;

/** A copy of `document` with the variables of `environment` written over it. An empty variable counts as absent. */
export function overrideByEnvironment(
  document: unknown,
  environment: Environment,
): { value: unknown; overrides: Overrides; problems: Problem[] } {
  const overrides = new Map<string, string>();
  const problems: Problem[] = [];
  let value = document;
  for (const [name, path, kind] of VARIABLES) {
    const given = environment[name];
    if (given === undefined || given === '') continue;
    if (kind === 'number' && !/^\d{1,9}$/.test(given)) {
      const message = `expected a whole number, got ${JSON.stringify(given)}`;
      problems.push({ source: name, key: '', message });
      continue;
    }
    value = put(value, path, kind === 'number' ? Number(given) : given);
    overrides.set(path.join('.'), name);
  }
  return { value, overrides, problems };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Leaves what is not a map as it is: the schema says what is wrong with it. */
function put(document: unknown, [step, ...rest]: readonly string[], leaf: string | number): unknown {
  if (step === undefined) return leaf;
  if (document !== undefined && document !== null && !isRecord(document)) return document;
  return { ...document, [step]: put(document?.[step], rest, leaf) };
}
