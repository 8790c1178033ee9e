import type { ChunkIndex } from '../../../domain/ports/chunk-index.ts';
import type { Tokenizer } from '../../../domain/ports/models.ts';
import type { ChatLog } from '../../../domain/ports/runs.ts';
import type { Clock } from '../../../domain/ports/system.ts';
import { untilAborted } from '../deadline.ts';
import type { Retriever } from '../retrieval/retriever.ts';
import { rereading } from '../run/retry.ts';
import type { AgentOutcome, AgentRequest, AgentRun } from './agent-run.ts';
import type { Answerer } from './answerer.ts';
import { CitationChecker } from './citation-checker.ts';
import { retrievalResult } from './finished-steps.ts';
import { AgentGraph, type AgentSteps } from './graph.ts';
import { planQuery } from './plan.ts';
import { fitHistory } from './prompt.ts';

/** Looked at for memory, whatever their length. */
const HISTORY_MESSAGES_MAX = 12;

export interface AgentDeps {
  readonly chatLog: Pick<ChatLog, 'lastMessages'>;
  readonly chunkIndex: Pick<ChunkIndex, 'get'>;
  readonly retriever: Pick<Retriever, 'retrieve'>;
  readonly tokenizer: Tokenizer;
  readonly answerer: Answerer;
  readonly clock: Clock;
}
export interface AgentOptions {
  readonly passageCountMax: number;
  readonly historyTokensMax: number;
}

/** Makes one answer. Holds no state of a run: one agent serves all of them. */
export class Agent {
  readonly answerer: Answerer;
  readonly #deps: AgentDeps;
  readonly #options: AgentOptions;
  readonly #graph: AgentGraph;

  constructor(deps: AgentDeps, options: AgentOptions) {
    this.answerer = deps.answerer;
    this.#deps = deps;
    this.#options = options;
    this.#graph = new AgentGraph(this.#steps());
  }

  /** Streams into the request's sink. Throws the signal's reason when aborted; other errors as they come. */
  async run(request: AgentRequest): Promise<AgentOutcome> {
    const { run, sink, shown, signal } = request;
    const scope = { workspaceId: run.workspaceId };
    const { clock, retriever } = this.#deps;
    const collectionIds = run.collectionIds.length === 0 ? undefined : run.collectionIds;
    const search = (text: string) =>
      untilAborted(
        signal,
        rereading(clock, signal, () =>
          retriever.retrieve(
            scope,
            { text, selection: { collectionIds, filter: [] }, limit: this.#options.passageCountMax },
            signal,
          ),
        ),
      );
    const chunkIndex: Pick<ChunkIndex, 'get'> = {
      get: (...args) => rereading(clock, signal, () => this.#deps.chunkIndex.get(...args)),
    };
    const citations = new CitationChecker({ chunkIndex, scope, sink, shown: shown.citations });
    return this.#graph.walk({ ...request, citations, search });
  }

  #steps(): AgentSteps {
    const { chatLog, clock, tokenizer, answerer } = this.#deps;
    return {
      memory: async (_state, { run, shown, signal }) => {
        if (shown.finished.retrieval) return { history: shown.finished.retrieval.history };
        const scope = { workspaceId: run.workspaceId };
        const { conversationId, position } = run;
        // The first message of a conversation has nothing before it.
        if (position === 0) return { history: [] };
        const messages = rereading(clock, signal, () =>
          chatLog.lastMessages(scope, conversationId, position, HISTORY_MESSAGES_MAX),
        );
        const history = await untilAborted(signal, messages);
        return { history: fitHistory(history, this.#options.historyTokensMax, tokenizer) };
      },
      plan: async ({ question, history }, { shown }) => ({
        searchPlan: shown.finished.retrieval?.searchPlan ?? planQuery(question, history),
      }),
      retrieve: async ({ history, searchPlan }, run) => {
        const { finished, retrieved } = run.shown;
        if (finished.retrieval) return { passages: finished.retrieval.passages };
        if (!searchPlan.retrieve) return { passages: [] };
        const passages = await run.search(searchPlan.query);
        const result = retrievalResult({ history, searchPlan, passages });
        // Without the result of a step that was said to be done (by an older version), it is not said twice.
        if (!retrieved) run.sink.event({ type: 'RetrievalEnd', passageCount: passages.length }, result);
        return { passages };
      },
      answer: async (state, run) => ({ finish: await answer(answerer, state, run) }),
      verify: async (_state, { citations, signal }) => ({
        citations: await untilAborted(signal, citations.drained()),
      }),
    };
  }
}

function answer(
  answerer: Answerer,
  { question, history, searchPlan, passages }: Parameters<AgentSteps['answer']>[0],
  run: AgentRun,
): ReturnType<Answerer['answer']> {
  return answerer.answer({
    question,
    query: searchPlan.query,
    history,
    passages,
    retrieved: searchPlan.retrieve,
    shown: run.shown.text,
    finished: run.shown.finished,
    sink: run.sink,
    usage: run.usage,
    cite: (candidate) => run.citations.add(candidate),
    search: run.search,
    signal: run.signal,
    scope: { workspaceId: run.run.workspaceId },
  });
}
