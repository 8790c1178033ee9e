import type { EmbedderCatalog } from '../domain/ports/embedding-deployments.ts';
import type { Embedder } from '../domain/ports/models.ts';

export interface EmbedderCatalogOptions {
  readonly standard: EmbedderCatalog['standard'];
  /** Specifications that workspaces may deploy beside the standard and the built-in one. */
  readonly offered: readonly string[];
  /** Opens one, the same for the same specification. */
  readonly open: (name: string) => Promise<Embedder>;
}

const BUILT_IN = 'built-in';

export function createEmbedderCatalog({ standard, offered, open }: EmbedderCatalogOptions): EmbedderCatalog {
  return {
    standard,
    offered: [...new Set([standard.name, BUILT_IN, ...offered])],
    get: open,
    // The built-in one weighs a question by what the workspace holds at that moment, and takes no time.
    isCacheable: (name) => name !== BUILT_IN,
  };
}
