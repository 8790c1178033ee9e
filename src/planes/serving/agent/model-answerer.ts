import { DomainError } from '../../../domain/errors.ts';
import type { ChatModel, ChatOutcome, Tokenizer } from '../../../domain/ports/models.ts';
import type { Log } from '../../../domain/ports/system.ts';
import type { Answerer, AnswerFinish, AnswerRequest } from './answerer.ts';
import { CitedText } from './cited-text.ts';
import { roundResult } from './finished-steps.ts';
import { PassageTokens } from './passage-tokens.ts';
import { buildTurns, FRAME_TOKENS_MAX, fitPassages, SEARCH_TOOL } from './prompt.ts';
import { type Draft, ToolCalls } from './tool-calls.ts';
import type { TotalUsage } from './usage-meter.ts';

/** Requests to the model that may ask for a search; the one after them has to answer. */
const TOOL_ROUNDS_MAX = 2;
const TOOL_CALLS_PER_ROUND_MAX = 3;

export interface ModelAnswererDeps {
  readonly model: ChatModel;
  readonly tokenizer: Tokenizer;
  readonly log: Log;
}
export interface ModelAnswererOptions {
  readonly outputTokensMax: number;
  readonly passageTokensMax: number;
  readonly historyTokensMax: number;
}

/** Answers with a chat model from numbered passages; the model may search again a bounded number of times. */
export class ModelAnswerer implements Answerer {
  readonly modelId: string;
  readonly #deps: ModelAnswererDeps;
  readonly #options: ModelAnswererOptions;
  readonly #passageTokens: PassageTokens;
  readonly #toolCalls: ToolCalls;

  constructor(deps: ModelAnswererDeps, options: ModelAnswererOptions) {
    this.#deps = deps;
    this.#options = options;
    this.#passageTokens = new PassageTokens(deps.tokenizer);
    this.#toolCalls = new ToolCalls(this.#passageTokens, options.passageTokensMax);
    this.modelId = deps.model.modelId;
  }

  /** Every round repeats the prompt, and each but the last adds passages to it. */
  bounds(question: string): { readonly inputTokens: number; readonly outputTokens: number } {
    const { passageTokensMax, historyTokensMax, outputTokensMax } = this.#options;
    const rounds = TOOL_ROUNDS_MAX + 1;
    // One token a UTF-16 unit is more than any tokenizer makes of prose.
    const base = FRAME_TOKENS_MAX + historyTokensMax + passageTokensMax + question.length + outputTokensMax;
    const searched = TOOL_CALLS_PER_ROUND_MAX * passageTokensMax * ((rounds * (rounds - 1)) / 2);
    return { inputTokens: rounds * base + searched, outputTokens: outputTokensMax };
  }

  async answer(request: AnswerRequest): Promise<AnswerFinish> {
    const { log } = this.#deps;
    const passages = fitPassages(request.passages, this.#options.passageTokensMax, this.#passageTokens);
    const text = new CitedText({
      sink: request.sink,
      passage: (number) => passages[number - 1],
      cite: (candidate) => request.cite(candidate),
    });
    const finish = await this.#rounds(request, {
      turns: buildTurns({ ...request, passages }),
      passages,
      text,
    });
    if (text.droppedCount > 0) log.info({ dropped: text.droppedCount }, 'citation markers dropped');
    if (finish === 'COMPLETED' && request.sink.text.trim() === '') {
      throw new DomainError('MODEL_FAILED', 'The model gave no answer.', { retryable: true });
    }
    return finish === 'COMPLETED' && text.abstained ? 'ABSTAINED' : finish;
  }

  async #rounds(request: AnswerRequest, draft: Draft): Promise<AnswerFinish> {
    const { sink, finished } = request;
    let outputTokensLeft = this.#options.outputTokensMax - (await this.#resume(request, draft));
    for (let round = finished.rounds.length; outputTokensLeft > 0; round += 1) {
      const mayCall = round < TOOL_ROUNDS_MAX;
      const { outcome, said, usage } = await this.#ask(request, draft, outputTokensLeft, mayCall);
      if (outcome.finish === 'length') return 'LIMIT';
      if (outcome.toolCalls.length === 0 || !mayCall) return 'COMPLETED';
      const used = usage();
      outputTokensLeft -= used.outputTokens;
      const toolCalls = outcome.toolCalls.slice(0, TOOL_CALLS_PER_ROUND_MAX);
      const called = { said, toolCalls, usage: used, textLength: sink.text.length };
      const decided = roundResult(called);
      await this.#toolCalls.perform(request, draft, { ...called, results: [], decided, isAnnounced: false });
    }
    return 'LIMIT';
  }

  /** Takes over what earlier attempts did, finishes what they began, and returns the tokens that the answer has so far. */
  async #resume(request: AnswerRequest, draft: Draft): Promise<number> {
    const { rounds, isToolAnnounced: isAnnounced } = request.finished;
    let outputTokens = 0;
    for (const round of rounds) {
      outputTokens += round.usage.outputTokens;
      await this.#toolCalls.perform(request, draft, { ...round, isAnnounced });
    }
    const unfinished = request.shown.slice(rounds.at(-1)?.textLength ?? 0);
    if (unfinished.trim() === '') return outputTokens;
    const text = rounds.length === 0 ? unfinished : unfinished.trimStart();
    draft.turns.push({ role: 'assistant', text });
    return outputTokens + this.#deps.tokenizer.count(text);
  }

  async #ask(
    request: AnswerRequest,
    draft: Draft,
    outputTokensMax: number,
    mayCall: boolean,
  ): Promise<Asked> {
    const { sink, signal, usage } = request;
    const { model, tokenizer } = this.#deps;
    const prompt = draft.turns.map((turn) => turn.text).join('\n');
    const shownFrom = sink.text.length;
    const call = usage.begin(prompt, shownFrom, () => sink.text.length);
    let said = '';
    const onDelta = (delta: string) => {
      said += delta;
      draft.text.push(delta);
    };
    const tools = mayCall && request.retrieved ? [SEARCH_TOOL] : [];
    try {
      const outcome = await model.stream({ turns: draft.turns, tools, outputTokensMax }, onDelta, signal);
      draft.text.end();
      call.finished(outcome.usage);
      const counted = () => ({
        inputTokens: tokenizer.count(prompt),
        outputTokens: tokenizer.count(sink.text.slice(shownFrom)),
        estimated: true,
      });
      const used = () => (outcome.usage ? { ...outcome.usage, estimated: false } : counted());
      return { outcome, said, usage: used };
    } catch (error) {
      // What was held back as a possible marker stays back: the text ends where it was shown.
      if (said === '' && !signal.aborted) call.refused();
      throw error;
    }
  }
}

interface Asked {
  readonly outcome: ChatOutcome;
  readonly said: string;
  /** Reported, or counted as it will be charged. */
  readonly usage: () => TotalUsage;
}
