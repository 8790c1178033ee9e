import { StaticEmbedder } from '../adapters/builtin/static-embedder.ts';
import { loadStaticModel } from '../adapters/builtin/static-model.ts';
import { ThreadedEmbedder } from '../adapters/builtin/threaded-embedder.ts';
import type { ChatModel, Tokenizer } from '../domain/ports/models.ts';
import type { Reranker } from '../domain/ports/reranker.ts';
import type { Clock, Log, Random } from '../domain/ports/system.ts';
import type { TaskRunner } from '../domain/ports/tasks.ts';
import type { Config } from './config.ts';
import { Embedders } from './embedders.ts';
import { NO_KEY, OPENAI_BASE_URL } from './openai-defaults.ts';

/** Every embedder that a specification can name, and the tokenizer that counts where a model reports nothing. */
export async function loadEmbedders(
  config: Config,
  { tasks, clock }: { readonly tasks: TaskRunner; readonly clock: Clock },
): Promise<{ readonly embedders: Embedders; readonly tokenizer: Tokenizer }> {
  const builtIn = new StaticEmbedder(await loadStaticModel());
  const embedders = new Embedders({ config, clock, builtIn: new ThreadedEmbedder(builtIn, tasks) });
  return { embedders, tokenizer: builtIn.tokenizer };
}

/** undefined: no model is configured, answers are extracted from the passages. */
export async function loadChatModel(
  config: Config,
  deps: { readonly clock: Clock; readonly random: Random; readonly log: Log },
): Promise<ChatModel | undefined> {
  if (config.MODEL === undefined) return undefined;
  const { OpenAiChatModel } = await import('../adapters/openai/openai-chat-model.ts');
  return new OpenAiChatModel(deps, {
    baseUrl: config.OPENAI_BASE_URL ?? OPENAI_BASE_URL,
    apiKey: config.OPENAI_API_KEY ?? NO_KEY,
    model: config.MODEL,
    firstTokenTimeoutMs: config.MODEL_FIRST_TOKEN_TIMEOUT_MS,
    idleTimeoutMs: config.MODEL_IDLE_TIMEOUT_MS,
    retriesMax: config.MODEL_RETRIES_MAX,
    retryAfterMaxMs: config.MODEL_RETRY_AFTER_MAX_MS,
    temperature: config.MODEL_TEMPERATURE,
  });
}

/** undefined: no endpoint is configured. */
export async function loadReranker(config: Config): Promise<Reranker | undefined> {
  if (config.RERANK_URL === undefined) return undefined;
  const { HttpReranker } = await import('../adapters/http/http-reranker.ts');
  return new HttpReranker({
    url: config.RERANK_URL,
    model: config.RERANK_MODEL,
    apiKey: config.RERANK_API_KEY,
    timeoutMs: config.RERANK_TIMEOUT_MS,
  });
}
