import type { Citation } from '../../../domain/citation.ts';
import type { Message } from '../../../domain/conversation.ts';
import { answerMessageId } from '../../../domain/ids.ts';
import type { ChatLog, RunEventLog, RunRepository, Settlement } from '../../../domain/ports/runs.ts';
import type { Clock } from '../../../domain/ports/system.ts';
import type { Run, RunEvent } from '../../../domain/run.ts';
import { isTerminal, shownText } from '../../../domain/run.ts';
import type { RunUsage } from '../../../domain/usage.ts';
import { retrying } from './retry.ts';

const NO_USAGE: RunUsage = { inputTokens: 0, outputTokens: 0, costMicros: 0, estimated: true };

export interface SettlementDeps {
  readonly runs: Pick<RunRepository, 'settle'>;
  readonly chatLog: Pick<ChatLog, 'putAnswer'>;
  readonly runEventLog: Pick<RunEventLog, 'retire'>;
  readonly clock: Clock;
}
export interface SettlementOptions {
  readonly modelId: string;
  readonly logTtlMs: number;
}

/**
 * Everything that follows from a run's terminal event. That event's fenced append is the one moment of decision: what
 * comes after it is a function of the run and its log, each step harmless to repeat. So a crash between any two steps,
 * or a paused node that wakes up late, ends with the same message and one charge.
 *
 *   log: … UsageReported, RunEnd   decided; readers hold the terminal event back until the run is settled
 *   chat log: message and events   before the settlement, because a settled run is nobody's to recover
 *   run: status, usage, ledger     in one statement
 *   log: may go                    the chat log has it
 */
export async function settleRun(
  deps: SettlementDeps,
  run: Run,
  events: readonly RunEvent[],
  options: SettlementOptions,
): Promise<'settled' | 'already-settled' | 'stale'> {
  const { runs, chatLog, runEventLog, clock } = deps;
  const scope = { workspaceId: run.workspaceId };
  const settlement = toSettlement(run, events, { modelId: options.modelId, now: clock.now() });
  const answer = { message: answerMessage(run, events), runId: run.id, events };
  await retrying(clock, () => chatLog.putAnswer(scope, answer));
  const outcome = await retrying(clock, () => runs.settle(scope, settlement));
  // Only a convenience of the log: an unretired copy costs space, never an answer.
  if (outcome !== 'stale') await runEventLog.retire(scope, run.id, options.logTtlMs).catch(() => undefined);
  return outcome;
}

/** null when the run failed before it showed any text. Its time is the run's: the same whoever writes it, and when. */
export function answerMessage(run: Run, events: readonly RunEvent[]): Message | null {
  const text = shownText(events);
  const failed = events.at(-1)?.type === 'RunError';
  if (text === '' && failed) return null;
  return {
    id: answerMessageId(run.id),
    conversationId: run.conversationId,
    position: run.position + 1,
    role: 'ASSISTANT',
    text,
    runId: run.id,
    citations: shownCitations(events),
    createdAt: run.createdAt,
  };
}

export function shownCitations(events: readonly RunEvent[]): Citation[] {
  return events.flatMap((event) => (event.type === 'CitationAdded' ? [event.citation] : []));
}

function toSettlement(
  run: Run,
  events: readonly RunEvent[],
  { modelId, now }: { readonly modelId: string; readonly now: number },
): Settlement {
  const terminal = events.findLast(isTerminal);
  const reported = events.findLast((event) => event.type === 'UsageReported');
  const usage = reported ? toUsage(reported) : NO_USAGE;
  const common = { runId: run.id, generation: run.generation, usage, modelId, now };
  if (terminal?.type === 'RunError') {
    return { ...common, status: 'FAILED', finishReason: null, error: terminal.error };
  }
  if (terminal?.type !== 'RunEnd') throw new Error('a run without a terminal event cannot be settled');
  const { finishReason } = terminal;
  return {
    ...common,
    status: finishReason === 'STOPPED' ? 'STOPPED' : 'COMPLETED',
    finishReason,
    error: null,
  };
}

function toUsage({ inputTokens, outputTokens, costMicros, estimated }: RunUsage): RunUsage {
  return { inputTokens, outputTokens, costMicros, estimated };
}
