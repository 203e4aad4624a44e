import { parentPort } from 'node:worker_threads';
import { hashNow, verifyNow } from './scrypt.ts';

/** What the hash thread is asked, one job at a time, and what it answers. */
export type HashJob =
  | { readonly type: 'hash'; readonly password: string }
  | { readonly type: 'verify'; readonly password: string; readonly stored: string };

export type HashAnswer =
  | { readonly type: 'hashed'; readonly stored: string }
  | { readonly type: 'verified'; readonly right: boolean }
  | { readonly type: 'failed'; readonly message: string };

parentPort?.on('message', (job: HashJob) => {
  parentPort?.postMessage(run(job));
});

function run(job: HashJob): HashAnswer {
  try {
    if (job.type === 'hash') return { type: 'hashed', stored: hashNow(job.password) };
    return { type: 'verified', right: verifyNow(job.password, job.stored) };
  } catch (error) {
    return { type: 'failed', message: (error as Error).message };
  }
}
