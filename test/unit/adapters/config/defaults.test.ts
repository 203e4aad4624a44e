import { expect, test } from 'vitest';
import { completeAccount, completeCarrier } from '../../../../adapters/config/defaults.ts';

test('what an earlier release has kept gets the settings that are new since, and keeps its own', () => {
  const carrier = { protocol: 'smpp', name: 'sink', password: 'sealed:a long text', window: 7, receipt_id: 'as-is' };
  const completed = completeCarrier(carrier);
  expect(completed).toMatchObject({ ...carrier, receipt_group: null, throttle_seconds: 1 });
  expect(completeCarrier(completed)).toBe(completed);
  const account = { system_id: 'shop', passwordHash: 'h', window: 3 };
  expect(completeAccount(account)).toMatchObject({ ...account, deliver_window: 200, allow_ips: [] });
  expect(completeAccount(account)).not.toHaveProperty('password');
});
