import { Fate } from '../../actors/message/ledger.ts';
import type { ArchivedRow } from '../../adapters/http/message-view.ts';
import { NOW } from './api-bench.ts';

/** A row of the archive, as its reader gives it. */
export const archivedRow = (more: Partial<ArchivedRow> = {}): ArchivedRow => ({
  id: 0,
  acceptedAt: new Date(NOW),
  settledAt: new Date(NOW + 1000),
  doneAt: new Date(NOW + 3000),
  expiresAt: new Date(NOW + 86_400_000),
  error: null,
  route: 1,
  tableVersion: 1,
  fate: Fate.delivered,
  attempts: 1,
  priority: 0,
  dataCoding: 0,
  esmClass: 0,
  protocolId: 0,
  registeredDelivery: 1,
  sourceTon: 1,
  sourceNpi: 1,
  destTon: 1,
  destNpi: 1,
  account: 'the-frontend',
  destination: 'sink',
  sourceAddr: '1234567890',
  destAddr: '447700900123',
  serviceType: null,
  carrierId: 'A1',
  text: 'Hello',
  body: null,
  udh: null,
  tlvs: null,
  kind: 'mt',
  status: 'delivered',
  ...more,
});
