/** The oldest Node.js that runs TypeScript as it is, stable (type stripping: Node.js 24.12). */
const OLDEST = [24, 12] as const;

/** What is wrong with this Node.js, in one line; undefined when it will do. @param version as `process.version` */
export function checkRuntime(version: string): string | undefined {
  const [major = 0, minor = 0] = version.replace(/^v/, '').split('.').map(Number);
  const [oldestMajor, oldestMinor] = OLDEST;
  if (major > oldestMajor || (major === oldestMajor && minor >= oldestMinor)) return undefined;
  return (
    `Node.js ${OLDEST.join('.')} or newer is needed, this is ${version}: ` +
    `use "npm start" or "npx heliograph", after "npm ci" (which brings Node.js 24 along)`
  );
}

/**
 * Sizes libuv's thread pool, which LMDB's commits, file access and DNS share. To be called before anything uses the
 * pool: libuv reads the variable then, once (tried: set in the first statement of `main.ts` it takes effect).
 */
export function sizeThreadPool(environment: NodeJS.ProcessEnv): void {
  environment['UV_THREADPOOL_SIZE'] ??= '8';
}

/**
 * Whoever reads what a command prints may have seen enough (`heliograph status | head`), and whoever reads a node's log may
 * end: what is written then goes nowhere, and nothing ends for it.
 */
export function outliveReaders(...streams: readonly NodeJS.WriteStream[]): void {
  for (const stream of streams) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
    });
  }
}
