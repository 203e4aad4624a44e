import { AddressRules } from '../../actors/push/address-rules.ts';
import { hasMethod, maskOf, methodOf, type PushRequest } from '../../actors/push/push-request.ts';
import type { UrlRules } from '../../actors/push/push-url.ts';
import type { AccountSettings, Configuration } from './schema.ts';

type PushSettings = Pick<Configuration['receipts']['push'], 'allow_http' | 'hosts' | 'networks'>;

/** Which URLs receipts may be pushed to. */
export const urlRules = ({ allow_http: allowHttp, hosts, networks }: PushSettings): UrlRules => ({
  allowHttp,
  hosts,
  addresses: new AddressRules(networks),
});

type AccountPush = Pick<AccountSettings, 'receipt_url' | 'receipt_format' | 'receipt_method' | 'receipt_events'>;

/** How an account wants to be told of its messages by HTTP; undefined: not. */
export function pushOf(account: AccountPush): PushRequest | undefined {
  const { receipt_url: url, receipt_format: format, receipt_method: given, receipt_events: events } = account;
  if (url === null) return undefined;
  const method = given !== null && hasMethod(format, given) ? given : methodOf(format);
  return { url, format, method, mask: maskOf(events) };
}
