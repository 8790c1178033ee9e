import { z } from 'zod';
import {
  DEPLOYMENT_STATES,
  type EmbeddingDeployment,
  LIVE_DEPLOYMENTS_MAX,
  type ShadowTotals,
} from '../../domain/embedding-deployment.ts';
import { notFound } from '../../domain/errors.ts';
import { type CollectionId, type EmbeddingDeploymentId, trustedId } from '../../domain/ids.ts';
import type {
  ClaimedDeployment,
  CreateDeploymentOutcome,
  DeploymentReport,
  EmbeddingDeploymentRepository,
  NewDeployment,
  TransitionOutcome,
} from '../../domain/ports/embedding-deployments.ts';
import type { SystemScope, WorkspaceScope } from '../../domain/scope.ts';
import type { Database, Query, Statement } from './database.ts';
import * as statements from './embedding-deployment-statements.ts';
import { errorInfo, millis, toJson } from './rows.ts';

const storedRow = z.object({
  ...{ id: z.string(), workspaceId: z.string(), collectionId: z.string(), createdBy: z.string() },
  ...{ version: z.int(), embedder: z.string(), modelId: z.string(), dimensions: z.int() },
  ...{ state: z.enum(DEPLOYMENT_STATES), canaryPercent: z.int(), whole: z.boolean() },
  ...{ chunkCount: z.int(), embeddedCount: z.int() },
  ...{ textCount: z.int(), characterCount: z.int(), embedMs: z.number() },
  ...{ queryCount: z.int(), failedQueryCount: z.int(), recallSum: z.number(), ndcgSum: z.number() },
  ...{ activeMs: z.number(), candidateMs: z.number(), queryCountMin: z.int(), recallMin: z.number() },
  ...{ error: errorInfo, gapCount: z.int(), claim: z.int(), failureCount: z.int() },
  ...{ createdAt: millis, updatedAt: millis },
  ...{ promotedAt: millis.nullable(), demotedAt: millis.nullable(), retireAt: millis.nullable() },
});

export class PostgresEmbeddingDeploymentRepository implements EmbeddingDeploymentRepository {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  create(scope: WorkspaceScope, wanted: NewDeployment): Promise<CreateDeploymentOutcome> {
    return this.#database.transaction((query) => createIn(query, scope, wanted));
  }

  async find(
    { workspaceId }: WorkspaceScope,
    id: EmbeddingDeploymentId,
  ): Promise<EmbeddingDeployment | undefined> {
    const [row] = await this.#database.query(statements.FIND, [workspaceId, id]);
    return row === undefined ? undefined : toDeployment(row);
  }

  async list(
    { workspaceId }: WorkspaceScope,
    collectionId: CollectionId,
    limit: number,
  ): Promise<readonly EmbeddingDeployment[]> {
    const rows = await this.#database.query(statements.LIST, [workspaceId, collectionId, limit]);
    return rows.map(toDeployment);
  }

  async listLive({ workspaceId }: WorkspaceScope): Promise<readonly EmbeddingDeployment[]> {
    return (await this.#database.query(statements.LIST_LIVE, [workspaceId])).map(toDeployment);
  }

  setCanary(
    scope: WorkspaceScope,
    id: EmbeddingDeploymentId,
    { percent, now }: Parameters<EmbeddingDeploymentRepository['setCanary']>[2],
  ): Promise<TransitionOutcome> {
    return this.#change(scope, id, statements.SET_CANARY, [percent, new Date(now)]);
  }

  promote(
    scope: WorkspaceScope,
    id: EmbeddingDeploymentId,
    { force, now, retireAt }: Parameters<EmbeddingDeploymentRepository['promote']>[2],
  ): Promise<TransitionOutcome> {
    return this.#change(scope, id, statements.PROMOTE, [new Date(now), new Date(retireAt), force]);
  }

  rollBack(
    scope: WorkspaceScope,
    id: EmbeddingDeploymentId,
    { now, retireAt }: Parameters<EmbeddingDeploymentRepository['rollBack']>[2],
  ): Promise<TransitionOutcome> {
    return this.#change(scope, id, statements.ROLL_BACK, [new Date(now), new Date(retireAt)]);
  }

  retire(
    scope: WorkspaceScope,
    id: EmbeddingDeploymentId,
    { now, dueAt }: Parameters<EmbeddingDeploymentRepository['retire']>[2],
  ): Promise<TransitionOutcome> {
    return this.#change(scope, id, statements.RETIRE, [new Date(now), new Date(dueAt)]);
  }

  async addShadow(
    { workspaceId }: WorkspaceScope,
    id: EmbeddingDeploymentId,
    totals: ShadowTotals,
  ): Promise<void> {
    const { queryCount, failureCount, recallSum, ndcgSum, activeMs, candidateMs } = totals;
    const sums = [queryCount, failureCount, recallSum, ndcgSum, activeMs, candidateMs];
    await this.#database.query(statements.ADD_SHADOW, [workspaceId, id, ...sums]);
  }

  async noteGap({ workspaceId }: WorkspaceScope, id: EmbeddingDeploymentId, now: number): Promise<void> {
    await this.#database.query(statements.NOTE_GAP, [workspaceId, id, new Date(now)]);
  }

  async expire(_scope: SystemScope, { now, dueAt }: { now: number; dueAt: number }): Promise<number> {
    return (await this.#database.query(statements.EXPIRE, [new Date(now), new Date(dueAt)])).length;
  }

  async claim(
    _scope: SystemScope,
    { now, until }: { readonly now: number; readonly until: number },
  ): Promise<ClaimedDeployment | undefined> {
    const [row] = await this.#database.query(statements.CLAIM, [new Date(now), new Date(until)]);
    if (row === undefined) return undefined;
    const { claim, gapCount, failureCount } = storedRow.parse(row);
    return { ...toDeployment(row), claim, gapCount, failureCount };
  }

  async report(
    _scope: SystemScope,
    claimed: ClaimedDeployment,
    report: DeploymentReport & { readonly now: number },
  ): Promise<boolean> {
    const { statement, values } = toReport(claimed, report);
    const common = [claimed.id, claimed.claim, new Date(report.now)];
    return (await this.#database.query(statement, [...common, ...values])).length === 1;
  }

  async recoverClaims(_scope: SystemScope, now: number): Promise<void> {
    await this.#database.query(statements.RECOVER_CLAIMS, [new Date(now)]);
  }

  /** One conditional statement, behind the lock of its collection: what it looks at cannot change under it. */
  #change(
    { workspaceId }: WorkspaceScope,
    id: EmbeddingDeploymentId,
    statement: Statement,
    values: readonly unknown[],
  ): Promise<TransitionOutcome> {
    return this.#database.transaction(async (query) => {
      const locked = await query(statements.LOCK_COLLECTION_OF, [workspaceId, id]);
      if (locked.length === 0) return undefined;
      const changed = (await query(statement, [workspaceId, id, ...values])).map(toDeployment);
      const own = changed.find((deployment) => deployment.id === id);
      if (own !== undefined) return { kind: 'changed', deployment: own };
      const [row] = await query(statements.FIND, [workspaceId, id]);
      return row === undefined ? undefined : { kind: 'refused', deployment: toDeployment(row) };
    });
  }
}

async function createIn(
  query: Query,
  { workspaceId }: WorkspaceScope,
  wanted: NewDeployment,
): Promise<CreateDeploymentOutcome> {
  const { collectionId, model, incumbent, now } = wanted;
  const locked = await query(statements.LOCK_COLLECTION, [workspaceId, collectionId]);
  if (locked.length === 0) throw notFound('collection');
  const all = (await query(statements.LIST_LIVE, [workspaceId])).map(toDeployment);
  let live = all.filter((deployment) => deployment.collectionId === collectionId);
  const insert = async (own: typeof incumbent, state: 'ACTIVE' | 'BUILDING') => {
    const [row] = await query(statements.INSERT, newValues(workspaceId, wanted, { ...own, state }));
    return toDeployment(row);
  };
  const isSame = (one: EmbeddingDeployment['model']) =>
    one.modelId === model.modelId && one.dimensions === model.dimensions;
  if (live.length === 0) live = [await insert(incumbent, 'ACTIVE')];
  const same = live.find((deployment) => isSame(deployment.model));
  if (same?.state === 'FAILED') {
    const [row] = await query(statements.RESUME, [same.id, new Date(now)]);
    return { kind: 'resumed', deployment: toDeployment(row) };
  }
  if (same !== undefined) return { kind: 'exists', deployment: same };
  if (live.length >= LIVE_DEPLOYMENTS_MAX) return { kind: 'too-many' };
  return { kind: 'created', deployment: await insert(wanted, 'BUILDING') };
}

function newValues(
  workspaceId: string,
  { collectionId, gate, createdBy, now }: NewDeployment,
  { id, embedder, model, state }: NewDeployment['incumbent'] & { readonly state: string },
): readonly unknown[] {
  return [
    ...[id, workspaceId, collectionId, embedder, model.modelId, model.dimensions, state],
    ...[gate.queryCountMin, gate.recallMin, createdBy, new Date(now)],
  ];
}

function toReport(
  { gapCount }: ClaimedDeployment,
  report: DeploymentReport,
): { readonly statement: Statement; readonly values: readonly unknown[] } {
  switch (report.kind) {
    case 'progress': {
      const { progress, cost, dueAt } = report;
      const counted = [progress.chunkCount, progress.embeddedCount];
      const spent = [cost.textCount, cost.characterCount, cost.embedMs];
      return { statement: statements.REPORT_PROGRESS, values: [...counted, ...spent, new Date(dueAt)] };
    }
    case 'whole':
      return { statement: statements.REPORT_WHOLE, values: [gapCount] };
    case 'reclaimed':
      return { statement: statements.REPORT_RECLAIMED, values: [] };
    case 'failed': {
      const values = [toJson(report.error), report.final, new Date(report.dueAt)];
      return { statement: statements.REPORT_FAILED, values };
    }
  }
}

function toDeployment(stored: unknown): EmbeddingDeployment {
  const row = storedRow.parse(stored);
  const { version, embedder, state, canaryPercent, whole, error } = row;
  const { modelId, dimensions, chunkCount, embeddedCount, textCount, characterCount, embedMs } = row;
  const { queryCount, failedQueryCount, recallSum, ndcgSum, activeMs, candidateMs } = row;
  return {
    id: trustedId('dep', row.id),
    workspaceId: trustedId('wsp', row.workspaceId),
    collectionId: trustedId('col', row.collectionId),
    createdBy: trustedId('usr', row.createdBy),
    ...{ version, embedder, state, canaryPercent, whole, error, model: { modelId, dimensions } },
    progress: { chunkCount, embeddedCount },
    cost: { textCount, characterCount, embedMs },
    shadow: { queryCount, failureCount: failedQueryCount, recallSum, ndcgSum, activeMs, candidateMs },
    gate: { queryCountMin: row.queryCountMin, recallMin: row.recallMin },
    ...{ createdAt: row.createdAt, updatedAt: row.updatedAt },
    ...{ promotedAt: row.promotedAt, demotedAt: row.demotedAt, retireAt: row.retireAt },
  };
}
