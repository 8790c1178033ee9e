import type { Message } from '../../../domain/conversation.ts';
import { DomainError, type ErrorInfo } from '../../../domain/errors.ts';
import type { Tokenizer } from '../../../domain/ports/models.ts';
import type { ChatLog, RunEventLog, RunRepository } from '../../../domain/ports/runs.ts';
import type { Clock, Log } from '../../../domain/ports/system.ts';
import type { FinishReason, Run, RunEvent, RunEventBody } from '../../../domain/run.ts';
import { isTerminal, shownText } from '../../../domain/run.ts';
import { costMicros, type ModelPrice, type RunUsage } from '../../../domain/usage.ts';
import type { Agent } from '../agent/agent.ts';
import { type FinishedSteps, NOTHING_FINISHED, readFinishedSteps } from '../agent/finished-steps.ts';
import { UsageMeter } from '../agent/usage-meter.ts';
import { untilAborted } from '../deadline.ts';
import { Interruption, type InterruptionKind } from './interruption.ts';
import { retrying } from './retry.ts';
import { RunWriter } from './run-writer.ts';
import { settleRun, shownCitations } from './settlement.ts';

/** A run that every node loses is not tried for ever. */
const GENERATIONS_MAX = 8;
const LEFT = 'run left to the node that holds its lease; this one writes nothing more';
/** Made once: without a reason, each `abort` makes an exception with its stack. */
const FINISHED = new Error('the run has ended');

export interface RunSessionDeps {
  readonly runs: RunRepository;
  readonly runEventLog: RunEventLog;
  readonly chatLog: ChatLog;
  readonly agent: Agent;
  readonly tokenizer: Tokenizer;
  readonly clock: Clock;
  readonly log: Log;
}
export interface RunSessionOptions {
  readonly price: ModelPrice;
  /** The tokenizer is the answerer's own: what it counts is what was used. */
  readonly exactUsage: boolean;
  readonly textLengthMax: number;
  readonly outputTokensMax: number;
  readonly runTimeMaxMs: number;
  readonly logTtlMs: number;
}
/** `left`: this node wrote no end; whoever holds the lease next goes on. */
export type SessionOutcome = 'settled' | 'left';

/** One attempt of this node at one run, from its first event, or from where another left off, to its settlement. */
export class RunSession {
  readonly run: Run;
  readonly #deps: RunSessionDeps;
  readonly #options: RunSessionOptions;
  readonly #controller = new AbortController();

  constructor(deps: RunSessionDeps, run: Run, options: RunSessionOptions) {
    this.#deps = deps;
    this.run = run;
    this.#options = options;
    if (run.stopRequested) this.interrupt('stop');
  }

  interrupt(kind: InterruptionKind): void {
    this.#controller.abort(new Interruption(kind));
  }

  /** Never throws. */
  async perform(): Promise<SessionOutcome> {
    const startedAt = this.#deps.clock.now();
    const fields = { runId: this.run.id, generation: this.run.generation };
    try {
      const outcome = await this.#perform();
      const durationMs = this.#deps.clock.now() - startedAt;
      this.#deps.log.info({ ...fields, durationMs, outcome }, 'run');
      if (outcome === 'left') this.#deps.log.warn({ ...fields, reason: this.#reason() }, LEFT);
      return outcome;
    } catch (error) {
      this.#deps.log.error({ ...fields, err: error }, 'run left for recovery');
      return 'left';
    }
  }

  /** Why this node wrote no end. A settlement is refused for one reason only. */
  #reason(): InterruptionKind {
    const { reason } = this.#controller.signal;
    return reason instanceof Interruption ? reason.kind : 'stale';
  }

  async #perform(): Promise<SessionOutcome> {
    if (this.#controller.signal.aborted && this.#explain(this.#controller.signal.reason).kind === 'left') {
      return 'left';
    }
    const taken = this.run.generation > 1 ? await this.#takeOver() : NOTHING_TAKEN;
    const { prior } = taken;
    if (prior.some(isTerminal)) return this.#settle(prior);
    const writer = this.#writer(prior);
    const usage = this.#meter(taken);
    const finished = new AbortController();
    this.#limitTime(finished.signal);
    const end = await this.#answer(writer, usage, taken).catch((error: unknown) => this.#explain(error));
    finished.abort(FINISHED);
    if (end.kind === 'left') {
      await writer.abandon();
      return 'left';
    }
    const last = (event: RunEventBody) => (text: string) => [...this.#usageEvent(prior, usage, text), event];
    try {
      await writer.close(last(end.event), end).catch((error: unknown) => {
        if (!(error instanceof Interruption && error.kind === 'limit')) throw error;
        return writer.close(last(CUT.event), CUT);
      });
    } catch (error) {
      if (error instanceof Interruption) return 'left';
      throw error;
    }
    return this.#settle(writer.events);
  }

  /** Shuts the older generation out, and repeats what its sender may not have got done. */
  async #takeOver(): Promise<Taken> {
    const { runEventLog, chatLog, clock } = this.#deps;
    const { run } = this;
    const scope = { workspaceId: run.workspaceId };
    const prior = await retrying(clock, () => runEventLog.fence(scope, run.id, run.generation));
    await retrying(clock, () => chatLog.appendMessage(scope, questionMessage(run, run.question ?? '')));
    if (prior.length === 0) return NOTHING_TAKEN;
    const steps = await retrying(clock, () => runEventLog.readSteps(scope, run.id));
    return { prior, finished: readFinishedSteps(steps, prior) };
  }

  async #answer(writer: RunWriter, usage: UsageMeter, { prior, finished }: Taken): Promise<RunEnding> {
    const { run } = this;
    const { signal } = this.#controller;
    const text = shownText(prior);
    const handover: RunEventBody = {
      type: 'RunHandover',
      generation: run.generation,
      textLength: text.length,
    };
    writer.push(prior.length === 0 ? { type: 'RunStart' } : handover);
    signal.throwIfAborted();
    if (run.generation > GENERATIONS_MAX) {
      throw new DomainError('DEADLINE_EXCEEDED', 'The answer could not be finished after several attempts.');
    }
    const retrieved = prior.some((event) => event.type === 'RetrievalEnd');
    const shown = { text, citations: shownCitations(prior), retrieved, finished };
    const request = { run, question: run.question ?? '', shown, sink: writer, usage, signal };
    const { finish, citations } = await untilAborted(signal, this.#deps.agent.run(request));
    if (citations.dropped > 0) {
      this.#deps.log.warn({ runId: run.id, dropped: citations.dropped }, 'citations not verbatim');
    }
    return ending(finish, false);
  }

  /** How a run ends whose answer did not. */
  #explain(error: unknown): RunEnding {
    if (error instanceof Interruption) {
      if (error.kind === 'stop') return ending('STOPPED', true);
      if (error.kind === 'limit') return CUT;
      return { kind: 'left' };
    }
    this.#deps.log.warn({ runId: this.run.id, err: error }, 'run failed');
    return { kind: 'ended', event: { type: 'RunError', error: toErrorInfo(error) }, discard: false };
  }

  #usageEvent(prior: readonly RunEvent[], meter: UsageMeter, text: string): RunEventBody[] {
    if (prior.some((event) => event.type === 'UsageReported')) return [];
    const { inputTokens, outputTokens, estimated } = meter.total(text);
    const cost = costMicros(this.#options.price, inputTokens, outputTokens);
    const usage: RunUsage = { inputTokens, outputTokens, costMicros: cost, estimated };
    return [{ type: 'UsageReported', ...usage }];
  }

  async #settle(events: readonly RunEvent[]): Promise<SessionOutcome> {
    const { logTtlMs } = this.#options;
    const { modelId } = this.#deps.agent.answerer;
    const outcome = await settleRun(this.#deps, this.run, events, { modelId, logTtlMs });
    return outcome === 'stale' ? 'left' : 'settled';
  }

  #writer(prior: readonly RunEvent[]): RunWriter {
    const { runEventLog, clock, tokenizer } = this.#deps;
    return new RunWriter(
      { log: runEventLog, clock, tokenizer },
      {
        run: this.run,
        prior,
        textLengthMax: this.#options.textLengthMax,
        outputTokensMax: this.#options.outputTokensMax,
        onInterrupted: (interruption) => this.#controller.abort(interruption),
      },
    );
  }

  #meter({ prior, finished }: Taken): UsageMeter {
    const { tokenizer } = this.#deps;
    const supersededLength = shownText(prior).length;
    const meter = new UsageMeter({ tokenizer, supersededLength, exact: this.#options.exactUsage });
    for (const { usage, textLength } of finished.rounds) meter.finishedBefore(usage, textLength);
    return meter;
  }

  #limitTime(finished: AbortSignal): void {
    this.#deps.clock.sleep(this.#options.runTimeMaxMs, finished).then(
      () => this.interrupt('limit'),
      () => undefined,
    );
  }
}

/** What earlier attempts left. */
interface Taken {
  readonly prior: readonly RunEvent[];
  readonly finished: FinishedSteps;
}
const NOTHING_TAKEN: Taken = { prior: [], finished: NOTHING_FINISHED };

interface Ended {
  readonly kind: 'ended';
  readonly event: Extract<RunEventBody, { readonly type: 'RunEnd' | 'RunError' }>;
  /** Drop what was accepted but not yet on its way to the log. */
  readonly discard: boolean;
}
type RunEnding = { readonly kind: 'left' } | Ended;

function ending(finishReason: FinishReason, discard: boolean): Ended {
  return { kind: 'ended', event: { type: 'RunEnd', finishReason }, discard };
}
/** What fitted is kept. */
const CUT = ending('LIMIT', false);

/** The user's message, the same whoever writes it: the sender, or the node that recovers the run. */
export function questionMessage(run: Run, text: string): Message {
  return {
    id: run.userMessageId,
    conversationId: run.conversationId,
    position: run.position,
    role: 'USER',
    text,
    runId: run.id,
    citations: [],
    createdAt: run.createdAt,
  };
}

/** Messages of DomainErrors were written for users; of everything else they learn that it failed. */
function toErrorInfo(error: unknown): ErrorInfo {
  if (error instanceof DomainError) {
    return { code: error.code, message: error.message, retryable: error.retryable };
  }
  return { code: 'INTERNAL', message: 'The answer could not be made.', retryable: true };
}
