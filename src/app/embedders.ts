import type { LocalEmbedder } from '../adapters/local/local-embedder.ts';
import type { NamedModel } from '../adapters/local/model-names.ts';
import { DomainError } from '../domain/errors.ts';
import type { Embedder } from '../domain/ports/models.ts';
import type { Clock } from '../domain/ports/system.ts';
import { type Config, ConfigError } from './config.ts';
import { NO_KEY, OPENAI_BASE_URL } from './openai-defaults.ts';

const FORMS = 'built-in, local:NAME_OR_FOLDER or openai:MODEL';

/** `built-in`, `local:minilm`, `local:/a/folder`, `openai:text-embedding-3-small` or `openai:MODEL@DIMENSIONS`. */
export type EmbedderSpec =
  | { readonly kind: 'built-in' }
  | { readonly kind: 'local'; readonly name: string }
  | { readonly kind: 'openai'; readonly model: string; readonly dimensions: number | undefined };

/** Throws BAD_USER_INPUT. */
export function parseEmbedderSpec(spec: string): EmbedderSpec {
  if (spec === 'built-in') return { kind: 'built-in' };
  const [, kind, name = ''] = /^(local|openai):(.+)$/s.exec(spec) ?? [];
  if (kind === 'local') return { kind, name };
  const [, model, dimensions] = /^(.+?)(?:@([1-9]\d{0,4}))?$/s.exec(name) ?? [];
  if (kind !== 'openai' || model === undefined) {
    throw new DomainError('BAD_USER_INPUT', `${JSON.stringify(spec)} names no embedder: write ${FORMS}.`);
  }
  return { kind, model, dimensions: dimensions === undefined ? undefined : Number(dimensions) };
}

interface EmbeddersDeps {
  readonly config: Config;
  readonly clock: Clock;
  readonly builtIn: Embedder;
}

/** Opens embedders by their specification; the same one is opened once and shared, for a model fills much memory. */
export class Embedders {
  readonly #deps: EmbeddersDeps;
  readonly #opened = new Map<string, Promise<Embedder>>();
  readonly #local: LocalEmbedder[] = [];

  constructor(deps: EmbeddersDeps) {
    this.#deps = deps;
  }

  /** Throws BAD_USER_INPUT, as one sentence, if the specification or its model cannot be used. */
  open(spec: string): Promise<Embedder> {
    const known = this.#opened.get(spec);
    if (known !== undefined) return known;
    const opening = this.#open(parseEmbedderSpec(spec));
    this.#opened.set(spec, opening);
    // A model that was missing may be fetched meanwhile.
    opening.catch(() => this.#opened.delete(spec));
    return opening;
  }

  /** The one of the settings. Throws ConfigError. */
  openConfigured(): Promise<Embedder> {
    return asConfigError(() => this.open(this.#deps.config.embedder));
  }

  /** Ends the processes of local models. */
  close(): void {
    for (const embedder of this.#local) embedder.close();
  }

  async #open(spec: EmbedderSpec): Promise<Embedder> {
    if (spec.kind === 'built-in') return this.#deps.builtIn;
    return spec.kind === 'local' ? this.#openLocal(spec.name) : this.#openOpenAi(spec);
  }

  /** Libraries are loaded only when asked for: the ones behind OpenAI's client cost a third of a cold start. */
  async #openOpenAi({ model, dimensions }: EmbedderSpec & { kind: 'openai' }): Promise<Embedder> {
    const { config, clock } = this.#deps;
    const { OpenAiEmbedder } = await import('../adapters/openai/openai-embedder.ts');
    return new OpenAiEmbedder(clock, {
      baseUrl: config.EMBEDDING_BASE_URL ?? config.OPENAI_BASE_URL ?? OPENAI_BASE_URL,
      apiKey: config.EMBEDDING_API_KEY ?? config.OPENAI_API_KEY ?? NO_KEY,
      model,
      dimensions: dimensions ?? config.EMBEDDING_DIMENSIONS,
    });
  }

  async #openLocal(name: string): Promise<Embedder> {
    const { modelsFolder, EMBEDDING_THREAD_COUNT: threadCount } = this.#deps.config;
    const { LocalEmbedder } = await import('../adapters/local/local-embedder.ts');
    const named = await findLocalModel(name, modelsFolder);
    const embedder = await orBadInput(name, () => LocalEmbedder.open({ ...named, threadCount }));
    this.#local.push(embedder);
    return embedder;
  }
}

/** Looks at the setting and the model's files, and loads nothing: a start fails before it opens any store. */
export function checkConfiguredEmbedder({ embedder, modelsFolder }: Config): Promise<void> {
  return asConfigError(async () => {
    const spec = parseEmbedderSpec(embedder);
    if (spec.kind === 'local') await findLocalModel(spec.name, modelsFolder);
  });
}

async function findLocalModel(name: string, modelsFolder: string): Promise<NamedModel> {
  const { findModel } = await import('../adapters/local/model-names.ts');
  return orBadInput(name, () => findModel(name, modelsFolder));
}

async function orBadInput<T>(name: string, work: () => Promise<T>): Promise<T> {
  const { ModelFolderError } = await import('../adapters/local/model-description.ts');
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof ModelFolderError)) throw error;
    throw new DomainError('BAD_USER_INPUT', `local:${name}: ${error.message}.`);
  }
}

async function asConfigError<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof DomainError && error.code === 'BAD_USER_INPUT')) throw error;
    throw new ConfigError([`EMBEDDER: ${error.message}`]);
  }
}
