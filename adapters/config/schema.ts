import { z } from 'zod';
import { DEFAULT_DATA_DIR } from './environment.ts';
import { amount, ascii, digits, flag, group, listenPort, listOf, name, oneOf, text, whole } from './fields.ts';
import {
  accountSchema,
  carrierSchema,
  frontendSchema,
  network,
  numberRules,
  rerouteRules,
  senders,
} from './schema-peers.ts';

/** Most entries of each list that seeds the database. 1,000,000 routes are P8 of the performance goals. */
export const MOST = {
  routes: 1_000_000,
  accounts: 100_000,
  carriers: 1000,
  frontends: 1000,
  users: 10_000,
  keys: 10_000,
};

export const routeSchema = group({
  called_prefix: digits(20).default('').describe('Beginning of the recipient; "": any'),
  calling_prefix: digits(20).default('').describe('Beginning of the sender; "": any'),
  source_smsc: name().optional().describe('Only messages that come from this carrier, account or frontend'),
  source_type: name().optional().describe('Only messages that came by this way: SMPP, HTTP, IMS …'),
  account: name().optional().describe('Only messages of this account'),
  sender: ascii(1, 64).optional().describe('Only senders like this: * any run of characters, ? any one, case ignored'),
  dest_smsc: name().optional().describe('Action: forward to this carrier, account or frontend'),
  auto_reply: text(1, 1000).optional().describe('Action: answer the sender with this text'),
  drop: z.literal(true, { error: 'true' }).optional().describe('Action: accept and forget'),
  reject: z
    .union([z.literal(true), whole(1, 0xffff_ffff)], { error: 'true or a command_status from 1 to 0xFFFFFFFF' })
    .optional()
    .describe('Action: refuse, with this command_status; true: ESME_RINVDSTADR'),
  senders: senders()
    .default([])
    .describe(
      'With `dest_smsc`: takes the place of the sender, once the route is chosen; of several a recipient always sees the same. Empty: it stays',
    ),
  priority: whole(0, 65_535).default(100).describe('Lower is tried first'),
  weight: whole(0, 65_535)
    .default(100)
    .describe('Share among routes that are otherwise equal; 0: hardly ever (RFC 2782)'),
  charged: oneOf('yes', 'no', 'default').default('default').describe('Whether a message by this route costs a credit'),
  enabled: flag().default(true),
  description: text(0, 256).default('').describe('For people; shown, never interpreted'),
});

export const userSchema = group({
  name: name().describe('To sign in to the control panel with'),
  password: text(1, 256),
  role: oneOf('admin', 'operator', 'viewer').default('viewer'),
});

export const apiKeySchema = group({
  name: name(),
  key: text(1, 256).describe('Sent as `Authorization: Bearer …`; 20 random characters or more'),
  role: oneOf('admin', 'operator', 'viewer', 'frontend').default('frontend'),
  allow_ips: listOf(network(), 'addresses or networks', 1000)
    .default([])
    .describe('Where it may be used; empty: anywhere'),
});

const URL_TEXT = 'a URL';
const url = () => text(1, 2048).refine(value => /^[a-z0-9+]+:\/\/\S+$/.test(value), { error: URL_TEXT });

const smppListener = group({
  port: listenPort().default(2775),
  session_init_seconds: amount(0.1, 600).default(10).describe('From connection to a valid bind; then it is closed'),
  enquire_link_seconds: whole(1, 3600).default(30).describe('Quiet time after which we ask whether the peer is there'),
  response_timeout_seconds: whole(1, 600).default(30).describe('For an answer to deliver_sm or enquire_link'),
  inactivity_seconds: whole(0, 604_800).default(0).describe('Time without a message, then we unbind; 0: no limit'),
  pdu_read_seconds: amount(0.1, 600).default(10).describe('How long a PDU may be half here; then it is closed'),
  output_timeout_seconds: amount(0.1, 3600)
    .default(60)
    .describe('How long a peer may leave unread more than 512 KB of ours; then it is closed'),
  max_connections: whole(1, 1_000_000).default(10_000).describe('At once, on this node'),
  max_unbound: whole(1, 1_000_000)
    .default(1000)
    .describe('Of these, not bound yet, in each worker; beyond it the oldest of them is closed'),
  proxy_from: listOf(network(), 'addresses or networks', 1000)
    .default([])
    .describe(
      'Balancers: their connections, with TLS too, begin with a PROXY header (version 1 or 2) that says who is there',
    ),
  no_route_status: whole(1, 0xffff_ffff).default(0x0000_000b).describe('command_status when no route fits'),
});

const smppsListener = group({
  port: listenPort().default(3550),
  cert_file: text(0, 4096)
    .default('')
    .describe('Our certificate and its chain (PEM), read again when it changes; "": no TLS port'),
  key_file: text(0, 4096).default('').describe('The key of the certificate (PEM)'),
  ca_file: text(0, 4096).default('').describe('Who signs the certificates of ESMEs (PEM); "": none is asked for'),
  client_cert: oneOf('optional', 'required')
    .default('optional')
    .describe('With `ca_file`: whether an ESME may come without; a wrong one never gets in'),
});

const apiListener = group({
  port: listenPort().default(8080),
  auth: oneOf('required', 'none').default('required').describe('none: no key is asked for; on loopback only'),
});

const listeners = group({
  host: text(1, 253).default('127.0.0.1').describe('The address all listeners take'),
  smpp: smppListener.prefault({}),
  smpps: smppsListener.prefault({}),
  api: apiListener.prefault({}),
  panel: group({ port: listenPort().default(8086) }).prefault({}),
});

const retry = group({
  base_seconds: amount(0.001, 86_400).default(60).describe('The n-th failure is retried after base × factor^n'),
  factor: amount(1, 10).default(2),
  limit: whole(0, 1000).default(20).describe('Most retries; the validity period ends them too'),
});

const store = group({
  max_messages: whole(1000, 1_000_000_000).default(20_000_000).describe('Most queued; beyond it: ESME_RMSGQFUL, 503'),
  disk_reserve_mb: whole(1, 1_000_000)
    .default(512)
    .describe('New messages are refused when less is free (a fifth of a small file system), so queued ones can leave'),
});

const archive = group({
  enabled: flag().default(true).describe('false: no database is started; settled messages leave no trace but counters'),
  outbox_max_messages: whole(10_000, 1_000_000_000)
    .default(20_000_000)
    .describe('Settled messages kept while the database is away; beyond it new messages are refused'),
});

const push = group({
  allow_http: flag().default(false).describe('true: URLs without TLS are taken too'),
  hosts: listOf(text(1, 253), 'hosts', 10_000)
    .default([])
    .describe('Names of hosts that receipts may be pushed to, *.example.com for all below one; empty: any'),
  networks: listOf(network(), 'addresses or networks', 1000)
    .default([])
    .describe(
      'Addresses that are loopback, private, link-local or otherwise special, and may be connected to all the same',
    ),
  ca_file: text(0, 4096)
    .default('')
    .describe('Who signs the certificates of receivers (PEM); "": the known authorities'),
  timeout_seconds: amount(0.1, 60).default(5).describe('For a whole exchange, from looking up the name on'),
  connections: whole(1, 1000)
    .default(8)
    .describe('Requests at once to one origin (scheme, host and port), of each node'),
  in_flight: whole(1, 100_000).default(1000).describe('Requests at once of this node, in all'),
  retries: whole(0, 254)
    .default(10)
    .describe('How often a receipt is sent again that was not taken; then it is given up'),
  retry_seconds: amount(0.01, 86_400).default(30).describe('Before the first of these'),
  retry_factor: amount(1, 10).default(2).describe('… and so many times longer before each further one, a day at most'),
  jasmin_retries: whole(0, 254).default(3).describe('The same in the format jasmin'),
  jasmin_retry_seconds: amount(0.01, 86_400).default(30).describe('… always after the same pause'),
});

const receipts = group({
  orphan_wait_seconds: amount(0.1, 3600).default(30).describe('How long a receipt waits for the id it names'),
  own: oneOf('all', 'failures', 'none')
    .default('all')
    .describe(
      "Receipts made here, of what failed, expired or arrived at an application; carriers' are always passed on",
    ),
  orphan_max: whole(100, 10_000_000).default(100_000).describe('Most of them waiting'),
  reroute: rerouteRules()
    .default([])
    .describe(
      'Receipts of failure that are not passed on while another route is left: the message goes by that one, and its sender hears the last word. Carriers may have rules of their own (`reroute_receipts`)',
    ),
  push: push.prefault({}).describe('Receipts that leave by HTTP'),
  reroute_hops: whole(1, 15).default(3).describe('Most routes that a message takes after its first by such receipts'),
});

const messages = group({
  validity_seconds: whole(1, 31_536_000).default(86_400).describe('For a message that gives none'),
  validity_max_seconds: whole(1, 31_536_000).default(604_800).describe('A longer one is cut to this'),
  transaction_seconds: amount(0.1, 600)
    .default(20)
    .describe('How long a message in datagram or transaction mode may take (esm_class, SMPP v3.4 §2.10)'),
  dest_rules: numberRules('recipients of whatever comes in'),
  source_rules: numberRules('senders of whatever comes in'),
  assembly_timeout_seconds: amount(0.1, 86_400)
    .default(300)
    .describe(
      'How long parts that are to be put together (`assemble`) wait for the others; then they go on as they came',
    ),
  hops_max: whole(1, 255)
    .default(8)
    .describe(
      'How often the same text between the same two numbers goes on from one carrier to another, each time within `hops_seconds` of the last; then it goes round, and is given up. On each node by itself',
    ),
  hops_seconds: amount(1, 86_400).default(60).describe('What `hops_max` is counted in'),
  duplicates_max: whole(1000, 100_000_000)
    .default(1_000_000)
    .describe(
      'Messages that this node remembers for `duplicate_seconds` and `hops_seconds`, 33 octets of memory each once they are there; beyond it those go that would be over first',
    ),
  assembly_max_parts: whole(100, 10_000_000)
    .default(100_000)
    .describe(
      'Most parts that wait, on this node, and most long messages of which some receipts are missing; beyond it the oldest go as they are',
    ),
});

const guard = group({
  failures: whole(1, 1000).default(5).describe('Wrong log-ins within `window_seconds` after which none is looked at'),
  window_seconds: whole(1, 86_400).default(60),
  longest_seconds: whole(1, 604_800).default(3600).describe('The refusal lasts the window, doubling up to this'),
});

const bindCallback = group({
  url: url().describe('https://…, or http:// to loopback: is sent a POST for each bind that is to be decided'),
  token: text(0, 256).default('').describe('Sent as `Authorization: Bearer …`; "": none'),
  ca_file: text(0, 4096).default('').describe('Who signs its certificate (PEM); "": the known authorities'),
  accounts: oneOf('unknown', 'all')
    .default('unknown')
    .describe('Which it is asked about: those that are not in the configuration, or all'),
  timeout_seconds: amount(0.1, 60)
    .default(3)
    .describe('For an answer; without one the bind is refused, or see `outage_seconds`'),
  cache_seconds: amount(0, 86_400)
    .default(60)
    .describe('How long a yes counts without asking: to the same password, address and kind of bind'),
  outage_seconds: amount(0, 604_800)
    .default(3600)
    .describe('How long such a yes counts while it cannot be asked; 0: not at all'),
});

const cluster = group({
  name: name().default('default').describe('Nodes of one name, on one Redis, are one cluster'),
  lease_seconds: amount(0.5, 60)
    .default(5)
    .describe('Without a sign of life for so long a node is dead: others take over what it had. The same on all nodes'),
});

const redis = group({
  url: url().describe('redis://, rediss://, redis+sentinel://host,host/master or redis+cluster://host,host'),
  replicas: whole(0, 10)
    .default(0)
    .describe(
      'Replicas that must have what is acknowledged (WAIT), at least; all that are attached are waited for. So many failures at once lose nothing',
    ),
  insecure: flag()
    .default(false)
    .describe('Needs no password off loopback, and takes any certificate: for closed networks'),
});

export const configurationSchema = group({
  cluster: cluster.prefault({}),
  node_id: name().optional().describe('Absent: made at the first start and kept in the data folder'),
  data_dir: text(1, 4096).default(DEFAULT_DATA_DIR).describe('Everything that must survive is in here'),
  workers: whole(1, 16)
    .optional()
    .describe('Worker threads, each with a stripe of the message store; absent: one a core'),
  warm_up_messages: whole(0, 1_000_000)
    .default(80_000)
    .describe(
      'Messages of its own making that each worker carries at its start, in memory, so that its code is compiled before real ones come; the first real one ends it. 0: none',
    ),
  log: group({
    level: oneOf('trace', 'debug', 'info', 'warn', 'error', 'fatal').default('info'),
    mask_numbers: flag().default(false).describe('Show only the last three digits of phone numbers'),
    carriers_folder: text(0, 4096)
      .default('')
      .describe('Where carriers with a log of their own have it; "": log in the data folder'),
    carriers_mb: amount(0.01, 10_000)
      .default(10)
      .describe(
        'Size at which such a file is put aside (NAME.log.1) and a new one begun; one that was moved away is begun anew too',
      ),
    carriers_keep: whole(1, 100).default(5).describe('How many of those are kept'),
  }).prefault({}),
  drain_seconds: amount(0, 600)
    .default(10)
    .describe('What a stopping node gives peers to answer what is in flight; then it unbinds all the same'),
  durability: oneOf('disk', 'process')
    .default('disk')
    .describe('disk: acknowledged means flushed; process: Redis everysec, in cluster mode only'),
  redis: redis.optional().describe('Present: cluster mode; needs `database`'),
  database: group({ url: url().describe('postgres://user:password@host/database') })
    .optional()
    .describe('Absent: the embedded Postgres in the data folder'),
  listeners: listeners.prefault({}),
  bind_errors: oneOf('uniform', 'detailed')
    .default('uniform')
    .describe('uniform: ESME_RBINDFAIL whatever was wrong; detailed: ESME_RINVSYSID, ESME_RINVPASWD'),
  guard: guard.prefault({}),
  bind_callback: bindCallback.optional().describe('Present: a program elsewhere decides who binds (docs/smpp.md)'),
  retry: retry.prefault({}),
  messages: messages.prefault({}),
  receipts: receipts.prefault({}),
  store: store.prefault({}),
  archive: archive.prefault({}),
  api_keys: listOf(apiKeySchema, 'API keys', MOST.keys).default([]),
  users: listOf(userSchema, 'users', MOST.users).default([]),
  accounts: listOf(accountSchema, 'accounts', MOST.accounts).default([]),
  carriers: listOf(carrierSchema, 'carriers', MOST.carriers).default([]),
  frontends: listOf(frontendSchema, 'frontends', MOST.frontends).default([]),
  routes: listOf(routeSchema, 'routes', MOST.routes).default([]),
});

/** What seeds the database: kept there after the first start, changed later by `apply`. */
export const SEED_KEYS = ['api_keys', 'users', 'accounts', 'carriers', 'frontends', 'routes'] as const;
export type SeedKey = (typeof SEED_KEYS)[number];

/** Deep: what the loader hands out is frozen. */
type Frozen<T> = T extends object ? { readonly [K in keyof T]: Frozen<T[K]> } : T;

export type Configuration = Frozen<z.output<typeof configurationSchema>>;
export type AccountSettings = Configuration['accounts'][number];
export type CarrierSettings = Configuration['carriers'][number];
export type SmppCarrierSettings = Extract<CarrierSettings, { protocol: 'smpp' }>;
export type SimulatorSettings = Extract<CarrierSettings, { protocol: 'simulator' }>;
export type FrontendSettings = Configuration['frontends'][number];
export type RouteSettings = Configuration['routes'][number];
export type UserSettings = Configuration['users'][number];
export type ApiKeySettings = Configuration['api_keys'][number];

/** The part of a configuration that `apply` changes. A section that is absent stays as it is. */
export type Seed = { readonly [K in SeedKey]?: Configuration[K] };
