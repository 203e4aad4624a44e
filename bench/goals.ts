/** What the project must reach: a goal, and the floor below which a release does not go out. Ratios are of one run. */
export interface Goal {
  readonly what: string;
  readonly better: 'more' | 'less';
  readonly goal: number;
  readonly floor: number;
  readonly unit: '' | ' ms';
}

export const GOALS = {
  P1: {
    what: 'messages/s with receipts, flushed and archived, of the bare relay',
    better: 'more',
    goal: 0.5,
    floor: 0.2,
    unit: '',
  },
  P2: {
    what: 'submit_sm to its response, p99, at half the rate of P1',
    better: 'less',
    goal: 5,
    floor: 20,
    unit: ' ms',
  },
  P3: {
    what: 'the load of P1 through two nodes and Redis (appendfsync always) on the same machine, of one node',
    better: 'more',
    goal: 0.5,
    floor: 0.25,
    unit: '',
  },
  P10: {
    what: 'rate of the others beside an ESME that never reads and one that never answers, of the rate without them',
    better: 'more',
    goal: 0.95,
    floor: 0.8,
    unit: '',
  },
  P11: { what: 'second start to the first accepted bind', better: 'less', goal: 1000, floor: 3000, unit: ' ms' },
  P12: {
    what: 'kill -9 of one node of three under load: until all that waited in it have left',
    better: 'less',
    goal: 6000,
    floor: 15_000,
    unit: ' ms',
  },
  P13: { what: 'CPU a message, all threads, times the bare relay', better: 'less', goal: 2, floor: 6, unit: '' },
  P15: {
    what: 'P1 held for 60 s with the archive keeping up, of the bare relay',
    better: 'more',
    goal: 0.25,
    floor: 0.1,
    unit: '',
  },
} as const satisfies Readonly<Record<string, Goal>>;

export type GoalId = keyof typeof GOALS;

export type Verdict = 'goal' | 'floor' | 'below the floor' | 'invalid';

/** @param problems what makes the figure worthless: losses, duplicates, a run that did not end */
export function verdictOf(goal: Goal, measured: number, problems: readonly string[]): Verdict {
  if (problems.length > 0 || !Number.isFinite(measured)) return 'invalid';
  const reached = (limit: number): boolean => (goal.better === 'more' ? measured >= limit : measured <= limit);
  if (reached(goal.goal)) return 'goal';
  return reached(goal.floor) ? 'floor' : 'below the floor';
}
