import type {
  BuildCost,
  BuildProgress,
  DeploymentGate,
  EmbeddingDeployment,
  ShadowTotals,
} from '../embedding-deployment.ts';
import type { ErrorInfo } from '../errors.ts';
import type { CollectionId, EmbeddingDeploymentId, UserId } from '../ids.ts';
import type { SystemScope, WorkspaceScope } from '../scope.ts';
import type { EmbeddingModelRef } from './chunk-index.ts';
import type { Embedder } from './models.ts';

/** Embedders by specification, each opened once for the whole process. */
export interface EmbedderCatalog {
  /** What a collection without a deployment is written and read with. */
  readonly standard: { readonly name: string; readonly embedder: Embedder };
  /** What a workspace may deploy; bounded by the configuration. */
  readonly offered: readonly string[];
  /** Also of a deployment whose embedder is no longer offered. Throws BAD_USER_INPUT for no specification at all. */
  get(name: string): Promise<Embedder>;
  /** Its vectors of questions depend on nothing else and are worth keeping. */
  isCacheable(name: string): boolean;
}

export interface NamedModel {
  readonly embedder: string;
  readonly model: EmbeddingModelRef;
}
export interface NewDeployment extends NamedModel {
  readonly id: EmbeddingDeploymentId;
  readonly collectionId: CollectionId;
  readonly gate: DeploymentGate;
  /** What the collection reads from as long as it has no deployment: becomes its first one, ACTIVE. */
  readonly incumbent: NamedModel & { readonly id: EmbeddingDeploymentId };
  readonly createdBy: UserId;
  readonly now: number;
}
export type CreateDeploymentOutcome =
  | { readonly kind: 'created'; readonly deployment: EmbeddingDeployment }
  /** A FAILED one of this model goes on. */
  | { readonly kind: 'resumed'; readonly deployment: EmbeddingDeployment }
  | { readonly kind: 'exists'; readonly deployment: EmbeddingDeployment }
  | { readonly kind: 'too-many' };
/** `refused`: the state does not allow it (any more); `deployment` is as it is. undefined: there is none. */
export type TransitionOutcome =
  | { readonly kind: 'changed' | 'refused'; readonly deployment: EmbeddingDeployment }
  | undefined;

/** A deployment whose work one worker has taken. */
export interface ClaimedDeployment extends EmbeddingDeployment {
  /** Fences older claimants out. */
  readonly claim: number;
  /** How often something was missed so far. */
  readonly gapCount: number;
  /** Failures since the last success. */
  readonly failureCount: number;
}
export type DeploymentReport =
  /** The claim holds until `dueAt`; from then on another worker may have it. */
  | {
      readonly kind: 'progress';
      readonly progress: BuildProgress;
      /** Added. */
      readonly cost: BuildCost;
      readonly dueAt: number;
    }
  /** BUILDING becomes SHADOW. Not taken when something was missed since the claim. */
  | { readonly kind: 'whole' }
  | { readonly kind: 'reclaimed' }
  /** `final` ends a build as FAILED; other work is tried again for ever. */
  | { readonly kind: 'failed'; readonly error: ErrorInfo; readonly final: boolean; readonly dueAt: number };

/**
 * Every change is one conditional step: of two administrators or workers at once, one changes something and the other
 * learns what is. A collection has at most one ACTIVE and at most one CANARY deployment.
 */
export interface EmbeddingDeploymentRepository {
  /** Throws NOT_FOUND for a collection that is not there. */
  create(scope: WorkspaceScope, deployment: NewDeployment): Promise<CreateDeploymentOutcome>;
  find(scope: WorkspaceScope, id: EmbeddingDeploymentId): Promise<EmbeddingDeployment | undefined>;
  /** Newest first, at most `limit`. */
  list(
    scope: WorkspaceScope,
    collectionId: CollectionId,
    limit: number,
  ): Promise<readonly EmbeddingDeployment[]>;
  /** All of the workspace that are not RECLAIMED, by collection and version. */
  listLive(scope: WorkspaceScope): Promise<readonly EmbeddingDeployment[]>;
  /** SHADOW or CANARY and whole, and no other CANARY in the collection; 0 makes it SHADOW again. */
  setCanary(
    scope: WorkspaceScope,
    id: EmbeddingDeploymentId,
    change: { readonly percent: number; readonly now: number },
  ): Promise<TransitionOutcome>;
  /** It becomes ACTIVE, what was ACTIVE SOAKING until `retireAt`, in one step. */
  promote(
    scope: WorkspaceScope,
    id: EmbeddingDeploymentId,
    change: { readonly force: boolean; readonly now: number; readonly retireAt: number },
  ): Promise<TransitionOutcome>;
  /** The ACTIVE one becomes ROLLED_BACK, what was ACTIVE before it is again; refused when nothing soaks. */
  rollBack(
    scope: WorkspaceScope,
    id: EmbeddingDeploymentId,
    change: { readonly now: number; readonly retireAt: number },
  ): Promise<TransitionOutcome>;
  /** RECLAIMING; its vectors go from `dueAt` on. */
  retire(
    scope: WorkspaceScope,
    id: EmbeddingDeploymentId,
    change: { readonly now: number; readonly dueAt: number },
  ): Promise<TransitionOutcome>;
  /** Added to a SHADOW or CANARY one; else forgotten. */
  addShadow(scope: WorkspaceScope, id: EmbeddingDeploymentId, totals: ShadowTotals): Promise<void>;
  /** A chunk did not get its vector: the deployment is not whole until a worker has looked again. */
  noteGap(scope: WorkspaceScope, id: EmbeddingDeploymentId, now: number): Promise<void>;
  /** Those whose soak is over are RECLAIMING; returns how many. */
  expire(scope: SystemScope, change: { readonly now: number; readonly dueAt: number }): Promise<number>;
  /** The one that waits for longest, of those that are not whole or RECLAIMING. */
  claim(
    scope: SystemScope,
    lease: { readonly now: number; readonly until: number },
  ): Promise<ClaimedDeployment | undefined>;
  /** False: the claim was lost, or the state has changed so that the work is void. */
  report(
    scope: SystemScope,
    claimed: ClaimedDeployment,
    report: DeploymentReport & { readonly now: number },
  ): Promise<boolean>;
  /** Makes all claims void; only for a process that knows that no other worker is alive. */
  recoverClaims(scope: SystemScope, now: number): Promise<void>;
}
