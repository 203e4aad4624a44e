import {
  bigint,
  customType,
  date,
  integer,
  pgTable,
  pgView,
  primaryKey,
  smallint,
  text,
  timestamp,
} from 'drizzle-orm/pg-core';

/**
 * The archive's tables as queries see them. What they mean, and how they are partitioned, is in
 * `migrations/0001_archive.sql`; rows are written by COPY (`adapters/archive`), not through these.
 */

const bytea = customType<{ data: Buffer }>({ dataType: () => 'bytea' });
const bits = customType<{ data: string }>({ dataType: () => 'bit varying(256)' });
const id = (name: string) => bigint(name, { mode: 'number' });
const instant = (name: string) => timestamp(name, { withTimezone: true });

export const batches = pgTable(
  'batches',
  {
    number: id('number').notNull(),
    acceptedAt: instant('accepted_at').notNull(),
    day: date('day').notNull(),
    fingerprint: integer('fingerprint').notNull(),
    written: bits('written').notNull(),
    receipted: bits('receipted').notNull(),
  },
  t => [primaryKey({ columns: [t.number, t.day] })],
);

const messageColumns = {
  address: id('address').notNull(),
  id: id('id').notNull(),
  acceptedAt: instant('accepted_at').notNull(),
  settledAt: instant('settled_at'),
  doneAt: instant('done_at'),
  expiresAt: instant('expires_at'),
  error: id('error'),
  day: date('day').notNull(),
  route: integer('route').notNull(),
  tableVersion: integer('table_version').notNull(),
  fate: smallint('fate').notNull(),
  attempts: smallint('attempts').notNull(),
  priority: smallint('priority').notNull(),
  dataCoding: smallint('data_coding').notNull(),
  esmClass: smallint('esm_class').notNull(),
  protocolId: smallint('protocol_id').notNull(),
  registeredDelivery: smallint('registered_delivery').notNull(),
  sourceTon: smallint('source_ton').notNull(),
  sourceNpi: smallint('source_npi').notNull(),
  destTon: smallint('dest_ton').notNull(),
  destNpi: smallint('dest_npi').notNull(),
  account: text('account').notNull(),
  destination: text('destination').notNull(),
  sourceAddr: text('source_addr').notNull(),
  destAddr: text('dest_addr').notNull(),
  serviceType: text('service_type'),
  carrierId: text('carrier_id'),
  text: text('text'),
  body: bytea('body'),
  udh: bytea('udh'),
  tlvs: bytea('tlvs'),
};

export const messages = pgTable(
  'messages',
  { ...messageColumns, kind: smallint('kind').notNull(), receiptAs: smallint('receipt_as') },
  t => [primaryKey({ columns: [t.address, t.day] })],
);

export const receipts = pgTable(
  'receipts',
  {
    address: id('address').notNull(),
    doneAt: instant('done_at').notNull(),
    recordedAt: instant('recorded_at').notNull().defaultNow(),
    error: id('error'),
    day: date('day').notNull(),
    fate: smallint('fate').notNull(),
  },
  t => [primaryKey({ columns: [t.address, t.day] })],
);

export const messageCounts = pgTable(
  'message_counts',
  {
    minute: instant('minute').notNull(),
    count: id('count').notNull(),
    account: text('account').notNull(),
    destination: text('destination').notNull(),
    status: text('status').notNull(),
  },
  t => [primaryKey({ columns: [t.minute, t.account, t.destination, t.status] })],
);

export const receiptRuns = pgTable('receipt_runs', {
  run: text('run').primaryKey(),
  account: text('account').notNull(),
  fromAt: instant('from_at').notNull(),
  toAt: instant('to_at').notNull(),
  holder: text('holder').notNull(),
  startedAt: instant('started_at').notNull().defaultNow(),
  heardAt: instant('heard_at').notNull().defaultNow(),
  doneAt: instant('done_at'),
  nextAddress: id('next_address').notNull().default(0),
  pushed: id('pushed').notNull().default(0),
});

/** Each message with its final state, whenever its receipt came. */
export const messageFates = pgView('message_fates', {
  ...messageColumns,
  kind: text('kind').$type<'mt' | 'mo'>().notNull(),
  status: text('status').notNull(),
}).existing();
