import type { RunEvent, WorkspaceUsage } from '../../src/client/index.ts';
import type { Tokenizer } from '../../src/domain/ports/models.ts';
import { costMicros } from '../../src/domain/usage.ts';
import { answerOf, PRICES, reportedUsage } from './model-script.ts';

export type Harm = 'lost' | 'doubled' | 'misbilled';
export interface Finding {
  readonly harm: Harm;
  readonly what: string;
}
/** Everything that clients learned of one idempotency key. */
export interface RunRecord {
  readonly tag: string;
  /** Run ids of all answers to sends with the key, and how many of them said that they made the run. */
  readonly runIds: readonly string[];
  readonly startedCount: number;
  /** One a reader; what the same reader saw over all its sockets is one list. */
  readonly watches: readonly (readonly RunEvent[])[];
}
export interface Totals {
  readonly messages: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly costMicros: number;
}
type Usage = Omit<Totals, 'messages'> & { readonly estimated: boolean };

const isTerminal = ({ __typename }: RunEvent): boolean =>
  __typename === 'RunEnd' || __typename === 'RunError';

export function textOf(events: readonly RunEvent[]): string {
  return events.map((event) => (event.__typename === 'TokenDelta' ? event.text : '')).join('');
}

/** One finding a harm at most: a run that lost a hundred events is one lost answer. */
export function judgeRun(record: RunRecord, tokenizer: Tokenizer): Finding[] {
  const findings = [
    ...judgeSends(record),
    ...record.watches.flatMap((events) => judgeEvents(record.tag, events)),
    ...judgeAgreement(record.watches),
    ...record.watches.slice(0, 1).flatMap((events) => judgeCharge(record.tag, events, tokenizer)),
  ];
  const harms = [...new Set(findings.map(({ harm }) => harm))];
  return harms.map((harm) => ({
    harm,
    what: findings
      .filter((finding) => finding.harm === harm)
      .map(({ what }) => `${record.tag}: ${what}`)
      .join('; '),
  }));
}

function judgeSends({ runIds, startedCount, watches }: RunRecord): Finding[] {
  const findings: Finding[] = [];
  const distinct = new Set(runIds).size;
  if (distinct > 1) findings.push({ harm: 'doubled', what: `${distinct} runs of one key` });
  if (startedCount > 1) findings.push({ harm: 'doubled', what: `${startedCount} sends made the run` });
  if (distinct === 0 || watches.length === 0) findings.push({ harm: 'lost', what: 'no run' });
  return findings;
}

function judgeEvents(tag: string, events: readonly RunEvent[]): Finding[] {
  const findings: Finding[] = [];
  const lost = (what: string) => findings.push({ harm: 'lost', what });
  const doubled = (what: string) => findings.push({ harm: 'doubled', what });
  for (const [index, { sequence }] of events.entries()) {
    if (sequence > index) lost(`event ${index} is missing`);
    if (sequence < index) doubled(`event ${sequence} came again`);
    if (sequence !== index) break;
  }
  const terminals = events.filter(isTerminal);
  if (terminals.length === 0) lost('no end');
  if (terminals.length > 1 || (terminals.length === 1 && events.at(-1) !== terminals[0])) {
    doubled('events after the end');
  }
  for (const event of events) {
    if (event.__typename === 'RunGap') lost('a gap');
    if (event.__typename === 'RunError')
      lost(`failed: ${event.error.code} ${event.error.message} after ${kindsOf(events)}`);
    if (
      event.__typename === 'RunHandover' &&
      event.textLength !== textOf(events.slice(0, event.sequence)).length
    )
      lost('a handover elsewhere than the text');
    if (event.__typename === 'RunEnd' && event.message.text !== textOf(events))
      lost('the message is not the text');
  }
  findings.push(...judgeText(answerOf(tag), textOf(events)));
  return findings;
}

/** Everything but the text, in order. */
function kindsOf(events: readonly RunEvent[]): string {
  return events
    .map((event) => event.__typename)
    .filter((kind) => kind !== 'TokenDelta')
    .join(' ');
}

function judgeText(expected: string, text: string): Finding[] {
  if (text === expected) return [];
  const at = [...expected].findIndex((_, index) => expected[index] !== text[index]);
  const what = `text differs at ${at < 0 ? expected.length : at} (${text.length} of ${expected.length} units)`;
  return [{ harm: text.length > expected.length ? 'doubled' : 'lost', what }];
}

function judgeAgreement([first, ...others]: RunRecord['watches']): Finding[] {
  const seen = JSON.stringify(first);
  return others.some((events) => JSON.stringify(events) !== seen)
    ? [{ harm: 'lost', what: 'readers saw different events' }]
    : [];
}

function judgeCharge(tag: string, events: readonly RunEvent[], tokenizer: Tokenizer): Finding[] {
  const reports = events.filter((event) => event.__typename === 'UsageReported');
  const [report] = reports;
  if (!report || reports.length > 1) {
    return [{ harm: 'misbilled', what: `${reports.length} reports of usage` }];
  }
  const charged = JSON.stringify(pickUsage(report));
  const due = JSON.stringify(pickUsage(dueUsage(tag, events, tokenizer)));
  return charged === due ? [] : [{ harm: 'misbilled', what: `charged ${charged}, due ${due}` }];
}

/** What the last attempt's model reported, and by tokenizer the shown text of the attempts before it. */
export function dueUsage(tag: string, events: readonly RunEvent[], tokenizer: Tokenizer): Usage {
  const report = events.find((event) => event.__typename === 'UsageReported');
  // A lost answer already; what it cost is whatever it says.
  if (report && events.at(-1)?.__typename === 'RunError') return report;
  const handover = events.findLast((event) => event.__typename === 'RunHandover');
  const shownLength = handover?.textLength ?? 0;
  const reported = reportedUsage(tag, shownLength);
  const superseded = tokenizer.count(answerOf(tag).slice(0, shownLength));
  const [inputTokens, outputTokens] = [reported.input, reported.output + superseded];
  return {
    inputTokens,
    outputTokens,
    costMicros: costMicros(PRICES, inputTokens, outputTokens),
    estimated: superseded > 0,
  };
}

function pickUsage({ inputTokens, outputTokens, costMicros, estimated }: Usage): Usage {
  return { inputTokens, outputTokens, costMicros, estimated };
}

export function addUsage(totals: Totals, usage: Usage): Totals {
  return {
    messages: totals.messages + 1,
    inputTokens: totals.inputTokens + usage.inputTokens,
    outputTokens: totals.outputTokens + usage.outputTokens,
    costMicros: totals.costMicros + usage.costMicros,
  };
}

/** The workspace's ledger against the sum of what its runs reported, once nothing runs any more. */
export function judgeLedger(due: Totals, { usage, quota }: WorkspaceUsage): Finding[] {
  const { messages, inputTokens, outputTokens, costMicros } = usage;
  const charged = JSON.stringify({ messages, inputTokens, outputTokens, costMicros });
  const findings: Finding[] = [];
  if (charged !== JSON.stringify(due)) {
    findings.push({ harm: 'misbilled', what: `ledger ${charged}, due ${JSON.stringify(due)}` });
  }
  if (quota.usedMicros !== due.costMicros) {
    findings.push({ harm: 'misbilled', what: `quota used ${quota.usedMicros}, due ${due.costMicros}` });
  }
  if (quota.reservedMicros !== 0) {
    findings.push({ harm: 'misbilled', what: `${quota.reservedMicros} still reserved` });
  }
  return findings;
}
