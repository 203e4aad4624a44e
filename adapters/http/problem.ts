/**
 * Every error answer of the API is a problem document (RFC 9457): one table of what can be wrong, from which the answer's
 * status, title and type come. `detail` is for people; programs look at `type`.
 */
const KINDS = {
  'bad-request': [400, 'The request cannot be understood'],
  'invalid-json': [400, 'The body is not acceptable JSON'],
  unauthorized: [401, 'A valid API key is needed'],
  forbidden: [403, 'Not allowed'],
  'not-found': [404, 'Not found'],
  'method-not-allowed': [405, 'This address does not know that method'],
  conflict: [409, 'The message is past that'],
  'too-large': [413, 'The body is too large'],
  'media-type': [415, 'The body is not JSON'],
  misdirected: [421, 'This server is not known by that name'],
  invalid: [422, 'The request says something that cannot be done'],
  refused: [422, 'The message was refused'],
  throttled: [429, 'Too many requests'],
  internal: [500, 'Internal error'],
  unavailable: [503, 'Not possible at present'],
} as const;

export type ProblemKind = keyof typeof KINDS;

/** One field of a body that is wrong. */
export interface FieldError {
  /** Its name; '' for the body as a whole. */
  readonly field: string;
  readonly message: string;
}

export interface ProblemExtras {
  readonly errors?: readonly FieldError[];
  /** Name and number of the command_status (SMPP v3.4 §5.1.3) that stands behind a refusal. */
  readonly command_status?: string;
  readonly command_status_value?: number;
}

/** An answer that is not what was asked for. Thrown by handlers, answered by the application. */
export class Problem extends Error {
  readonly kind: ProblemKind;
  readonly extras: ProblemExtras;
  readonly headers: Readonly<Record<string, string>>;

  /** @param detail what is wrong and what was expected; never a message's text or a secret */
  constructor(
    kind: ProblemKind,
    detail: string,
    extras: ProblemExtras = {},
    headers: Readonly<Record<string, string>> = {},
    cause?: unknown,
  ) {
    super(detail, cause === undefined ? undefined : { cause });
    this.name = 'Problem';
    this.kind = kind;
    this.extras = extras;
    this.headers = headers;
  }

  get status(): number {
    return KINDS[this.kind][0];
  }

  response(): Response {
    const [status, title] = KINDS[this.kind];
    const body = { type: `urn:heliograph:problem:${this.kind}`, title, status, detail: this.message, ...this.extras };
    return new Response(JSON.stringify(body), {
      status,
      headers: { 'content-type': 'application/problem+json', 'cache-control': 'no-store', ...this.headers },
    });
  }
}

export const retryAfter = (seconds: number): Readonly<Record<string, string>> => ({ 'retry-after': `${seconds}` });

/** Fields that are wrong, all of them in one answer. */
export function invalid(errors: readonly FieldError[]): Problem {
  const detail = errors.map(({ field, message }) => (field === '' ? message : `${field}: ${message}`)).join('; ');
  return new Problem('invalid', detail, { errors });
}
