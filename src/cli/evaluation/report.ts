import { comparePaired, type PairedComparison } from '../../domain/evaluation/significance.ts';
import type { Terminal } from '../ui/terminal.ts';
import { nameOf } from './configuration.ts';
import type { Measurement } from './measure.ts';

export interface Report {
  readonly dataset: string;
  readonly documentCount: number;
  readonly questionCount: number;
  /** What could not be ingested, and so not be found. */
  readonly failures: readonly string[];
  readonly measurements: readonly Measurement[];
}

/** Below it a difference is called significant. */
const SIGNIFICANT_P = 0.05;

type Comparison = PairedComparison & {
  readonly first: string;
  readonly second: string;
  readonly metric: string;
};

/** Each configuration against the first, by the data set's main measure. */
function comparisonsOf({ measurements }: Report): Comparison[] {
  const [first, ...others] = measurements;
  const metric = Object.keys(first?.metrics ?? {})[0];
  if (first === undefined || metric === undefined) return [];
  const valuesOf = ({ byQuestion }: Measurement) => byQuestion.map((metrics) => metrics[metric] ?? 0);
  return others.map((other) => ({
    first: nameOf(first.configuration),
    second: nameOf(other.configuration),
    metric,
    ...comparePaired(valuesOf(first), valuesOf(other)),
  }));
}

/** One line for other programs. */
export function reportJson(report: Report): string {
  const { dataset, documentCount, questionCount, failures, measurements } = report;
  return JSON.stringify({
    ...{ dataset, documentCount, questionCount, failures },
    configurations: measurements.map(({ configuration, metrics, latencyMs }) => ({
      name: nameOf(configuration),
      ...configuration,
      metrics: rounded(metrics),
      latencyMs: rounded({ ...latencyMs }),
    })),
    comparisons: comparisonsOf(report),
  });
}

function rounded(values: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, Number(value.toFixed(4))]));
}

/** A table for people, and one sentence on each difference. */
export function printReport(report: Report, terminal: Terminal): void {
  const { dataset, documentCount, questionCount, failures, measurements } = report;
  const metrics = Object.keys(measurements[0]?.metrics ?? {});
  const header = ['configuration', ...metrics, 'p50 ms', 'p95 ms', 'p99 ms'];
  const rows = measurements.map((one) => [
    nameOf(one.configuration),
    ...metrics.map((name) => (one.metrics[name] ?? 0).toFixed(4)),
    ...[one.latencyMs.p50, one.latencyMs.p95, one.latencyMs.p99].map((ms) => ms.toFixed(1)),
  ]);
  terminal.line(
    `\n${terminal.style.bold(dataset)}: ${documentCount} documents, ${questionCount} questions\n`,
  );
  for (const row of alignedRows([header, ...rows])) terminal.line(row);
  if (failures.length > 0)
    terminal.line(`\n${failures.length} documents could not be ingested: ${failures[0]}`);
  const comparisons = comparisonsOf(report);
  if (comparisons.length > 0) terminal.line();
  for (const comparison of comparisons) terminal.line(sentence(comparison));
}

/** Markdown, so that a table can go into a page as it is. */
function alignedRows(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0))).join(' | ')} |`;
  const [header = [], ...others] = rows;
  const rule = widths.map((width, column) =>
    column === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`,
  );
  return [line(header), line(rule), ...others.map(line)];
}

function sentence({ first, second, metric, difference, p, pairCount }: Comparison): string {
  const sign = difference < 0 ? '−' : '+';
  const verdict = p < SIGNIFICANT_P ? 'significant' : 'not significant';
  const size = `${sign}${Math.abs(difference).toFixed(4)} ${metric}`;
  return `${second} against ${first}: ${size}, p = ${p.toFixed(4)} over ${pairCount} questions (${verdict})`;
}
