import { z } from 'zod';
import type { Passage } from '../../../domain/document.ts';
import { DomainError } from '../../../domain/errors.ts';
import type { ChatModel, ChatOutcome, ChatTurn, Tokenizer, ToolCall } from '../../../domain/ports/models.ts';
import type { Log } from '../../../domain/ports/system.ts';
import type { Answerer, AnswerFinish, AnswerRequest } from './answerer.ts';
import { CitedText } from './cited-text.ts';
import { PassageTokens } from './passage-tokens.ts';
import { buildTurns, FRAME_TOKENS_MAX, fitPassages, formatPassages, SEARCH_TOOL } from './prompt.ts';

/** Requests to the model that may ask for a search; the one after them has to answer. */
const TOOL_ROUNDS_MAX = 2;
const TOOL_CALLS_PER_ROUND_MAX = 3;
const TOOL_QUERY_LENGTH_MAX = 1_000;

const searchArguments = z.object({ query: z.string().trim().min(1).max(TOOL_QUERY_LENGTH_MAX) });

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

  constructor(deps: ModelAnswererDeps, options: ModelAnswererOptions) {
    this.#deps = deps;
    this.#options = options;
    this.#passageTokens = new PassageTokens(deps.tokenizer);
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
    const turns = buildTurns({ ...request, passages });
    const text = new CitedText({
      sink: request.sink,
      passage: (number) => passages[number - 1],
      cite: (candidate) => request.cite(candidate),
    });
    const finish = await this.#rounds(request, { turns, passages, text });
    if (text.droppedCount > 0) log.info({ dropped: text.droppedCount }, 'citation markers dropped');
    if (finish === 'COMPLETED' && request.sink.text.trim() === '') {
      throw new DomainError('MODEL_FAILED', 'The model gave no answer.', { retryable: true });
    }
    return finish === 'COMPLETED' && text.abstained ? 'ABSTAINED' : finish;
  }

  async #rounds(request: AnswerRequest, draft: Draft): Promise<AnswerFinish> {
    let outputTokensLeft = this.#options.outputTokensMax;
    for (let round = 0; ; round += 1) {
      const mayCall = round < TOOL_ROUNDS_MAX;
      const { outcome, said } = await this.#ask(request, draft, outputTokensLeft, mayCall);
      if (outcome.finish === 'length') return 'LIMIT';
      if (outcome.toolCalls.length === 0 || !mayCall) return 'COMPLETED';
      outputTokensLeft -= outcome.usage?.outputTokens ?? this.#deps.tokenizer.count(said);
      if (outputTokensLeft <= 0) return 'LIMIT';
      const toolCalls = outcome.toolCalls.slice(0, TOOL_CALLS_PER_ROUND_MAX);
      draft.turns.push({ role: 'assistant', text: said, toolCalls });
      for (const toolCall of toolCalls) draft.turns.push(await this.#callTool(request, draft, toolCall));
      // What was said before a search and what is said after it are two paragraphs.
      if (said.trim() !== '' && !/\s$/.test(request.sink.text)) draft.text.push('\n\n');
    }
  }

  async #ask(
    request: AnswerRequest,
    draft: Draft,
    outputTokensMax: number,
    mayCall: boolean,
  ): Promise<{ readonly outcome: ChatOutcome; readonly said: string }> {
    const { sink, signal, usage } = request;
    const prompt = draft.turns.map((turn) => turn.text).join('\n');
    const call = usage.begin(prompt, sink.text.length, () => sink.text.length);
    let said = '';
    const onDelta = (delta: string) => {
      said += delta;
      draft.text.push(delta);
    };
    const tools = mayCall && request.retrieved ? [SEARCH_TOOL] : [];
    try {
      const chat = { turns: draft.turns, tools, outputTokensMax };
      const outcome = await this.#deps.model.stream(chat, onDelta, signal);
      draft.text.end();
      call.finished(outcome.usage);
      return { outcome, said };
    } catch (error) {
      // What was held back as a possible marker stays back: the text ends where it was shown.
      if (said === '' && !signal.aborted) call.refused();
      throw error;
    }
  }

  /** Never throws for what the model got wrong: it is told, and may try again. */
  async #callTool(request: AnswerRequest, draft: Draft, toolCall: ToolCall): Promise<ChatTurn> {
    const { sink } = request;
    const tool = { toolCallId: toolCall.id, toolName: toolCall.name };
    sink.event({ type: 'ToolCallStart', ...tool });
    const query = parseQuery(toolCall);
    if (query === undefined) {
      sink.event({ type: 'ToolCallEnd', ...tool, succeeded: false });
      const text = `Unknown tool or arguments. Call ${SEARCH_TOOL.name} with {"query": "..."}.`;
      return { role: 'tool', toolCallId: toolCall.id, text };
    }
    const found = await request.search(query);
    const known = new Set(draft.passages.map((passage) => passage.chunk.id));
    const fresh = found.filter((passage) => !known.has(passage.chunk.id));
    const fitting = fitPassages(fresh, this.#options.passageTokensMax, this.#passageTokens);
    const first = draft.passages.length + 1;
    draft.passages.push(...fitting);
    sink.event({ type: 'ToolCallEnd', ...tool, succeeded: true });
    const text = fitting.length === 0 ? 'Nothing new was found.' : formatPassages(fitting, first);
    return { role: 'tool', toolCallId: toolCall.id, text };
  }
}

interface Draft {
  readonly turns: ChatTurn[];
  /** Passage n stands at n - 1; searches append. */
  readonly passages: Passage[];
  readonly text: CitedText;
}

function parseQuery(toolCall: ToolCall): string | undefined {
  if (toolCall.name !== SEARCH_TOOL.name) return undefined;
  try {
    const parsed = searchArguments.safeParse(JSON.parse(toolCall.arguments));
    return parsed.success ? parsed.data.query.toWellFormed() : undefined;
  } catch {
    return undefined;
  }
}
