import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { lmdbEngine } from './fixtures/lmdb-engine.ts';
import { messageStoreContract } from './message-store.contract.ts';
import { messageStoreCrashes } from './message-store.crash.ts';
import { messageSearchContract } from './message-search.contract.ts';
import { messageStoreModel } from './message-store.model.ts';

const folder = (): string => mkdtempSync(join(tmpdir(), 'heliograph-contract-'));

messageStoreContract('LMDB', () => lmdbEngine(folder()));
messageSearchContract('LMDB', () => lmdbEngine(folder()));
messageStoreModel('LMDB', () => lmdbEngine(folder()), 150);
messageStoreCrashes('LMDB', new URL('./fixtures/lmdb-engine.ts', import.meta.url).href, lmdbEngine, folder, 20);
