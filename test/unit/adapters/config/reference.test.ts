import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { problemsOf } from '../../../../actors/routing/validate.ts';
import { parseConfiguration } from '../../../../adapters/config/load.ts';
import { settingsReference } from '../../../../adapters/config/reference.ts';
import { routingTableOf } from '../../../../adapters/config/routing-table.ts';

describe('docs/configuration.md', () => {
  it('is what the schema says (npx heliograph check-config --settings > docs/configuration.md)', () => {
    const file = fileURLToPath(new URL('../../../../docs/configuration.md', import.meta.url));
    expect(readFileSync(file, 'utf8')).toBe(settingsReference());
  });

  it('knows what every setting takes', () => {
    const cells = settingsReference()
      .split('\n')
      .filter(line => line.startsWith('| `'))
      .map(line => line.split(' | '));
    expect(cells.length).toBeGreaterThan(100);
    expect(cells.filter(([, takes]) => takes === '' || takes === undefined || /Invalid/.test(takes))).toEqual([]);
  });
});

describe('routingTableOf', () => {
  it('makes a table that compiles of every kind of route', () => {
    const { configuration } = parseConfiguration(
      `frontends: [{ name: ims }]
accounts: [{ system_id: shop, password: a }]
routes:
  - { called_prefix: "+44", calling_prefix: "0031", source_smsc: ims, source_type: IMS, dest_smsc: shop, weight: 0 }
  - { account: shop, sender: "SHOP*", auto_reply: "No", charged: yes, enabled: false }
  - { drop: true, priority: 1 }
  - { reject: true }
  - { reject: 0x45 }
`,
      'h.yaml',
    );
    const table = routingTableOf(configuration!.routes, 7);
    expect(problemsOf(table, new Set(['shop', 'ims']))).toEqual([]);
    expect(table.version).toBe(7);
    expect(table.routes.map(route => route.action)).toEqual([
      { type: 'forward', destSmsc: 'shop' },
      { type: 'auto-reply', text: 'No' },
      { type: 'drop' },
      { type: 'reject', status: 0x0b },
      { type: 'reject', status: 0x45 },
    ]);
    expect(table.routes[0]).toMatchObject({ calledPrefix: '44', callingPrefix: '31', sourceSmsc: 'ims', weight: 0 });
    expect(table.routes[1]).toMatchObject({ account: 'shop', sender: 'SHOP*', charged: 'yes', enabled: false });
  });
});
