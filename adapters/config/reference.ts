import { z } from 'zod';
import { VARIABLES } from './environment.ts';
import { bare } from './schema-walk.ts';
import {
  accountSchema,
  addedTlvSchema,
  alternateSchema,
  errorRuleSchema,
  frontendSchema,
  rerouteRuleSchema,
  simulatorCarrierSchema,
  smppCarrierSchema,
} from './schema-peers.ts';
import { apiKeySchema, configurationSchema, routeSchema, SEED_KEYS, userSchema } from './schema.ts';

/** Every setting of the configuration file with what it takes, its default and its meaning, from the schema: Markdown. */
export function settingsReference(): string {
  const settings = Object.entries(configurationSchema.shape).filter(
    ([key]) => !(SEED_KEYS as readonly string[]).includes(key),
  );
  const parts = [
    '# Settings of the configuration file\n',
    'Made from the schema by `npx heliograph check-config --settings`. An unknown key is refused. Passwords, names and numbers',
    'are text: in YAML, put digits in quotes.\n',
    table('Node and cluster: read at each start', settings),
    environmentTable(),
    table('accounts[]: who binds to us', Object.entries(accountSchema.shape)),
    table('carriers[] with protocol: smpp', Object.entries(smppCarrierSchema.shape)),
    table('carriers[].alternates[]: where else it is', Object.entries(alternateSchema.shape)),
    table('carriers[].errors[]: what to do about a refusal', Object.entries(errorRuleSchema.shape)),
    table(
      'receipts.reroute[], carriers[].reroute_receipts[]: which receipts of failure send a message elsewhere',
      Object.entries(rerouteRuleSchema.shape),
    ),
    table(
      'accounts[].add_tlvs[], carriers[].add_tlvs[]: TLVs that messages are sent with',
      Object.entries(addedTlvSchema.shape),
    ),
    table('carriers[] with protocol: simulator', Object.entries(simulatorCarrierSchema.shape)),
    table('frontends[]: external protocol processes, by REST', Object.entries(frontendSchema.shape)),
    table('routes[]: exactly one of dest_smsc, auto_reply, drop, reject', Object.entries(routeSchema.shape)),
    table('users[]: of the control panel', Object.entries(userSchema.shape)),
    table('api_keys[]', Object.entries(apiKeySchema.shape)),
  ];
  return parts.join('\n');
}

function environmentTable(): string {
  const rows = VARIABLES.map(([name, path]) => `| \`${name}\` | \`${path.join('.')}\` |`);
  const about =
    'Each overrides one key of the file; an empty one counts as absent. `HELIOGRAPH_CONFIG` names the file itself;\n' +
    '`HELIOGRAPH_SECRET_KEY` is the key that secrets are sealed with, 64 hex digits or base64, `HELIOGRAPH_SECRET_KEY_FILE` a file\n' +
    'that has it; absent: `secret.key` in the data folder, made at the first start.';
  return `## Environment variables\n\n${about}\n\n| variable | key |\n| --- | --- |\n${rows.join('\n')}\n`;
}

function table(title: string, settings: readonly [string, z.ZodType][]): string {
  const rows = settings.flatMap(([key, schema]) => rowsOf(key, schema));
  return `## ${title}\n\n| key | takes | default | meaning |\n| --- | --- | --- | --- |\n${rows.join('\n')}\n`;
}

function rowsOf(key: string, schema: z.ZodType): string[] {
  const inner = bare(schema);
  const about = descriptionOf(schema);
  if (inner instanceof z.ZodObject) {
    const optional = schema instanceof z.ZodOptional;
    const own = optional ? [row(key, 'a map', 'absent', about)] : [];
    const children = Object.entries(inner.shape) as [string, z.ZodType][];
    return [...own, ...children.flatMap(([child, type]) => rowsOf(`${key}.${child}`, type))];
  }
  return [row(key, expectation(schema), defaultOf(schema), about)];
}

function row(...cells: readonly string[]): string {
  const [key = '', ...rest] = cells.map(cell => cell.replaceAll('|', '\\|'));
  return `| \`${key}\` | ${rest.join(' | ')} |`;
}

/** What a problem would say was expected. */
function expectation(schema: z.ZodType): string {
  const wrong = bare(schema).safeParse(Symbol('nothing fits'));
  const text = wrong.error?.issues[0]?.message ?? '';
  return nullable(schema) ? `${text}, or null` : text;
}

function nullable(schema: z.ZodType): boolean {
  if (schema instanceof z.ZodDefault) return nullable(schema.unwrap() as z.ZodType);
  return schema instanceof z.ZodNullable;
}

function defaultOf(schema: z.ZodType): string {
  if (schema instanceof z.ZodOptional) return 'absent';
  const { data, success } = schema.safeParse(undefined);
  return success ? `\`${JSON.stringify(data)}\`` : 'required';
}

function descriptionOf(schema: z.ZodType): string {
  if (schema.description !== undefined) return schema.description;
  const wrapped = schema instanceof z.ZodDefault || schema instanceof z.ZodOptional || schema instanceof z.ZodPrefault;
  return wrapped ? descriptionOf(schema.unwrap() as z.ZodType) : '';
}
