import { ControlError } from '../actors/node-control.ts';
import type { Live } from './live-configuration.ts';

/** @throws ControlError `conflict` when a route or an account's default leads there, or a route is about it */
export function demandUnused({ routing, accounts }: Pick<Live, 'routing' | 'accounts'>, name: string): void {
  const route = routing.routes.findIndex(({ dest_smsc, source_smsc }) => dest_smsc === name || source_smsc === name);
  if (route >= 0) throw new ControlError('conflict', `route ${route + 1} names ${name}: change the routes first`);
  const account = accounts.find(({ default_dest_smsc: to }) => to === name);
  if (!account) return;
  throw new ControlError('conflict', `default_dest_smsc of ${account.system_id} is ${name}: change that first`);
}
