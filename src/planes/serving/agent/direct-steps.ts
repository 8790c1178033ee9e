import { Runnable, type RunnableConfig } from '@langchain/core/runnables';

type Call = (input: unknown, config?: Partial<RunnableConfig>) => unknown;
interface Step {
  invoke(input: unknown, config?: Partial<RunnableConfig>): unknown;
}
/** What a compiled graph's node shows of itself (langgraph 1.7, pregel/read). */
interface CompiledNode {
  readonly bound: Step;
  readonly writers: readonly WrappedWriter[];
  getNode(): Runnable | undefined;
}
/** A writer of the framework (langgraph 1.7, utils and pregel/write): a function in a wrapper. */
interface WrappedWriter extends Step {
  readonly name?: string;
  readonly func?: Call;
  readonly trace?: boolean;
  readonly writes?: readonly { readonly mapper?: Step }[];
}

interface CompiledGraph {
  readonly nodes: Readonly<Record<string, CompiledNode>>;
  /** `branches` holds the conditional edges that were added. */
  readonly builder: { readonly branches: Readonly<Record<string, unknown>> };
}

/** Without conditional edges, what looks for a Command among the results of every node; steps here return plain state. */
const BRANCH = '<branch_run>';

/**
 * Lets a compiled graph call its own steps directly. For each of the four small functions behind a node the framework
 * otherwise copies the configuration several times, enters an async storage and makes a run tree, all for tracers that
 * this system does not have: more than half of the graph's CPU. What the steps do stays the same; a writer that
 * does not look as expected is called the usual way.
 */
export function callStepsDirectly({ nodes, builder }: CompiledGraph): void {
  const hasFixedEdges = Object.keys(builder.branches).length === 0;
  for (const node of Object.values(nodes)) {
    const writers = node.writers.filter(({ name }) => !hasFixedEdges || name !== BRANCH);
    const calls = [node.bound, ...writers].map(toCall);
    const steps = new DirectSteps(calls);
    node.getNode = () => steps;
  }
}

/** The node's own step, then its writers with what it returned. */
class DirectSteps extends Runnable {
  lc_namespace = ['multidb', 'agent'];
  readonly #calls: readonly Call[];

  constructor(calls: readonly Call[]) {
    super();
    this.#calls = calls;
  }

  async invoke(input: unknown, config?: Partial<RunnableConfig>): Promise<unknown> {
    let value = input;
    for (const call of this.#calls) value = await call(value, config);
    return value;
  }
}

function toCall(step: WrappedWriter): Call {
  for (const { mapper } of step.writes ?? []) if (mapper) mapper.invoke = toCall(mapper);
  const { func } = step;
  if (func !== undefined && step.trace === false) return func;
  return (input, config) => step.invoke(input, config);
}
