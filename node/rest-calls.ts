import { ControlError, type NodeStatus, type RepushInfo, type RepushRequest } from '../actors/node-control.ts';
import type { ArchivedMessage } from '../adapters/archive/archive-reader.ts';
import type { Health, Refused } from '../adapters/http/deps.ts';
import type { Node } from './node.ts';
import type { NodeMetrics } from './node-metrics.ts';
import type { RunningNode } from './node-control.ts';

/** What the workers' REST API asks of the main thread: whatever is about the whole node. */
export interface RestCalls {
  /** @throws while the archive cannot be asked */
  findArchived(publicId: number): Promise<ArchivedMessage | undefined>;
  repush(request: RepushRequest): Promise<RepushInfo | Refused>;
  repushed(run: string): Promise<RepushInfo | Refused>;
  health(): Promise<Health>;
  status(): Promise<NodeStatus>;
  /** Prometheus text. */
  metrics(): Promise<string>;
}

export function restCalls(node: Node, control: RunningNode, metrics: NodeMetrics): RestCalls {
  return {
    findArchived: async publicId => {
      if (!node.settings.archive.enabled) return undefined;
      const archive = node.archiveApi;
      if (!archive) throw new Error('the archive is not up yet');
      return archive.find(publicId);
    },
    repush: request => control.repushReceipts(request).catch(refused),
    repushed: run => control.repushed(run).catch(refused),
    health: async () => {
      if (node.phase === 'starting') return 'starting';
      if (node.phase !== 'serving') return 'draining';
      return (await node.stores.stats()).refusing === '' ? 'ok' : 'refusing';
    },
    status: () => control.status(),
    metrics: () => metrics.text(),
  };
}

function refused(error: unknown): Refused {
  if (!(error instanceof ControlError)) throw error;
  return { code: error.code, message: error.message };
}
