import { z } from '@hono/zod-openapi';
import { PUSH_EVENTS, PUSH_FORMATS } from '../../actors/push/push-request.ts';
import { ISO_TIME, parseTime } from './times.ts';

/**
 * Bodies of the API: each field is declared once, and checking, types and the OpenAPI document come from it. The error of
 * each field is the words that follow "expected". Optional fields may be null, which is the same as absent.
 */

const pattern = (expression: RegExp, error: string) => z.string({ error }).regex(expression, { error });

const whole = (min: number, max: number) => {
  const error = `a whole number from ${min} to ${max}`;
  return z.int({ error }).min(min, { error }).max(max, { error });
};

const flag = () => z.boolean({ error: 'true or false' });

const oneOf = <const Values extends readonly [string, ...string[]]>(...values: Values) =>
  z.enum(values, { error: `one of ${values.join(', ')}` });

const time = () => z.string({ error: ISO_TIME }).refine(text => parseTime(text) !== undefined, { error: ISO_TIME });

const recipient = () => pattern(/^(\+|00)?\d{1,20}$/, 'a number of 1 to 20 digits, with or without "+"');

// 11 characters: 3GPP TS 23.040 §9.1.2.5 (7 octets of GSM 7-bit).
const sender = () =>
  pattern(
    /^(?:(\+|00)?\d{1,20}|[\x21-\x7e](?:[\x20-\x7e]{0,9}[\x21-\x7e])?)$/,
    'a number of 1 to 20 digits, or a name of 1 to 11 printable ASCII characters',
  );

const peerName = () => pattern(/^[\x21-\x7e]{1,64}$/, 'a name of 1 to 64 printable ASCII characters');

// 3GPP TS 23.003 §2.2.
const imsi = () => pattern(/^\d{5,15}$/, '5 to 15 digits');

const CODING_GROUPS = ['general_data_coding', 'automatic_deletion', 'data_coding_message_class'] as const;

const header = z
  .record(
    pattern(/^(\d{1,3}|0x[0-9a-f]{1,2})$/i, 'a number of an information element from 0 to 255'),
    pattern(/^([0-9a-f]{2}){0,137}$/i, 'octets in hexadecimal'),
    { error: 'a map from information elements to octets in hexadecimal' },
  )
  .refine(map => Object.keys(map).every(id => Number(id) <= 255), {
    error: 'information elements from 0 to 255',
  });

/** How whoever submits wants to be told of a message by HTTP. */
export const receiptSchema = z
  .strictObject(
    {
      url: z
        .string({ error: 'a URL' })
        .describe(
          'Where to: https, unless the node allows http; without user and password. In the format kannel with escape codes',
        ),
      format: oneOf(...PUSH_FORMATS)
        .nullish()
        .describe('Absent: heliograph, a signed POST of JSON; kannel: as dlr-url; jasmin: as dlr-url with dlr-level'),
      method: oneOf('GET', 'POST')
        .nullish()
        .describe(
          'Absent: POST in the format heliograph, which knows no other; GET in kannel, which knows no other, and in jasmin',
        ),
      events: z
        .array(oneOf(...PUSH_EVENTS), { error: 'a list of events' })
        .min(1, { error: 'one event or more' })
        .nullish()
        .describe('What is told, in any format. Absent: delivered and failed'),
      dlr_mask: whole(1, 63)
        .nullish()
        .describe(
          'The same as a number, as Kannel has it: 1 delivered, 2 failed, 4 buffered, 8 accepted, 16 rejected, 32 intermediate',
        ),
      dlr_level: whole(1, 3)
        .nullish()
        .describe(
          'The same as Jasmin has it: 1 the answer of the SMSC (accepted, rejected), 2 the final state, 3 both',
        ),
    },
    { error: 'an object' },
  )
  .openapi('ReceiptRequest');

export type ReceiptBody = z.output<typeof receiptSchema>;

/** `POST /api/messages`. */
export const submitSchema = z
  .strictObject(
    {
      source_msisdn: sender().describe('Sender: a number or a name'),
      destination_msisdn: recipient().describe('Recipient'),
      message_body: z
        .string({ error: 'text' })
        .min(1, { error: 'text of 1 character or more' })
        .refine(text => text.isWellFormed(), { error: 'text without halves of surrogate pairs' })
        .describe('The text; hexadecimal octets when raw_data_flag is true'),
      source_smsc: peerName().describe(
        'Who submits. The name of an account makes the message that account’s; any other name only matters to routes',
      ),
      dest_smsc: peerName().nullish().describe('Goes there whatever the routes say; absent: as they say'),
      destination_smsc: peerName().nullish().describe('The same as dest_smsc'),
      source_imsi: imsi().nullish().describe('Kept with the message, not sent to SMPP peers'),
      dest_imsi: imsi().nullish().describe('Kept with the message, not sent to SMPP peers'),
      tp_dcs_character_set: oneOf('gsm7', '8bit', 'latin1', 'ucs2')
        .nullish()
        .describe('Absent: gsm7 where it has the whole text, else ucs2. 8bit: a character an octet'),
      tp_dcs_coding_group: oneOf(...CODING_GROUPS)
        .nullish()
        .describe('3GPP TS 23.038 §4'),
      tp_dcs_compressed: flag().nullish().describe('The octets are compressed: with raw_data_flag only'),
      tp_dcs_has_message_class: flag().nullish(),
      tp_dcs_message_class: whole(0, 3).nullish().describe('0 flash, 1 phone, 2 SIM, 3 terminal'),
      tp_user_data_header: header
        .nullish()
        .describe('Information elements by number: {"0": "2a0201"} is part 1 of 2 of message 42'),
      message_part_number: whole(1, 255).nullish().describe('Kept with the message; phones go by the header'),
      message_parts: whole(1, 255).nullish().describe('Kept with the message; phones go by the header'),
      expires: time().nullish().describe('Absent: 24 hours from now, or from deliver_after'),
      deliver_after: time().nullish().describe('Not to be delivered before'),
      deadletter: flag().nullish().describe('Kept with the message'),
      raw_data_flag: flag().nullish().describe('message_body is octets in hexadecimal'),
      raw_sip_flag: flag().nullish().describe('Kept with the message'),
      receipt: receiptSchema
        .nullish()
        .describe('What becomes of it is pushed there by HTTP; absent: as the account has it (receipt_url)'),
    },
    { error: 'an object' },
  )
  .openapi('SubmitMessage');

export type SubmitBody = z.output<typeof submitSchema>;

/** `PATCH /api/messages/{id}`: what replace_sm can change (SMPP v3.4 §4.10). */
export const changeSchema = z
  .strictObject(
    {
      message_body: submitSchema.shape.message_body
        .nullish()
        .describe('Another text, in the coding that the message has; hexadecimal octets when raw_data_flag is true'),
      raw_data_flag: flag().nullish().describe('message_body is octets in hexadecimal'),
      deliver_after: time().nullish().describe('Not to be delivered before; a time that has passed: at once'),
      expires: time().nullish().describe('Not to be delivered after; no later than messages may'),
      registered_delivery: whole(0, 31)
        .nullish()
        .describe('Which receipts are asked for (SMPP v3.4 §5.2.17); 0: none, so that its fate stays unknown'),
    },
    { error: 'an object' },
  )
  .openapi('ChangeMessage');

export type ChangeBody = z.output<typeof changeSchema>;

const shown = {
  id: z.int().min(0).describe('At most 2^52'),
  source_msisdn: z.string(),
  destination_msisdn: z.string(),
  dest_smsc: z.string().nullable().describe('Where it goes; null: a route answered or dropped it'),
  message_body: z.string().nullable().describe('null where the text is not kept, or the key may not read it'),
  deliver_time: z.string().nullable().describe('When the phone had it'),
  delivery_attempts: z.int(),
  expires: z.string().nullable(),
  inserted_at: z.string(),
};

/** What `POST /api/messages` answers with. */
export const submittedSchema = z
  .object({
    status: z.literal('success'),
    data: z.object({
      ...shown,
      parts: z.int().min(2).optional().describe('In how many messages the text goes on; absent: in one'),
    }),
  })
  .openapi('SubmittedMessage');

/** What `POST /api/messages/parts` answers with. */
export const partsSchema = z
  .object({
    dest_smsc: z.string().describe('Where it would go'),
    tp_dcs_character_set: z.string().nullable().describe('As it would be sent; null: none of ours'),
    data_coding: z.int().describe('SMPP v3.4 §5.2.19'),
    characters: z
      .int()
      .describe('Septets in gsm7 (a character of the extension table has two), 16 bits in ucs2, else octets'),
    parts: z.int().min(1).describe('In how many messages it would go on'),
  })
  .openapi('Parts');

/** What is kept with a message as extras, and shown as it was given. */
export const extrasSchema = z.object({
  source_imsi: z.string().optional(),
  dest_imsi: z.string().optional(),
  message_part_number: z.int().optional(),
  message_parts: z.int().optional(),
  deadletter: z.boolean().optional(),
  raw_sip_flag: z.boolean().optional(),
});
export const EXTRA_FIELDS = [
  'source_imsi',
  'dest_imsi',
  'message_part_number',
  'message_parts',
  'deadletter',
  'raw_sip_flag',
] as const satisfies readonly (keyof SubmitBody & keyof typeof extrasSchema.shape)[];

/** `GET /api/messages/{id}`. */
export const messageSchema = z
  .object({
    ...shown,
    deliver_after: z.string().nullable().describe('Not before: as asked for, or the next attempt'),
    status: z
      .string()
      .describe(
        'queued, sent, delivered, expired, deleted, undeliverable, accepted, unknown, rejected, dropped or replied',
      ),
    sent_time: z.string().nullable().describe('When the next system took it'),
    done_time: z.string().nullable().describe('When its final state was reached'),
    error: z.int().nullable().describe('Why it failed: a command_status, or the error of the receipt'),
    account: z.string().describe('Whose it is'),
    carrier_id: z.string().nullable().describe('Its id at the next system'),
    found_in: z.enum(['queue', 'archive']),
    tp_dcs_character_set: z.string().nullable(),
    raw_data_flag: z.boolean().describe('true: message_body is octets in hexadecimal'),
    tp_user_data_header: z.record(z.string(), z.string()).optional(),
    ...extrasSchema.shape,
  })
  .openapi('Message');

export type MessageView = z.output<typeof messageSchema>;

export const problemSchema = z
  .object({
    type: z.string().describe('urn:heliograph:problem:… : for programs'),
    title: z.string(),
    status: z.int(),
    detail: z.string().describe('For people'),
    errors: z.array(z.object({ field: z.string(), message: z.string() })).optional(),
    command_status: z.string().optional().describe('Name of the SMPP status behind a refusal'),
    command_status_value: z.int().optional(),
  })
  .openapi('Problem');

/** `GET /api/status` without a key. */
export const healthSchema = z
  .object({ status: z.enum(['ok', 'starting', 'draining', 'refusing']).describe('All but ok come with 503') })
  .openapi('Health');

const counts = z.record(z.string(), z.number());

/** `GET /api/status` with a key. */
export const statusSchema = z
  .object({
    status: healthSchema.shape.status,
    version: z.string(),
    node: z.string(),
    cluster: z.string(),
    started_at: z.string(),
    uptime_seconds: z.int(),
    workers: z.int(),
    warm: z.boolean(),
    durability: z.string(),
    routing: z.object({ version: z.int(), routes: z.int(), activated_at: z.string() }),
    listeners: z.array(z.object({ name: z.string(), host: z.string(), port: z.int() })),
    sessions: z.int().describe('Connections of accounts and with carriers, over the cluster'),
    nodes: z
      .array(
        z.object({
          id: z.string(),
          version: z.string(),
          state: z.string(),
          seen: z.string().describe('answers, silent (only its heartbeat comes) or late (nor that)'),
          stripes: z.string(),
          routing_version: z.int(),
          configuration_version: z.int(),
          sessions: z.int(),
          queued: z.int(),
          accepted: z.int(),
          sent: z.int(),
        }),
      )
      .optional()
      .describe('Absent: this node is alone'),
    carriers: z.array(
      z.object({
        name: z.string(),
        enabled: z.boolean(),
        bound: z.int().describe('Of its sessions here'),
        sessions: z.int(),
        binds: z.array(
          z.object({
            id: z.string().describe('NAME/1, NAME/2 …'),
            started: z.boolean(),
            bound: z.boolean(),
            reason: z.string().describe('Why it is not; empty when it is'),
            node: z.string().optional().describe('Which node of a cluster has it'),
          }),
        ),
      }),
    ),
    messages: counts.describe('Since the start'),
    receipts: counts.describe('Since the start, but for awaited'),
    store: z.object({ messages: z.int(), octets: z.int(), quarantined: z.int(), refusing: z.string() }),
    archive: z.object({ state: z.string(), behind: z.int(), written: z.int(), problem: z.string() }),
    alarms: z.array(z.string()),
  })
  .openapi('Status');

export type StatusView = z.output<typeof statusSchema>;
