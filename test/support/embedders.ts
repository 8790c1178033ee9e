import type { EmbedderCatalog } from '../../src/domain/ports/embedding-deployments.ts';
import type { Embedder } from '../../src/domain/ports/models.ts';

/** A catalog of given embedders, the first one standard; further ones can be added. */
export class TestEmbedders implements EmbedderCatalog {
  readonly standard: EmbedderCatalog['standard'];
  readonly #embedders = new Map<string, Embedder>();

  constructor(standard: Embedder, name = 'standard') {
    this.standard = { name, embedder: standard };
    this.add(name, standard);
  }

  get offered(): readonly string[] {
    return [...this.#embedders.keys()];
  }

  add(name: string, embedder: Embedder): this {
    this.#embedders.set(name, embedder);
    return this;
  }

  async get(name: string): Promise<Embedder> {
    const embedder = this.#embedders.get(name);
    if (embedder === undefined) throw new Error(`no embedder ${name}`);
    return embedder;
  }

  isCacheable(): boolean {
    return false;
  }
}
