import { z } from 'zod';
import { EXPECTED_NETWORK, parseNetwork } from '../../actors/accounts/allow-ips.ts';
import { PUSH_EVENTS, PUSH_FORMATS } from '../../actors/push/push-request.ts';
import { ANY_URL, URL_LIMIT, urlProblem } from '../../actors/push/push-url.ts';
import { PEER_CHARSETS } from '../../actors/text/charset.ts';
import { amount, ascii, digits, flag, group, listOf, name, oneOf, remotePort, text, whole } from './fields.ts';

/** Accounts, carriers and frontends: everything a queue can lead to. They share one name space. */

export const network = () =>
  z.string({ error: EXPECTED_NETWORK }).refine(value => parseNetwork(value) !== undefined, { error: EXPECTED_NETWORK });

/** 15 characters and NUL (v3.4 §5.2.1). */
const systemId = () => ascii(1, 15).describe('The name this peer binds with: at most 15 characters (SMPP v3.4 §5.2.1)');

/** 8 characters and NUL (v3.4 §5.2.2): a longer one can never be given in a bind. */
const password = () => ascii(1, 8).describe('At most 8 characters: the protocol carries no more (SMPP v3.4 §5.2.2)');

const throughput = () =>
  amount(0, 1_000_000).default(0).describe('Messages a second over the whole cluster; 0: no limit');

const description = () => text(0, 256).default('').describe('For people; shown, never interpreted');

const bindsOfType = (type: string) =>
  whole(0, 10_000).nullable().default(null).describe(`Of these, as ${type}; null: all may be`);

const bindRange = (field: string) =>
  whole(0, 255).nullable().default(null).describe(`The ${field} a bind must give (SMPP v3.4 §4.1); null: any`);
const SENDER = 'up to 20 digits, or up to 11 characters';

const charset = () =>
  oneOf(...PEER_CHARSETS)
    .default('gsm7')
    .describe('What it means by data_coding 0; texts are converted from and to it');

const number = () => {
  const error = 'up to 20 digits in quotes, with or without a leading "+"';
  return z.string({ error }).regex(/^\+?\d{0,20}$/, { error });
};

const numberRule = group({
  from: number().describe('Beginning of a number; "": any'),
  to: number().describe('What stands there instead'),
  ton: whole(0, 255).nullable().default(null).describe('Its TON then; null: as it was'),
  npi: whole(0, 255).nullable().default(null).describe('Its NPI then; null: as it was'),
});

export const numberRules = (what: string) =>
  listOf(numberRule, 'rules', 1000).default([]).describe(`Other beginnings for ${what}; the longest that fits counts`);

export const senders = () =>
  listOf(z.string({ error: SENDER }).regex(/^(?:\+?\d{1,20}|[\x20-\x7e]{1,11})$/, { error: SENDER }), 'senders', 1000);

const senderRule = group({
  match: ascii(1, 64).default('*').describe('Senders like this: * any run of characters, ? any one, case ignored'),
  senders: senders()
    .min(1, { error: 'at least one sender' })
    .describe('What they are replaced by; of several a recipient always sees the same'),
});

/** Goes into texts as it is, spaces at its ends too. */
const words = (most: number) => {
  const error = `text of 0 to ${most} characters, without halves of surrogate pairs`;
  return text(0, most)
    .refine(value => value.isWellFormed(), { error })
    .default('');
};

const assemble = () =>
  flag()
    .default(false)
    .describe(
      'true: parts of long messages it sends are put together before they are routed on; false: they pass as they are',
    );

const longMessages = (byDefault: 'udh-8' | 'payload') =>
  oneOf('udh-8', 'udh-16', 'sar', 'payload')
    .default(byDefault)
    .describe(
      'How it gets messages that are too long for one: in parts, marked by a header with a reference of 8 or 16 bits or by SAR TLVs, or whole in message_payload. What came in parts stays as it is',
    );

const codings = () =>
  listOf(oneOf('gsm7', 'latin1', 'ucs2'), 'codings', 3)
    .default([])
    .describe('Codings it takes: texts in another are converted, as far as one of these has them; empty: any');

const LANGUAGES = [
  'turkish',
  'spanish',
  'portuguese',
  'bengali',
  'gujarati',
  'hindi',
  'kannada',
  'malayalam',
  'oriya',
  'punjabi',
  'tamil',
  'telugu',
  'urdu',
] as const;

const receiptErrors = (error: string, as: string) =>
  listOf(group({ error: ascii(1, 8).describe(error), as: ascii(1, 8).describe(as) }), 'errors', 1000).default([]);

const PAYLOAD = 0x0424;

/** The text lies there where it is long: it is no TLV of its own. */
const tlvTag = () =>
  whole(0, 0xffff).refine(tag => tag !== PAYLOAD, { error: 'another tag than 0x0424, where long texts lie' });

const removeTlvs = (what: string) =>
  listOf(tlvTag(), 'tags', 100).default([]).describe(`Tags of TLVs that ${what} are not sent with`);

const HEX = 'up to 255 octets in hexadecimal, in quotes';

/** A TLV that messages are sent with. */
export const addedTlvSchema = group({
  tag: tlvTag().describe('Its tag, such as 0x1400'),
  value: z
    .string({ error: HEX })
    .regex(/^([0-9a-fA-F]{2}){0,255}$/, { error: HEX })
    .describe('Its octets in hexadecimal; "": it has none'),
});

const addTlvs = (what: string) =>
  listOf(addedTlvSchema, 'TLVs', 20)
    .default([])
    .describe(`TLVs that ${what} are sent with, behind their own; to put one in the place of theirs, remove it too`);

const receiptUrl = () => {
  const error = `a URL of at most ${URL_LIMIT} printable ASCII characters, without user and password`;
  return z.string({ error }).refine(url => urlProblem(url, ANY_URL) === '', { error });
};

export const accountSchema = group({
  system_id: systemId(),
  password: password(),
  enabled: flag().default(true).describe('false: binds are refused, its queue is kept'),
  description: description(),
  binds: whole(1, 10_000).default(10).describe('Most sessions at once, over the cluster'),
  binds_transmitter: bindsOfType('transmitter'),
  binds_receiver: bindsOfType('receiver'),
  binds_transceiver: bindsOfType('transceiver'),
  window: whole(1, 65_535).default(1000).describe('Most unanswered requests a session may send us'),
  deliver_window: whole(1, 65_535).default(200).describe('Most unanswered deliver_sm we send on a session'),
  throughput: throughput(),
  credits: z
    .null({ error: 'null: every account is postpaid in this release' })
    .default(null)
    .describe('null: postpaid, the only kind in this release'),
  allow_ips: listOf(network(), 'addresses or networks', 1000)
    .default([])
    .describe('Addresses it may connect from; empty: any'),
  addr_ton: bindRange('addr_ton'),
  addr_npi: bindRange('addr_npi'),
  address_range: ascii(0, 40).nullable().default(null).describe('The address_range a bind must give; null: any'),
  senders: listOf(ascii(1, 64), 'senders', 1000)
    .default([])
    .describe('Senders it may use, * any run of characters, ? any one; others: ESME_RINVSRCADR; empty: any'),
  min_octets: whole(0, 65_535).default(0).describe('Shortest text, octets as it comes; a shorter one: ESME_RINVMSGLEN'),
  max_octets: whole(0, 65_535).default(65_535).describe('Longest text, octets as it comes'),
  data_sm: oneOf('none', 'receipts', 'all')
    .default('none')
    .describe('What its sessions are sent as data_sm in place of deliver_sm; never those below SMPP 3.4'),
  archive: oneOf('full', 'metadata', 'counters')
    .default('full')
    .describe('What is kept of its messages: all, all but the text, or counts only'),
  dest_rules: numberRules('recipients that it gives, before they are routed'),
  source_rules: numberRules('senders that it gives'),
  charset: charset(),
  codings: codings(),
  long_messages: longMessages('payload'),
  assemble: assemble(),
  text_header: words(40).describe('Before the text of every message it sends; where a text is cut, of each part'),
  text_footer: words(40).describe('Behind the text of every message it sends; where a text is cut, of each part'),
  split_chars: words(20).describe(
    'Where a text it sends is cut: a part ends behind the last of these characters that it has room for; "": anywhere',
  ),
  split_suffix: words(10).describe('Where a text it sends is cut: behind every part but the last'),
  default_dest_smsc: name()
    .nullable()
    .default(null)
    .describe('Carrier, account or frontend that its messages go to where no route takes them; null: they are refused'),
  duplicate_seconds: amount(0, 604_800)
    .default(0)
    .describe(
      'The same text from the same sender to the same number within so many seconds is a duplicate, which is not sent; on each node by itself. 0: it is sent',
    ),
  duplicate_answer: oneOf('refuse', 'first-id')
    .default('refuse')
    .describe('What it is answered: refuse, with `duplicate_status`; first-id, with the message_id of the first one'),
  duplicate_status: whole(1, 0xffff_ffff).default(0x45).describe('A command_status; 69 is ESME_RSUBMITFAIL'),
  remove_tlvs: removeTlvs('messages to it, but not receipts,'),
  add_tlvs: addTlvs('messages to it, but not receipts,'),
  receipt_url: receiptUrl()
    .nullable()
    .default(null)
    .describe(
      'Its receipts go there by HTTP in place of its sessions, those that registered_delivery asks for and, of messages by the REST API that do not say otherwise, those of `receipt_events`; null: nowhere',
    ),
  receipt_format: oneOf(...PUSH_FORMATS)
    .default('heliograph')
    .describe('How they are written (docs/receipts.md)'),
  receipt_method: oneOf('GET', 'POST')
    .nullable()
    .default(null)
    .describe(
      'By which method; null: POST, in the formats kannel and jasmin GET. heliograph knows only POST, kannel only GET',
    ),
  receipt_events: listOf(oneOf(...PUSH_EVENTS), 'events', PUSH_EVENTS.length)
    .default(['delivered', 'failed'])
    .describe('What is told of its messages by the REST API'),
  receipt_secret: text(0, 256)
    .default('')
    .describe(
      'What receipts in the format heliograph are signed with, the URLs of messages included; kept sealed. "": they are not',
    ),
  receipt_errors: receiptErrors('`err` as it would be told otherwise', 'What it is told').describe(
    "Errors of receipts in its own words, after the carrier's `receipt_errors`; those not listed are told as they are",
  ),
});

const INTERFACE_VERSION = '3.3, 3.4 or 5.0';

/** Which receipts of failure send a message by its next route (features G14, E15). */
export const rerouteRuleSchema = group({
  state: oneOf('any', 'undeliverable', 'expired', 'rejected', 'deleted', 'unknown')
    .default('any')
    .describe('What the receipt says: UNDELIV, EXPIRED, REJECTD, DELETED, UNKNOWN; any: each of them'),
  errors: listOf(ascii(1, 8), 'errors', 1000)
    .default([])
    .describe('`err` of the receipt, as accounts are told it; empty: any'),
});

export const rerouteRules = () => listOf(rerouteRuleSchema, 'rules', 100);

const common = {
  name: name().describe('Its name in routes, queues, logs and metrics'),
  enabled: flag().default(true).describe('false: no session is opened, its queue is kept'),
  description: description(),
  window: whole(1, 65_535).default(100).describe('Most unanswered messages a session'),
  throughput: throughput(),
  one_per_number: flag()
    .default(false)
    .describe(
      'true: the next message to a number leaves when the last one to it is answered; then all sessions of a node are in one worker',
    ),
  patience_seconds: amount(0, 86_400)
    .nullable()
    .default(5)
    .describe(
      'How long it may be without a session; then messages, those that wait for it too, go by their next route, if they have one; null: for ever',
    ),
  overload_threshold: whole(1, 1_000_000_000)
    .nullable()
    .default(null)
    .describe('With more messages in its queue, new ones go by their next route, if they have one; null: never'),
  normal_threshold: whole(0, 1_000_000_000)
    .nullable()
    .default(null)
    .describe('… until there are no more than this; null: half of `overload_threshold`'),
  reroute_receipts: rerouteRules()
    .nullable()
    .default(null)
    .describe('As `receipts.reroute`, for what this carrier says; null: as it says there; empty: none'),
};

const ton = () => whole(0, 255).nullable().default(null).describe('Replaces what the message carries; null: leave it');

/** What to do about one command_status (features B05, F06). */
export const errorRuleSchema = group({
  status: whole(1, 0xffff_ffff).describe('The command_status it is about: 0x08 is ESME_RSYSERR'),
  action: oneOf('later', 'elsewhere', 'never').describe(
    'later: by this carrier again; elsewhere: by the next route, or not at all; never: it is undeliverable',
  ),
  retries: whole(0, 254)
    .nullable()
    .default(null)
    .describe('later: most of them, then the next route is tried; null: `retry.limit`'),
  seconds: amount(0.01, 86_400)
    .nullable()
    .default(null)
    .describe('later: the pause, always the same; null: as `retry` says, longer each time'),
});

const ADDRESS = 'an IPv4 or IPv6 address';

/** Another place of the same SMSC. */
export const alternateSchema = group({
  host: text(1, 253).describe('Name or address'),
  port: remotePort().nullable().default(null).describe('null: the carrier’s `port`'),
  receive_port: remotePort().nullable().default(null).describe('Where receivers bind; null: `port`'),
});

export const smppCarrierSchema = group({
  ...common,
  protocol: z.literal('smpp', { error: 'smpp or simulator' }),
  host: text(1, 253).describe('Name or address of the SMSC'),
  port: remotePort().default(2775),
  receive_port: remotePort().nullable().default(null).describe('Where receivers bind; null: `port`'),
  alternates: listOf(alternateSchema, 'places', 16)
    .default([])
    .describe('Other places of the same SMSC, tried by turns while a session cannot be had'),
  local_address: z
    .union([z.ipv4({ error: ADDRESS }), z.ipv6({ error: ADDRESS })], { error: ADDRESS })
    .nullable()
    .default(null)
    .describe('Address of ours that sessions come from; null: the system chooses'),
  tls: group({
    ca_file: text(0, 4096).default('').describe('Who signs its certificate (PEM); "": the known authorities'),
    cert_file: text(0, 4096).default('').describe('Our certificate (PEM), where it asks for one'),
    key_file: text(0, 4096).default('').describe('The key of our certificate (PEM)'),
    server_name: text(0, 253).default('').describe('The name in its certificate; "": `host`'),
    verify: flag().default(true).describe('false: any certificate is believed'),
  })
    .optional()
    .describe('Present: sessions are encrypted; files are read anew at each connection'),
  system_id: systemId(),
  password: password(),
  bind: oneOf('transceiver', 'transmitter', 'receiver', 'separate')
    .default('transceiver')
    .describe('separate: each of `binds` is a transmitter and a receiver'),
  binds: whole(1, 1000).default(1).describe('Sessions over the cluster; they are called NAME/1, NAME/2 …'),
  stopped_binds: listOf(whole(1, 1000), 'numbers of binds', 1000)
    .default([])
    .describe('Of these, those that are not opened: `heliograph carriers stop NAME/2` adds 2, `start` takes it out'),
  receipt_id: oneOf('as-is', 'hex-to-decimal', 'decimal-to-hex')
    .default('as-is')
    .describe('How its receipts write the id it gave; case and leading zeros never matter'),
  receipt_by_text: flag()
    .default(false)
    .describe('Takes a deliver_sm for a receipt by what it says, where its esm_class does not say so'),
  receipt_group: name()
    .nullable()
    .default(null)
    .describe('Carriers that give the same name here take receipts for each other: one SMSC behind several of them'),
  system_type: ascii(0, 12).default('').describe('In the bind (SMPP v3.4 §5.2.3)'),
  service_type: ascii(0, 5).default('').describe('For messages that name none (SMPP v3.4 §5.2.11)'),
  interface_version: z
    .union([z.literal(['3.3', '3.4', '5.0']), z.literal([3.3, 3.4, 5])], { error: INTERFACE_VERSION })
    .transform(version => (typeof version === 'number' ? (version.toFixed(1) as '3.3' | '3.4' | '5.0') : version))
    .default('3.4')
    .describe('In the bind'),
  address_range: ascii(0, 40).default('').describe('In the bind (SMPP v3.4 §5.2.7)'),
  addr_ton: whole(0, 255).default(0).describe('In the bind'),
  addr_npi: whole(0, 255).default(0).describe('In the bind'),
  source_autodetect: flag()
    .default(false)
    .describe(
      'TON and NPI by what the sender looks like: a name, a short code, an international number ("+" or "00" goes)',
    ),
  short_codes: group({
    digits: whole(0, 20)
      .default(8)
      .describe('Numbers of so many digits or fewer are short codes to `source_autodetect`'),
    ton: whole(0, 255).default(3).describe('Their TON; 3: network specific'),
    npi: whole(0, 255).default(0).describe('Their NPI; 0: unknown'),
  }).prefault({}),
  source_ton: ton(),
  source_npi: ton(),
  dest_ton: ton(),
  dest_npi: ton(),
  default_source: ascii(0, 20).default('').describe('For messages without a sender'),
  priority_flag: whole(0, 255).default(0).describe('For messages of priority 0'),
  protocol_id: whole(0, 255).default(0).describe('For messages that give none'),
  replace_if_present: flag().default(false).describe('Ask for it in every message'),
  sm_default_msg_id: whole(0, 255).default(0).describe('For messages that give none'),
  validity_seconds: whole(0, 31_536_000)
    .default(0)
    .describe('Most validity that its submit_sm asks for, of what is left of the message’s own; 0: it asks for none'),
  enquire_link_seconds: whole(1, 3600).default(30).describe('Quiet time after which we ask whether the peer is there'),
  bind_timeout_seconds: whole(1, 600).default(10).describe('To connect and be bound'),
  response_timeout_seconds: whole(1, 600).default(60).describe('Until an unanswered message counts as `no_answer`'),
  no_answer: oneOf('retry', 'reroute', 'fail', 'reconnect', 'wait')
    .default('retry')
    .describe(
      'What then: retry sends it again later (it may arrive twice), reroute by the next route, reconnect is retry on a new session, fail gives it up, wait goes on waiting while the session lasts',
    ),
  errors: listOf(errorRuleSchema, 'rules', 256)
    .default([])
    .describe('What to do about a command_status of its submit_sm_resp, where it is not as `heliograph errors` says'),
  throttle_seconds: amount(0.01, 3600)
    .default(1)
    .describe('How long a message rests that was answered ESME_RTHROTTLED or ESME_RMSGQFUL'),
  reconnect_seconds: amount(0.05, 3600).default(1).describe('First wait after a lost session; doubles each time'),
  reconnect_max_seconds: amount(0.05, 86_400).default(5).describe('Longest such wait'),
  log_pdus: flag().default(false).describe('A line in the log for each PDU: its header, never what it says'),
  log_file: oneOf('none', 'error', 'warn', 'info', 'debug')
    .default('none')
    .describe(
      'Lines about it, from this level on, also go into a file of its own, NAME.log in `log.carriers_folder`; debug has the header of every PDU. Never a text',
    ),
  dest_rules: numberRules('recipients, as it wants them'),
  source_rules: numberRules('senders that are numbers, as it wants them'),
  sender_rules: listOf(senderRule, 'rules', 1000).default([]).describe('Other senders; the first that fits counts'),
  charset: charset(),
  codings: codings(),
  languages: listOf(oneOf(...LANGUAGES), 'languages', LANGUAGES.length)
    .default([])
    .describe('National tables it knows (3GPP TS 23.038): UCS-2 texts that fit them are sent in 7 bits'),
  transliterate: flag()
    .default(false)
    .describe('true: UCS-2 texts are sent in 7 bits by the nearest characters, where each has one'),
  long_messages: longMessages('udh-8'),
  max_octets: whole(60, 255).default(140).describe('Octets of header and text in one message; more is cut'),
  max_parts: whole(1, 255).default(255).describe('A message that needs more goes whole, in message_payload'),
  assemble: assemble(),
  remove_tlvs: removeTlvs('messages to it'),
  add_tlvs: addTlvs('messages to it'),
  receipt_errors: receiptErrors('`err` as its receipts write it', 'What accounts are told').describe(
    'Its error codes in other words; those not listed are passed on as they are',
  ),
  receipt_hours: whole(1, 720).default(72).describe('How long the carrier may take to send a receipt'),
});

/** A carrier inside the process, for first steps and tests. It is labelled as such wherever it is shown. */
export const simulatorCarrierSchema = group({
  ...common,
  protocol: z.literal('simulator', { error: 'smpp or simulator' }),
  answer_delay_ms: whole(0, 600_000).default(0).describe('From message to response'),
  receipt_delay_ms: whole(0, 86_400_000).default(500).describe('From response to receipt'),
  failure_rate: amount(0, 1).default(0).describe('Share of messages whose receipt says UNDELIV'),
  throttle_rate: amount(0, 1).default(0).describe('Share of messages answered ESME_RTHROTTLED'),
  mo_per_second: amount(0, 100_000).default(0).describe('Messages from phones it makes up'),
  mo_from: digits(20).default('447700900999').describe('Their sender'),
  mo_to: digits(20).default('12345').describe('Their recipient, routed like any other message'),
  mo_text: text(0, 160).default('Hello from the simulator').describe('Their text'),
});

export const carrierSchema = z.discriminatedUnion('protocol', [smppCarrierSchema, simulatorCarrierSchema], {
  error: issue => ((issue.code as string) === 'invalid_type' ? 'a map of settings' : 'smpp or simulator'),
});

/** An external protocol process that polls us by REST. */
export const frontendSchema = group({
  name: name().describe('The `source_smsc` and `dest_smsc` it uses'),
  enabled: flag().default(true).describe('false: its polls are refused, its queue is kept'),
  description: description(),
});
