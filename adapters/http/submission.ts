import { mayActAs, type Caller } from './caller.ts';
import type { ApiDeps } from './deps.ts';
import { invalid, Problem } from './problem.ts';
import type { SubmitBody } from './schema.ts';

/** Where a message is to go whatever the routes say; '' = as they say. @throws Problem for what is not there */
export function explicitDestination(deps: Pick<ApiDeps, 'isDestination'>, body: SubmitBody): string {
  const { dest_smsc: name, destination_smsc: alias } = body;
  if (typeof name === 'string' && typeof alias === 'string' && name !== alias) {
    throw invalid([{ field: 'destination_smsc', message: 'expected the same as dest_smsc, or nothing' }]);
  }
  const to = name ?? alias ?? '';
  if (to === '' || deps.isDestination(to)) return to;
  const field = typeof name === 'string' ? 'dest_smsc' : 'destination_smsc';
  const message = `expected the name of a carrier, account or frontend, got ${JSON.stringify(to)}`;
  throw invalid([{ field, message }]);
}

/** Whose the message is: the account that `source_smsc` names, else the key's own. @throws Problem `forbidden` */
export function ownerOf(deps: Pick<ApiDeps, 'account'>, sourceSmsc: string, caller: Caller): string {
  if (!deps.account(sourceSmsc)) return caller.name;
  if (mayActAs(caller, sourceSmsc)) return sourceSmsc;
  throw new Problem('forbidden', `a key of role ${caller.role} may not submit as account ${sourceSmsc}`);
}
