import type { Context } from 'hono';
import { LOCAL, NOBODY, type Caller, type KeyOwner, type Role } from './caller.ts';
import { Problem } from './problem.ts';

export interface GuardSettings {
  /** `none`: no key is asked for. The configuration accepts that on loopback only. */
  readonly auth: 'required' | 'none';
  /** The address that the listener has, as configured. */
  readonly host: string;
}

interface RequestSocket {
  readonly remoteAddress?: string | undefined;
  destroy(): void;
}

/** What the server's adapter puts beside each request; absent in `app.request`. */
export interface HttpEnv {
  readonly Bindings: { readonly incoming?: { readonly socket: RequestSocket } };
}

/** Decides who makes a request, and whether a request may be looked at. */
export class Guard {
  readonly #open: boolean;
  readonly #names: ReadonlySet<string>;
  readonly #ownerOf: (key: string) => KeyOwner | undefined;

  constructor({ auth, host }: GuardSettings, ownerOf: (key: string) => KeyOwner | undefined) {
    this.#open = auth === 'none';
    this.#names = new Set(['localhost', '127.0.0.1', '[::1]', host]);
    this.#ownerOf = ownerOf;
  }

  /**
   * Who makes this request.
   *
   * A page in a browser on this machine can reach a loopback port: where no key stands in its way, the name it asks for
   * (a rebound DNS name is another one) and where it comes from do.
   *
   * @throws Problem for a key that is not valid here, and for what only such a page sends
   */
  identify(c: Context<HttpEnv>): Caller {
    if (!this.#open) return this.#byKey(c);
    const host = (c.req.header('host') ?? '').toLowerCase();
    if (!this.#names.has(host.replace(/:\d+$/, ''))) {
      throw new Problem('misdirected', `without keys the Host must be one of ${[...this.#names].join(', ')}`);
    }
    const site = c.req.header('sec-fetch-site');
    if (site !== undefined && site !== 'same-origin' && site !== 'none') {
      throw new Problem('forbidden', 'requests from pages of other sites are not answered');
    }
    return LOCAL;
  }

  #byKey(c: Context<HttpEnv>): Caller {
    const given = c.req.header('authorization');
    if (given === undefined) return NOBODY;
    const owner = /^bearer /i.test(given) ? this.#ownerOf(given.slice(7).trim()) : undefined;
    // One answer for a wrong key and for a right one in the wrong place.
    if (owner?.allows(c.env?.incoming?.socket.remoteAddress ?? '') !== true) throw unauthorized('invalid_token');
    return owner;
  }
}

/** @throws Problem when the caller's role is none of these */
export function demandRole({ role }: Caller, roles: readonly Role[]): void {
  if (roles.includes(role)) return;
  if (role === 'nobody') throw unauthorized();
  throw new Problem('forbidden', `a key of role ${role} may not do this: it takes ${roles.join(' or ')}`);
}

/** @param error RFC 6750 §3.1; absent when the request had no key */
function unauthorized(error?: 'invalid_token'): Problem {
  const detail =
    error === undefined ? 'send the key as "Authorization: Bearer …"' : 'the key is not known, or not valid from there';
  const challenge = error === undefined ? 'Bearer' : `Bearer error="${error}"`;
  return new Problem('unauthorized', detail, {}, { 'www-authenticate': challenge });
}
