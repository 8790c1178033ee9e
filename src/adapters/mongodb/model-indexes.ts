import type { EmbeddingModelRef } from '../../domain/ports/chunk-index.ts';
import type { IndexAdministration } from './index-administration.ts';
import { tokenIndexOf, vectorIndexOf } from './index-definitions.ts';
import { modelKeyOf } from './vector-codec.ts';

/** A new embedding deployment brings its indexes along; they are definitions like all the others. */
export class ModelIndexes {
  readonly #administration: IndexAdministration;
  /** By model key; there are as many as there are embedding deployments. */
  readonly #made = new Map<string, Promise<void>>();

  constructor(administration: IndexAdministration) {
    this.#administration = administration;
  }

  /** Asks for what is missing; the server builds it in its own time. */
  ensure(model: EmbeddingModelRef): Promise<void> {
    const modelKey = modelKeyOf(model);
    const known = this.#made.get(modelKey);
    if (known !== undefined) return known;
    const made = this.#make(model);
    this.#made.set(modelKey, made);
    made.catch(() => this.#made.delete(modelKey));
    return made;
  }

  async waitUntilQueryable(model: EmbeddingModelRef, signal: AbortSignal): Promise<void> {
    await this.ensure(model);
    await this.#administration.waitUntilQueryable([vectorIndexOf(model)], signal);
  }

  async #make(model: EmbeddingModelRef): Promise<void> {
    await this.#administration.createPlain([tokenIndexOf(model)]);
    await this.#administration.bringSearch([vectorIndexOf(model)]);
  }
}
