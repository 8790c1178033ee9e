import { z } from 'zod';
import type { Passage } from '../../../domain/document.ts';
import type { ChatTurn, ToolCall } from '../../../domain/ports/models.ts';
import type { StepResult } from '../../../domain/ports/runs.ts';
import type { AnswerRequest } from './answerer.ts';
import type { CitedText } from './cited-text.ts';
import { type FinishedRound, type ToolResult, toolResult } from './finished-steps.ts';
import type { PassageTokens } from './passage-tokens.ts';
import { fitPassages, formatPassages, SEARCH_TOOL } from './prompt.ts';

const QUERY_LENGTH_MAX = 1_000;
const searchArguments = z.object({ query: z.string().trim().min(1).max(QUERY_LENGTH_MAX) });

/** An answer in the making. */
export interface Draft {
  readonly turns: ChatTurn[];
  /** Passage n stands at n - 1; searches append. */
  readonly passages: Passage[];
  readonly text: CitedText;
}
/** Where a round of tool calls begins, or goes on. */
export interface Round extends Pick<FinishedRound, 'said' | 'toolCalls' | 'textLength' | 'results'> {
  /** The request that asked for these calls, to be stored with the first of them. */
  readonly decided?: StepResult;
  /** The start of the first call that has no result yet has been shown. */
  readonly isAnnounced: boolean;
}

/** Does what a model asks for, each call once: what has a result is only told again. */
export class ToolCalls {
  readonly #passageTokens: PassageTokens;
  readonly #passageTokensMax: number;

  constructor(passageTokens: PassageTokens, passageTokensMax: number) {
    this.#passageTokens = passageTokens;
    this.#passageTokensMax = passageTokensMax;
  }

  async perform(request: AnswerRequest, draft: Draft, round: Round): Promise<void> {
    const { said, toolCalls, results } = round;
    draft.turns.push({ role: 'assistant', text: said, toolCalls });
    for (const [index, toolCall] of toolCalls.entries()) {
      const isNext = index === results.length;
      if (index >= results.length && !(isNext && round.isAnnounced)) {
        announce(request, toolCall, isNext ? round.decided : undefined);
      }
      const { text, passages } = results[index] ?? (await this.#call(request, draft, toolCall));
      draft.passages.push(...passages);
      draft.turns.push({ role: 'tool', toolCallId: toolCall.id, text });
    }
    // What was said before a search and what is said after it are two paragraphs.
    const { text } = request.sink;
    if (text.length === round.textLength && /\S$/.test(text)) draft.text.push('\n\n');
  }

  /** Never throws for what the model got wrong: it is told, and may try again. */
  async #call(request: AnswerRequest, draft: Draft, toolCall: ToolCall): Promise<ToolResult> {
    const query = parseQuery(toolCall);
    const result = query === undefined ? MISUNDERSTOOD : await this.#search(request, draft, query);
    const tool = { toolCallId: toolCall.id, toolName: toolCall.name };
    const succeeded = query !== undefined;
    request.sink.event({ type: 'ToolCallEnd', ...tool, succeeded }, toolResult(result));
    return result;
  }

  async #search(request: AnswerRequest, draft: Draft, query: string): Promise<ToolResult> {
    const found = await request.search(query);
    const known = new Set(draft.passages.map((passage) => passage.chunk.id));
    const fresh = found.filter((passage) => !known.has(passage.chunk.id));
    const passages = fitPassages(fresh, this.#passageTokensMax, this.#passageTokens);
    const first = draft.passages.length + 1;
    const text = passages.length === 0 ? 'Nothing new was found.' : formatPassages(passages, first);
    return { text, passages };
  }
}

const MISUNDERSTOOD: ToolResult = {
  text: `Unknown tool or arguments. Call ${SEARCH_TOOL.name} with {"query": "..."}.`,
  passages: [],
};

function announce({ sink }: AnswerRequest, { id, name }: ToolCall, decided: StepResult | undefined): void {
  sink.event({ type: 'ToolCallStart', toolCallId: id, toolName: name }, decided);
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
