import type { ErrorInfo } from './errors.ts';
import type { CollectionId, EmbeddingDeploymentId, UserId, WorkspaceId } from './ids.ts';
import type { EmbeddingModelRef } from './ports/chunk-index.ts';

/**
 * BUILDING → SHADOW → (CANARY →) ACTIVE → SOAKING → RECLAIMING → RECLAIMED; an ACTIVE one that is rolled back is
 * ROLLED_BACK and may be promoted again; a build that cannot go on is FAILED and may be begun again.
 */
export const DEPLOYMENT_STATES = [
  'BUILDING',
  'SHADOW',
  'CANARY',
  'ACTIVE',
  'SOAKING',
  'ROLLED_BACK',
  'FAILED',
  'RECLAIMING',
  'RECLAIMED',
] as const;
export type DeploymentState = (typeof DEPLOYMENT_STATES)[number];

/** Every new chunk gets a vector of these, so that any of them can be switched to without missing a document. */
export const WRITTEN_STATES: readonly DeploymentState[] = [
  'BUILDING',
  'SHADOW',
  'CANARY',
  'ACTIVE',
  'SOAKING',
  'ROLLED_BACK',
];
export const SHADOWED_STATES: readonly DeploymentState[] = ['SHADOW', 'CANARY'];
export const PROMOTABLE_STATES: readonly DeploymentState[] = ['SHADOW', 'CANARY', 'ROLLED_BACK'];
/** With force also before the build is whole. */
export const FORCIBLE_STATES: readonly DeploymentState[] = ['BUILDING', ...PROMOTABLE_STATES];
export const RETIRABLE_STATES: readonly DeploymentState[] = [
  'BUILDING',
  'SHADOW',
  'CANARY',
  'SOAKING',
  'ROLLED_BACK',
  'FAILED',
];
/** After their soak they are reclaimed by themselves. */
export const SOAKED_STATES: readonly DeploymentState[] = ['SOAKING', 'ROLLED_BACK'];

/** What is kept of a collection's vectors at once; each costs an embedding of every new chunk. */
export const LIVE_DEPLOYMENTS_MAX = 4;

/** Sums over the live searches that were repeated on a candidate. */
export interface ShadowTotals {
  readonly queryCount: number;
  readonly failureCount: number;
  /** Of each search, 0 to 1, against what the active deployment found. */
  readonly recallSum: number;
  readonly ndcgSum: number;
  readonly activeMs: number;
  readonly candidateMs: number;
}
/** What building cost; texts whose vector was known already cost nothing. */
export interface BuildCost {
  readonly textCount: number;
  readonly characterCount: number;
  readonly embedMs: number;
}
export interface BuildProgress {
  readonly chunkCount: number;
  readonly embeddedCount: number;
}
export interface DeploymentGate {
  /** Shadow queries that must have been measured. */
  readonly queryCountMin: number;
  /** Mean recall@10 that they must reach. */
  readonly recallMin: number;
}

/** One embedding model of one collection, from its build to its end. */
export interface EmbeddingDeployment {
  readonly id: EmbeddingDeploymentId;
  readonly workspaceId: WorkspaceId;
  readonly collectionId: CollectionId;
  /** Dense from 1 within the collection. */
  readonly version: number;
  /** Which embedder: the key of the embedder catalog. */
  readonly embedder: string;
  readonly model: EmbeddingModelRef;
  readonly state: DeploymentState;
  /** Share of the questions that it answers as CANARY, else 0. */
  readonly canaryPercent: number;
  /** Every published chunk had its vector when this was last looked at, and none has been missed since. */
  readonly whole: boolean;
  readonly progress: BuildProgress;
  readonly cost: BuildCost;
  readonly shadow: ShadowTotals;
  readonly gate: DeploymentGate;
  /** Why the last attempt of its work failed. */
  readonly error: ErrorInfo | null;
  readonly createdBy: UserId;
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly promotedAt: number | null;
  /** When it last stopped being ACTIVE. */
  readonly demotedAt: number | null;
  /** The end of its soak. */
  readonly retireAt: number | null;
}

export const NO_SHADOW: ShadowTotals = {
  ...{ queryCount: 0, failureCount: 0, recallSum: 0, ndcgSum: 0, activeMs: 0, candidateMs: 0 },
};
export const NO_COST: BuildCost = { textCount: 0, characterCount: 0, embedMs: 0 };

export function addTotals<Totals extends { readonly [Name in keyof Totals]: number }>(
  left: Totals,
  right: Totals,
): Totals {
  const names = Object.keys(left) as (keyof Totals)[];
  return Object.fromEntries(names.map((name) => [name, left[name] + right[name]])) as Totals;
}

/** Means of the measured searches; undefined before there is one. */
export function shadowMeans({ queryCount, ...sums }: ShadowTotals) {
  if (queryCount === 0) return undefined;
  return {
    recallAt10: sums.recallSum / queryCount,
    ndcgAt10: sums.ndcgSum / queryCount,
    activeMs: sums.activeMs / queryCount,
    candidateMs: sums.candidateMs / queryCount,
  };
}

/** Why a candidate may not be promoted yet, in sentences; empty: it may. */
export function gateProblems({ whole, gate, shadow }: EmbeddingDeployment): string[] {
  const problems: string[] = [];
  if (!whole) problems.push('Its vectors are not whole yet.');
  const { queryCount, failureCount } = shadow;
  if (queryCount < gate.queryCountMin) {
    const failures = failureCount > 0 ? ` (${failureCount} failed)` : '';
    problems.push(`${queryCount} of ${gate.queryCountMin} shadow queries are measured${failures}.`);
  }
  const recall = shadowMeans(shadow)?.recallAt10 ?? 0;
  if (recall < gate.recallMin) {
    problems.push(`Its recall@10 is ${recall.toFixed(3)}; needed is ${gate.recallMin}.`);
  }
  return problems;
}
