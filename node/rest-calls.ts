import { ControlError, type NodeStatus, type RepushInfo, type RepushRequest } from '../actors/node-control.ts';
import type { Match, Place } from '../actors/ports.ts';
import type { ArchivedPage } from '../adapters/archive/archive-lister.ts';
import type { ArchivedMessage } from '../adapters/archive/archive-reader.ts';
import type { Health, Refused } from '../adapters/http/deps.ts';
import type { Node } from './node.ts';
import type { NodeMetrics } from './node-metrics.ts';
import type { RunningNode } from './node-control.ts';

/** What the workers' REST API asks of the main thread: whatever is about the whole node. */
export interface RestCalls {
  /** @throws while the archive cannot be asked */
  findArchived(publicId: number): Promise<ArchivedMessage | undefined>;
  /** As `ArchiveLister` has them. @throws while the archive cannot be asked */
  listArchived(match: Match, from: number, limit: number): Promise<ArchivedPage>;
  archivedAt(places: readonly Place[]): Promise<readonly ArchivedMessage[]>;
  repush(request: RepushRequest): Promise<RepushInfo | Refused>;
  repushed(run: string): Promise<RepushInfo | Refused>;
  health(): Promise<Health>;
  status(): Promise<NodeStatus>;
  /** Prometheus text. */
  metrics(): Promise<string>;
}

export function restCalls(node: Node, control: RunningNode, metrics: NodeMetrics): RestCalls {
  return {
    findArchived: async publicId => archiveOf(node)?.find(publicId),
    listArchived: async (match, from, limit) =>
      (await archiveOf(node)?.list(match, from, limit)) ?? { rows: [], until: undefined },
    archivedAt: async places => (await archiveOf(node)?.listAt(places)) ?? [],
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

/** undefined: there is none. @throws while it is not up */
function archiveOf(node: Node): Node['archiveApi'] {
  if (!node.settings.archive.enabled) return undefined;
  if (!node.archiveApi) throw new Error('the archive is not up yet');
  return node.archiveApi;
}

function refused(error: unknown): Refused {
  if (!(error instanceof ControlError)) throw error;
  return { code: error.code, message: error.message };
}
