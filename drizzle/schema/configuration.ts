import { integer, jsonb, pgTable, text, timestamp } from 'drizzle-orm/pg-core';

/** Tables of `migrations/0002_configuration.sql`. */

const named = (table: string) =>
  pgTable(table, {
    name: text('name').primaryKey(),
    definition: jsonb('definition').$type<object>().notNull(),
    updatedAt: timestamp('updated_at', { withTimezone: true }).notNull().defaultNow(),
  });

export const accounts = named('accounts');
export const carriers = named('carriers');
export const frontends = named('frontends');
export const users = named('users');
export const apiKeys = named('api_keys');
export const settings = named('settings');

export const routingTables = pgTable('routing_tables', {
  version: integer('version').primaryKey(),
  routes: jsonb('routes').notNull(),
  createdAt: timestamp('created_at', { withTimezone: true }).notNull().defaultNow(),
  activatedAt: timestamp('activated_at', { withTimezone: true }),
});
