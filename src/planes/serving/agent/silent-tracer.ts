import { BaseCallbackHandler } from '@langchain/core/callbacks/base';

/**
 * Stands where LangChain would put its own tracer. Two reasons: a LANGSMITH_TRACING variable in the environment would
 * otherwise send questions and documents to another company, and for want of a tracer the framework makes a run tree
 * with its own UUID and clock for every step of every node (a third of a graph's CPU).
 */
export class SilentTracer extends BaseCallbackHandler {
  readonly name = 'langchain_tracer';
  override ignoreLLM = true;
  override ignoreChain = true;
  override ignoreAgent = true;
  override ignoreRetriever = true;
  override ignoreCustomEvent = true;

  getRunTreeWithTracingConfig(): undefined {
    return undefined;
  }
  override copy(): SilentTracer {
    return this;
  }
}
