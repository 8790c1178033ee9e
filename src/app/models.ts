import { StaticEmbedder } from '../adapters/builtin/static-embedder.ts';
import { loadStaticModel } from '../adapters/builtin/static-model.ts';
import { ThreadedEmbedder } from '../adapters/builtin/threaded-embedder.ts';
import type { ChatModel, Embedder, Tokenizer } from '../domain/ports/models.ts';
import type { Clock, Log, Random } from '../domain/ports/system.ts';
import type { TaskRunner } from '../domain/ports/tasks.ts';
import type { Config } from './config.ts';

const OPENAI_BASE_URL = 'https://api.openai.com/v1';
/** Servers without keys want the header all the same. */
const NO_KEY = 'none';

/** The embedder that the settings name, and the tokenizer that counts where a model reports nothing. */
export async function loadEmbedder(
  config: Config,
  { tasks, clock }: { readonly tasks: TaskRunner; readonly clock: Clock },
): Promise<{ readonly embedder: Embedder; readonly tokenizer: Tokenizer }> {
  const model = await loadStaticModel();
  const builtIn = new StaticEmbedder(model);
  const { tokenizer } = builtIn;
  if (config.EMBEDDING_MODEL === undefined)
    return { embedder: new ThreadedEmbedder(builtIn, tasks), tokenizer };
  // Loaded only when asked for: the libraries behind it cost a third of a cold start.
  const { OpenAiEmbedder } = await import('../adapters/openai/openai-embedder.ts');
  const embedder = new OpenAiEmbedder(clock, {
    baseUrl: config.EMBEDDING_BASE_URL ?? config.OPENAI_BASE_URL ?? OPENAI_BASE_URL,
    apiKey: config.EMBEDDING_API_KEY ?? config.OPENAI_API_KEY ?? NO_KEY,
    model: config.EMBEDDING_MODEL,
    dimensions: config.EMBEDDING_DIMENSIONS,
  });
  return { embedder, tokenizer };
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
