/**
 * Base of the errors that the runtime makes. `code` is stable and meant for programs, `message` for people;
 * the `cause` is kept. Other parts make their own classes on it: one class per decision that a caller takes.
 */
export class RuntimeError extends Error {
  readonly code: string;

  constructor(code: string, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = new.target.name;
    this.code = code;
  }
}

/** The text of anything thrown, on one line: message and, where the system gave one, its code. Never a stack. */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error).replace(/\s+/g, ' ');
  const text = error.message === '' ? error.name : error.message;
  return text.replace(/\s+/g, ' ').trim();
}
