/** Polls until `condition` holds: a test never sleeps for a guessed time. Throws with `description` after `limitMs`. */
export async function waitUntil(
  description: string,
  condition: () => boolean | Promise<boolean>,
  limitMs = 20_000,
): Promise<void> {
  const endMs = performance.now() + limitMs;
  while (!(await condition())) {
    if (performance.now() > endMs) throw new Error(`not within ${limitMs} ms: ${description}`);
    await new Promise(resolve => setTimeout(resolve, 5));
  }
}
