import { Refusal } from '../../actors/refusal.ts';
import type { ApiDeps } from './deps.ts';
import { Problem, retryAfter } from './problem.ts';

/** What a caller is told of a message that was refused. @param status the command_status (SMPP v3.4 §5.1.3) of it */
export function refusal(deps: Pick<ApiDeps, 'statusOf' | 'draining'>, status: number): Problem {
  const { name, text, retry } = deps.statusOf(status);
  const extras = { command_status: name, command_status_value: status };
  if (status === Refusal.noRoute) return new Problem('refused', 'no route takes this destination', extras);
  if (status === Refusal.queueFull) {
    return new Problem('unavailable', 'the queue or the disk is full', extras, retryAfter(5));
  }
  if (deps.draining()) {
    return new Problem('unavailable', 'this node is being stopped: try another one', extras, retryAfter(5));
  }
  if (retry === 'later' || status === Refusal.system) {
    return new Problem('unavailable', text, extras, retryAfter(1));
  }
  return new Problem('refused', text, extras);
}
