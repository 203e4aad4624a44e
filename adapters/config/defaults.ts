import type { z } from 'zod';
import { accountSchema, frontendSchema, simulatorCarrierSchema, smppCarrierSchema } from './schema-peers.ts';

/**
 * Settings as an earlier release has kept them: those that this release has and it had not get their defaults. What is
 * there stays as it is, sealed or hashed passwords too.
 */
export function completeAccount<T extends object>(account: T): T {
  return complete(accountSchema, account);
}

export function completeCarrier<T extends { readonly protocol: string }>(carrier: T): T {
  return carrier.protocol === 'smpp' ? complete(smppCarrierSchema, carrier) : complete(simulatorCarrierSchema, carrier);
}

export function completeFrontend<T extends object>(frontend: T): T {
  return complete(frontendSchema, frontend);
}

function complete<T extends object>(schema: z.ZodObject, entry: T): T {
  const missing: [string, unknown][] = [];
  for (const [key, type] of Object.entries(schema.shape)) {
    if ((entry as Record<string, unknown>)[key] !== undefined) continue;
    const { success, data } = (type as z.ZodType).safeParse(undefined);
    if (success && data !== undefined) missing.push([key, data]);
  }
  return missing.length === 0 ? entry : { ...entry, ...Object.fromEntries(missing) };
}
