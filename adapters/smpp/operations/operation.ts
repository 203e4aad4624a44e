import type { BindActor } from '../../../actors/bind/bind-actor.ts';
import type { PublicIds } from '../../../actors/message/id.ts';
import type { MessageDesk } from '../../../actors/operations/message-desk.ts';
import type { PduInput } from '../codec/pdus.ts';

/** What the rarer requests of an ESME work with: those that are answered by a PDU of their own, once, later. */
export interface Session {
  /** The account it is bound as. */
  readonly account: string;
  /** interface_version of the session. */
  readonly version: number;
  readonly actor: BindActor;
  readonly desk: MessageDesk;
  readonly ids: PublicIds;
  /** ms since 1970. */
  readonly now: () => number;
}

/** Does what a request asks for. The answer has the request's sequence_number. */
export type Operation<P> = (request: P, session: Session) => Promise<PduInput>;
