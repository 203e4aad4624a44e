import type { ControlErrorCode } from '../../actors/node-control.ts';

/** What both ends of the control socket know. 100,000 routes as JSON are about 15 MB. */
export const MOST_BODY_OCTETS = 64 * 1024 * 1024;

/** How an error crosses the socket. */
export interface ErrorBody {
  readonly error: { readonly code: ControlErrorCode; readonly message: string; readonly details: readonly string[] };
}
