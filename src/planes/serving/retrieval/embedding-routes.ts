import { createHash } from 'node:crypto';
import { type EmbeddingDeployment, SHADOWED_STATES } from '../../../domain/embedding-deployment.ts';
import type { CollectionId } from '../../../domain/ids.ts';
import type { ChunkSelection } from '../../../domain/ports/chunk-index.ts';
import type {
  EmbedderCatalog,
  EmbeddingDeploymentRepository,
} from '../../../domain/ports/embedding-deployments.ts';
import type { CollectionRepository } from '../../../domain/ports/identity.ts';
import type { Clock } from '../../../domain/ports/system.ts';
import type { WorkspaceScope } from '../../../domain/scope.ts';

export interface EmbeddingRoutesDeps {
  readonly deployments: Pick<EmbeddingDeploymentRepository, 'listLive'>;
  readonly collections: Pick<CollectionRepository, 'list'>;
  readonly embedders: EmbedderCatalog;
  readonly clock: Clock;
}
/** Collections that one question is asked of by one model. */
export interface EmbeddingRoute {
  /** Of the embedder catalog. */
  readonly embedder: string;
  /** Answers in its place should it fail; set while it is a canary. */
  readonly fallback: string | undefined;
  /** undefined: all of the workspace. */
  readonly collectionIds: readonly CollectionId[] | undefined;
}
/** A candidate that the question may be repeated on. */
export interface ShadowedCandidate {
  readonly deployment: EmbeddingDeployment;
  readonly active: string;
}
export interface RoutedQuestion {
  readonly routes: readonly EmbeddingRoute[];
  readonly candidates: readonly ShadowedCandidate[];
}

/** A promotion in another process is seen after this at the latest; in this one at once. */
export const ROUTES_TTL_MS = 1_000;
const WORKSPACES_MAX = 10_000;

interface View {
  readonly loadedAt: number;
  readonly live: Promise<readonly EmbeddingDeployment[]>;
}

/**
 * By which model each collection is searched: that of its active deployment, for the canary's share of the questions
 * that of the canary, and the standard one where there is no deployment.
 */
export class EmbeddingRoutes {
  readonly #deps: EmbeddingRoutesDeps;
  /** A Map keeps insertion order: the first is the oldest. */
  readonly #views = new Map<string, View>();

  constructor(deps: EmbeddingRoutesDeps) {
    this.#deps = deps;
  }

  async of(scope: WorkspaceScope, text: string, { collectionIds }: ChunkSelection): Promise<RoutedQuestion> {
    const live = await this.#live(scope);
    const standard = this.#deps.embedders.standard.name;
    if (live.length === 0) {
      return { routes: [{ embedder: standard, fallback: undefined, collectionIds }], candidates: [] };
    }
    const asked = collectionIds ?? (await this.#deps.collections.list(scope)).map(({ id }) => id);
    const routes = new Map<string, EmbeddingRoute & { readonly collectionIds: CollectionId[] }>();
    for (const collectionId of asked) {
      const own = live.filter((one) => one.collectionId === collectionId);
      const active = own.find(({ state }) => state === 'ACTIVE')?.embedder ?? standard;
      const canary = own.find((one) => one.state === 'CANARY' && isChosen(one, text))?.embedder;
      const route = { embedder: canary ?? active, fallback: canary && active };
      const key = JSON.stringify([route.embedder, route.fallback]);
      const known = routes.get(key)?.collectionIds ?? [];
      routes.set(key, { ...route, collectionIds: [...known, collectionId] });
    }
    const candidates = live.filter(
      (one) => SHADOWED_STATES.includes(one.state) && asked.includes(one.collectionId),
    );
    return {
      routes: [...routes.values()],
      candidates: candidates.map((deployment) => ({
        deployment,
        active: activeOf(live, deployment) ?? standard,
      })),
    };
  }

  /** After a change in this process. */
  invalidate({ workspaceId }: WorkspaceScope): void {
    this.#views.delete(workspaceId);
  }

  #live(scope: WorkspaceScope): Promise<readonly EmbeddingDeployment[]> {
    const now = this.#deps.clock.now();
    const known = this.#views.get(scope.workspaceId);
    if (known !== undefined && now - known.loadedAt < ROUTES_TTL_MS) return known.live;
    const view = { loadedAt: now, live: this.#deps.deployments.listLive(scope) };
    view.live.catch(() => {
      if (this.#views.get(scope.workspaceId) === view) this.#views.delete(scope.workspaceId);
    });
    this.#views.delete(scope.workspaceId);
    this.#views.set(scope.workspaceId, view);
    const [oldest] = this.#views.keys();
    if (this.#views.size > WORKSPACES_MAX && oldest !== undefined) this.#views.delete(oldest);
    return view.live;
  }
}

function activeOf(
  live: readonly EmbeddingDeployment[],
  { collectionId }: EmbeddingDeployment,
): string | undefined {
  return live.find((one) => one.collectionId === collectionId && one.state === 'ACTIVE')?.embedder;
}

/** The same question always goes the same way, so that a user does not see answers flicker. */
function isChosen({ id, canaryPercent }: EmbeddingDeployment, text: string): boolean {
  const digest = createHash('sha256').update(`${id} ${text}`).digest();
  return digest.readUInt32BE(0) % 100 < canaryPercent;
}
