import { DomainError } from '../domain/errors.ts';
import type { EmbedderCatalog } from '../domain/ports/embedding-deployments.ts';
import type { Embedder } from '../domain/ports/models.ts';
import { type Config, ConfigError } from './config.ts';
import { parseEmbedderSpec } from './embedders.ts';

type CatalogSettings = Pick<Config, 'embedder' | 'EMBEDDERS_OFFERED' | 'EMBEDDING_DIMENSIONS'>;
interface OpenEmbedders {
  open(name: string): Promise<Embedder>;
  /** The one of the settings. */
  openConfigured(): Promise<Embedder>;
}

const BUILT_IN = 'built-in';

/** Throws ConfigError for an offered specification that cannot be read. */
export async function createEmbedderCatalog(
  settings: CatalogSettings,
  embedders: OpenEmbedders,
): Promise<EmbedderCatalog> {
  const standard = pinned(settings.embedder, settings);
  const offered = settings.EMBEDDERS_OFFERED.map((name) => offeredName(name, settings));
  return {
    standard: { name: standard, embedder: await embedders.openConfigured() },
    offered: [...new Set([standard, BUILT_IN, ...offered])],
    get: (name) => embedders.open(name),
    // The built-in one weighs a question by what the workspace holds at that moment, and takes no time.
    isCacheable: (name) => name !== BUILT_IN,
  };
}

function offeredName(name: string, settings: CatalogSettings): string {
  try {
    return pinned(name, settings);
  } catch (error) {
    if (!(error instanceof DomainError)) throw error;
    throw new ConfigError([`EMBEDDERS_OFFERED: ${error.message}`]);
  }
}

/** A deployment outlives the settings: the size that one of them gives becomes part of its embedder's name. */
function pinned(name: string, { EMBEDDING_DIMENSIONS }: CatalogSettings): string {
  const spec = parseEmbedderSpec(name);
  return spec.kind === 'openai' ? `openai:${spec.model}@${spec.dimensions ?? EMBEDDING_DIMENSIONS}` : name;
}
