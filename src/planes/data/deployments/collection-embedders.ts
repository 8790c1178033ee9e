import { type EmbeddingDeployment, WRITTEN_STATES } from '../../../domain/embedding-deployment.ts';
import type { CollectionId } from '../../../domain/ids.ts';
import type {
  EmbedderCatalog,
  EmbeddingDeploymentRepository,
} from '../../../domain/ports/embedding-deployments.ts';
import type { Embedder } from '../../../domain/ports/models.ts';
import type { WorkspaceScope } from '../../../domain/scope.ts';

export interface CollectionEmbeddersDeps {
  readonly deployments: EmbeddingDeploymentRepository;
  readonly embedders: EmbedderCatalog;
}
export interface WrittenModels {
  /** What readers search by: a document is not ready without it. */
  readonly primary: Embedder;
  /** Those that are built, or that may be rolled back to. */
  readonly others: readonly EmbeddingDeployment[];
}

/** Which models a collection's chunks are embedded with at this moment; never remembered, for a build may begin. */
export class CollectionEmbedders {
  readonly #deps: CollectionEmbeddersDeps;

  constructor(deps: CollectionEmbeddersDeps) {
    this.#deps = deps;
  }

  async of(scope: WorkspaceScope, collectionId: CollectionId): Promise<WrittenModels> {
    const { deployments, embedders } = this.#deps;
    const live = await deployments.listLive(scope);
    const own = live.filter((one) => one.collectionId === collectionId && WRITTEN_STATES.includes(one.state));
    const active = own.find(({ state }) => state === 'ACTIVE');
    const primary = active === undefined ? embedders.standard.embedder : await embedders.get(active.embedder);
    return { primary, others: own.filter((one) => one !== active) };
  }
}
