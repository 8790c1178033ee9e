import { DomainError } from '../../../domain/errors.ts';
import type { Tokenizer } from '../../../domain/ports/models.ts';
import type { RunEventLog, StepResult } from '../../../domain/ports/runs.ts';
import type { Clock } from '../../../domain/ports/system.ts';
import type { Run, RunEvent, RunEventBody } from '../../../domain/run.ts';
import { shownText } from '../../../domain/run.ts';
import type { AnswerEvent, AnswerSink } from '../agent/answer-sink.ts';
import { cutAt } from '../agent/well-formed.ts';
import { Interruption } from './interruption.ts';
import { retrying } from './retry.ts';
import { TokenBudget } from './token-budget.ts';

const NO_STEPS: readonly StepResult[] = [];

export interface RunWriterDeps {
  readonly log: Pick<RunEventLog, 'append'>;
  readonly clock: Clock;
  readonly tokenizer: Tokenizer;
}
export interface RunWriterOptions {
  readonly run: Run;
  /** Events of earlier attempts; the sequence goes on behind them. */
  readonly prior: readonly RunEvent[];
  readonly textLengthMax: number;
  /** Of the whole answer, that of earlier attempts included: no more was reserved. */
  readonly outputTokensMax: number;
  /** Called once: the text is full, another node has the run, or the log does not answer. */
  readonly onInterrupted: (interruption: Interruption) => void;
}

/**
 * The only writer of a run's events. Sequences are dense; deltas that come while an append is under way join into one
 * event of the next batch, so that a slow log makes fewer events, not a longer queue (which `textLengthMax` bounds).
 */
export class RunWriter implements AnswerSink {
  readonly #deps: RunWriterDeps;
  readonly #options: RunWriterOptions;
  readonly #appended: RunEvent[];
  readonly #budget: TokenBudget;
  #pending: RunEventBody[] = [];
  /** Of the pending events. */
  #pendingSteps: StepResult[] = [];
  /** On its way to the log: as good as shown, unless the log refuses it, which ends this writer. */
  #inFlight: readonly RunEventBody[] = [];
  #text: string;
  #writing: Promise<void> | undefined;
  #failure: Interruption | undefined;
  #closed = false;
  #ending = false;
  /** The log had no room for the last events. */
  #refusedEnd: Interruption | undefined;

  constructor(deps: RunWriterDeps, options: RunWriterOptions) {
    this.#deps = deps;
    this.#options = options;
    this.#appended = [...options.prior];
    this.#text = shownText(options.prior);
    this.#budget = new TokenBudget(deps.tokenizer, options.outputTokensMax);
  }

  get text(): string {
    return this.#text;
  }
  /** Everything that is durable, in order. */
  get events(): readonly RunEvent[] {
    return this.#appended;
  }

  delta(text: string): void {
    if (this.#closed || text === '') return;
    const room = this.#options.textLengthMax - this.#text.length;
    const fitting = this.#budget.fitting(this.#text, cutAt(text, room));
    if (fitting !== '') this.#pushDelta(fitting);
    if (fitting.length < text.length) this.#interrupt(new Interruption('limit'), { discard: false });
  }

  event(event: AnswerEvent, finished?: StepResult): void {
    this.push(event, finished);
  }

  push(event: RunEventBody, finished?: StepResult): void {
    if (this.#closed) return;
    this.#pending.push(event);
    if (finished) this.#pendingSteps.push(finished);
    this.#schedule();
  }

  async flushed(): Promise<void> {
    while (this.#writing) await this.#writing;
  }

  /**
   * Appends the last events and takes nothing after them. `discard`: what is not yet on its way to the log, and so was
   * never shown, is dropped first. Throws the Interruption if they could not be made durable; after `limit`, when what
   * came before them did not fit into the log any more, it may be called again.
   */
  async close(
    last: (text: string) => readonly RunEventBody[],
    options: { readonly discard: boolean },
  ): Promise<void> {
    this.#closed = true;
    this.#ending = true;
    this.#refusedEnd = undefined;
    if (options.discard) {
      this.#drop();
      this.#text = shownText(this.#appended) + shownText(this.#inFlight);
    }
    this.#pending.push(...last(this.#text));
    this.#schedule();
    await this.flushed();
    const failure = this.#failure ?? this.#refusedEnd;
    if (failure) throw failure;
  }

  /** Takes nothing more; resolves when no append is under way. */
  async abandon(): Promise<void> {
    this.#closed = true;
    this.#drop();
    await this.flushed();
  }

  #pushDelta(text: string): void {
    this.#text += text;
    const last = this.#pending.at(-1);
    if (last?.type === 'TokenDelta') {
      this.#pending[this.#pending.length - 1] = { type: 'TokenDelta', text: last.text + text };
    } else {
      this.#pending.push({ type: 'TokenDelta', text });
    }
    this.#schedule();
  }

  #schedule(): void {
    this.#writing ??= this.#write();
  }

  async #write(): Promise<void> {
    // One socket read brings several deltas in one go: let them all in before the first append.
    await Promise.resolve();
    while (this.#pending.length > 0 && this.#failure === undefined) {
      const events = this.#pending;
      const steps = this.#pendingSteps.length > 0 ? this.#pendingSteps : NO_STEPS;
      this.#drop();
      await this.#append(events, steps);
    }
    this.#writing = undefined;
  }

  #drop(): void {
    this.#pending = [];
    if (this.#pendingSteps.length > 0) this.#pendingSteps = [];
  }

  async #append(events: readonly RunEventBody[], steps: readonly StepResult[]): Promise<void> {
    const { run } = this.#options;
    this.#inFlight = events;
    const firstSequence = this.#appended.length;
    const batch = { runId: run.id, generation: run.generation, firstSequence, events, steps };
    try {
      // The batch stays as it is: a repeat of one that was stored although its answer got lost must be word for word.
      await retrying(this.#deps.clock, () => this.#deps.log.append({ workspaceId: run.workspaceId }, batch));
      for (const event of events) this.#appended.push({ ...event, sequence: this.#appended.length });
    } catch (error) {
      if (error instanceof DomainError && error.code === 'LIMIT_EXCEEDED') {
        this.#cutAtLog(new Interruption('limit', { cause: error }));
        return;
      }
      // Another writer's events stand where ours should: that too means the run is no longer ours.
      const isStale =
        error instanceof DomainError && (error.code === 'STALE_GENERATION' || error.code === 'CONFLICT');
      this.#failure = new Interruption(isStale ? 'stale' : 'log-failed', { cause: error });
      this.#interrupt(this.#failure, { discard: true });
    }
    this.#inFlight = [];
  }

  /** The log is full but for its end, and the refused batch was shown to nobody. */
  #cutAtLog(interruption: Interruption): void {
    this.#inFlight = [];
    this.#text = shownText(this.#appended);
    if (this.#ending) this.#refusedEnd = interruption;
    this.#interrupt(interruption, { discard: true });
  }

  #interrupt(interruption: Interruption, { discard }: { readonly discard: boolean }): void {
    this.#closed = true;
    if (discard) this.#drop();
    this.#options.onInterrupted(interruption);
  }
}
