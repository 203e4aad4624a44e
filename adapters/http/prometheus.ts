import type { DistributionSample, Family, Labels, Sample } from '../../runtime/metrics.ts';

/** Metrics in Prometheus' text format 0.0.4. */
export function prometheusText(families: readonly Family[]): string {
  return families.map(familyText).join('');
}

function familyText(family: Family): string {
  const { type, name, help } = family;
  const lines =
    type === 'summary' ? family.samples.flatMap(s => summary(name, s)) : family.samples.map(s => line(name, s));
  return `# HELP ${name} ${help.replace(/\\/g, '\\\\').replace(/\n/g, '\\n')}\n# TYPE ${name} ${type}\n${lines.join('')}`;
}

function summary(name: string, { labels, quantiles, sum, count }: DistributionSample): string[] {
  return [
    ...quantiles.map(([quantile, value]) => line(name, { labels: { ...labels, quantile: String(quantile) }, value })),
    line(`${name}_sum`, { labels, value: sum }),
    line(`${name}_count`, { labels, value: count }),
  ];
}

const line = (name: string, { labels, value }: Sample): string => `${name}${labelText(labels)} ${value}\n`;

function labelText(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

const escaped = (value: string): string => value.replace(/\\/g, '\\\\').replace(/"/g, '\\"').replace(/\n/g, '\\n');
