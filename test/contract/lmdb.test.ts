import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { lmdbEngine } from './fixtures/lmdb-engine.ts';
import { messageStoreContract } from './message-store.contract.ts';

const folder = (): string => mkdtempSync(join(tmpdir(), 'heliograph-contract-'));

messageStoreContract('LMDB', () => lmdbEngine(folder()));
