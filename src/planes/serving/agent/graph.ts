import { Runnable, type RunnableConfig } from '@langchain/core/runnables';
import { Annotation, END, START, StateGraph } from '@langchain/langgraph/web';
import type { Message } from '../../../domain/conversation.ts';
import type { Passage } from '../../../domain/document.ts';
import type { AgentRun } from './agent-run.ts';
import type { AnswerFinish } from './answerer.ts';
import type { CitationCounts } from './citation-checker.ts';
import { callStepsDirectly } from './direct-steps.ts';
import type { Plan } from './plan.ts';
import { SILENT_CALLBACKS } from './silent-callbacks.ts';

/** Plain data only: what is in the state may be serialised, and revived from what users wrote. */
const AgentState = Annotation.Root({
  question: Annotation<string>,
  history: Annotation<readonly Message[]>,
  searchPlan: Annotation<Plan>,
  passages: Annotation<readonly Passage[]>,
  finish: Annotation<AnswerFinish>,
  citations: Annotation<CitationCounts>,
});
export type AgentState = typeof AgentState.State;
type Step = (state: AgentState, run: AgentRun) => Promise<Partial<AgentState>>;

export interface AgentSteps {
  /** The turns before this one, within the token budget. */
  readonly memory: Step;
  /** Whether to search, and for what. */
  readonly plan: Step;
  readonly retrieve: Step;
  readonly answer: Step;
  /** Waits until every citation is compared with the stored text; none is shown before. */
  readonly verify: Step;
}

/** memory → plan → retrieve → answer → verify, compiled once and used by all runs. */
export class AgentGraph {
  readonly #graph: ReturnType<typeof compile>;

  constructor(steps: AgentSteps) {
    this.#graph = compile(steps);
  }

  /**
   * Walks the graph. Tokens do not pass through its stream, which would cost more than the model's own; they go to the
   * sink in `run`. Throws the signal's reason when aborted.
   */
  async walk(run: AgentRun): Promise<Pick<AgentState, 'finish' | 'citations'>> {
    let state: Partial<AgentState> = {};
    try {
      const stream = await this.#graph.stream(
        { question: run.question },
        { context: { run }, signal: run.signal, streamMode: 'values', callbacks: SILENT_CALLBACKS },
      );
      for await (const values of stream) state = values;
    } catch (error) {
      // The graph throws its own AbortError; who stopped the run, and why, is in the signal.
      throw run.signal.aborted ? run.signal.reason : error;
    }
    run.signal.throwIfAborted();
    if (state.finish === undefined || state.citations === undefined) throw new Error('the graph ended early');
    return { finish: state.finish, citations: state.citations };
  }
}

function compile(steps: AgentSteps) {
  const graph = new StateGraph(AgentState)
    .addNode('memory', new StepNode('memory', steps.memory))
    .addNode('plan', new StepNode('plan', steps.plan))
    .addNode('retrieve', new StepNode('retrieve', steps.retrieve))
    .addNode('answer', new StepNode('answer', steps.answer))
    .addNode('verify', new StepNode('verify', steps.verify))
    .addEdge(START, 'memory')
    .addEdge('memory', 'plan')
    .addEdge('plan', 'retrieve')
    .addEdge('retrieve', 'answer')
    .addEdge('answer', 'verify')
    .addEdge('verify', END)
    .compile({ name: 'agent' });
  callStepsDirectly(graph);
  return graph;
}

/** A node without the wrapper that the framework puts around functions: async storage, run tree and config copies. */
class StepNode extends Runnable<AgentState, Partial<AgentState>> {
  lc_namespace = ['multidb', 'agent'];
  readonly #step: Step;

  constructor(name: string, step: Step) {
    super();
    this.name = name;
    this.#step = step;
  }

  async invoke(state: AgentState, config?: Partial<RunnableConfig>): Promise<Partial<AgentState>> {
    const { run } = (config as { readonly context: { readonly run: AgentRun } }).context;
    run.signal.throwIfAborted();
    return this.#step(state, run);
  }
}
