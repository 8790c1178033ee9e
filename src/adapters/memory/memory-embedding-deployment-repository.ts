import {
  addTotals,
  type DeploymentState,
  type EmbeddingDeployment,
  FORCIBLE_STATES,
  LIVE_DEPLOYMENTS_MAX,
  NO_COST,
  NO_SHADOW,
  PROMOTABLE_STATES,
  RETIRABLE_STATES,
  SHADOWED_STATES,
  type ShadowTotals,
  SOAKED_STATES,
  WRITTEN_STATES,
} from '../../domain/embedding-deployment.ts';
import { notFound } from '../../domain/errors.ts';
import type { CollectionId, EmbeddingDeploymentId } from '../../domain/ids.ts';
import type {
  ClaimedDeployment,
  CreateDeploymentOutcome,
  DeploymentReport,
  EmbeddingDeploymentRepository,
  NamedModel,
  NewDeployment,
  TransitionOutcome,
} from '../../domain/ports/embedding-deployments.ts';
import type { SystemScope, WorkspaceScope } from '../../domain/scope.ts';
import type { DeploymentRow, MemoryDatabase } from './memory-database.ts';

export class MemoryEmbeddingDeploymentRepository implements EmbeddingDeploymentRepository {
  readonly #database: MemoryDatabase;

  constructor(database: MemoryDatabase) {
    this.#database = database;
  }

  async create(scope: WorkspaceScope, wanted: NewDeployment): Promise<CreateDeploymentOutcome> {
    const { collectionId, now } = wanted;
    if (this.#database.collections.get(collectionId)?.workspaceId !== scope.workspaceId)
      throw notFound('collection');
    const live = this.#live(scope).filter((row) => row.collectionId === collectionId);
    const rows = live.length === 0 ? [this.#incumbent(scope, wanted)] : live;
    const same = rows.find(({ model }) => isSame(model, wanted.model));
    if (same?.state === 'FAILED') {
      const resumed = this.#put({
        ...same,
        state: 'BUILDING',
        error: null,
        failureCount: 0,
        dueAt: now,
        updatedAt: now,
      });
      return { kind: 'resumed', deployment: toDeployment(resumed) };
    }
    for (const row of rows) this.#put(row);
    if (same !== undefined) return { kind: 'exists', deployment: toDeployment(same) };
    if (rows.length >= LIVE_DEPLOYMENTS_MAX) return { kind: 'too-many' };
    const version = this.#nextVersion(collectionId);
    const row = newRow(scope, wanted, { ...wanted, version, state: 'BUILDING' });
    return { kind: 'created', deployment: toDeployment(this.#put(row)) };
  }

  async find(scope: WorkspaceScope, id: EmbeddingDeploymentId): Promise<EmbeddingDeployment | undefined> {
    const row = this.#find(scope, id);
    return row && toDeployment(row);
  }

  async list(
    scope: WorkspaceScope,
    collectionId: CollectionId,
    limit: number,
  ): Promise<readonly EmbeddingDeployment[]> {
    return this.#all(scope)
      .filter((row) => row.collectionId === collectionId)
      .sort((left, right) => right.version - left.version)
      .slice(0, limit)
      .map(toDeployment);
  }

  async listLive(scope: WorkspaceScope): Promise<readonly EmbeddingDeployment[]> {
    return this.#live(scope)
      .sort((a, b) =>
        a.collectionId === b.collectionId ? a.version - b.version : a.collectionId < b.collectionId ? -1 : 1,
      )
      .map(toDeployment);
  }

  async setCanary(
    scope: WorkspaceScope,
    id: EmbeddingDeploymentId,
    { percent, now }: Parameters<EmbeddingDeploymentRepository['setCanary']>[2],
  ): Promise<TransitionOutcome> {
    return this.#change(scope, id, (row) => {
      const isTaken = this.#siblings(row).some(({ state }) => state === 'CANARY');
      if (!SHADOWED_STATES.includes(row.state) || !row.whole || isTaken) return undefined;
      const state = percent === 0 ? 'SHADOW' : 'CANARY';
      return { ...row, state, canaryPercent: percent, updatedAt: now };
    });
  }

  async promote(
    scope: WorkspaceScope,
    id: EmbeddingDeploymentId,
    { force, now, retireAt }: Parameters<EmbeddingDeploymentRepository['promote']>[2],
  ): Promise<TransitionOutcome> {
    return this.#change(scope, id, (row) => {
      if (!(force ? FORCIBLE_STATES : PROMOTABLE_STATES).includes(row.state)) return undefined;
      if (!row.whole && !force) return undefined;
      for (const active of this.#siblings(row).filter(({ state }) => state === 'ACTIVE')) {
        this.#put({ ...active, state: 'SOAKING', demotedAt: now, retireAt, updatedAt: now });
      }
      return activated(row, now);
    });
  }

  async rollBack(
    scope: WorkspaceScope,
    id: EmbeddingDeploymentId,
    { now, retireAt }: Parameters<EmbeddingDeploymentRepository['rollBack']>[2],
  ): Promise<TransitionOutcome> {
    return this.#change(scope, id, (row) => {
      const [previous] = this.#siblings(row)
        .filter(({ state }) => state === 'SOAKING')
        .sort((a, b) => (b.demotedAt ?? 0) - (a.demotedAt ?? 0) || b.version - a.version);
      if (row.state !== 'ACTIVE' || previous === undefined) return undefined;
      this.#put(activated(previous, now));
      return { ...row, state: 'ROLLED_BACK', demotedAt: now, retireAt, updatedAt: now };
    });
  }

  async retire(
    scope: WorkspaceScope,
    id: EmbeddingDeploymentId,
    { now, dueAt }: Parameters<EmbeddingDeploymentRepository['retire']>[2],
  ): Promise<TransitionOutcome> {
    return this.#change(scope, id, (row) =>
      RETIRABLE_STATES.includes(row.state) ? reclaiming(row, now, dueAt) : undefined,
    );
  }

  async addShadow(scope: WorkspaceScope, id: EmbeddingDeploymentId, totals: ShadowTotals): Promise<void> {
    const row = this.#find(scope, id);
    if (row === undefined || !SHADOWED_STATES.includes(row.state)) return;
    this.#put({ ...row, shadow: addTotals(row.shadow, totals) });
  }

  async noteGap(scope: WorkspaceScope, id: EmbeddingDeploymentId, now: number): Promise<void> {
    const row = this.#find(scope, id);
    if (row === undefined || !WRITTEN_STATES.includes(row.state)) return;
    // A claim that runs is left to run: its worker will find the deployment not whole at the end.
    const dueAt = row.whole ? now : row.dueAt;
    this.#put({ ...row, whole: false, gapCount: row.gapCount + 1, dueAt });
  }

  async expire(_scope: SystemScope, { now, dueAt }: { now: number; dueAt: number }): Promise<number> {
    const expired = [...this.#database.embeddingDeployments.values()].filter(
      ({ state, retireAt }) => SOAKED_STATES.includes(state) && retireAt !== null && retireAt <= now,
    );
    for (const row of expired) this.#put(reclaiming(row, now, dueAt));
    return expired.length;
  }

  async claim(
    _scope: SystemScope,
    { now, until }: { readonly now: number; readonly until: number },
  ): Promise<ClaimedDeployment | undefined> {
    const [due] = [...this.#database.embeddingDeployments.values()]
      .filter((row) => row.dueAt <= now && hasWork(row))
      .sort((left, right) => left.dueAt - right.dueAt || (left.id < right.id ? -1 : 1));
    if (due === undefined) return undefined;
    const { dueAt: _dueAt, ...claimed } = this.#put({ ...due, claim: due.claim + 1, dueAt: until });
    return claimed;
  }

  async report(
    _scope: SystemScope,
    claimed: ClaimedDeployment,
    report: DeploymentReport & { readonly now: number },
  ): Promise<boolean> {
    const row = this.#database.embeddingDeployments.get(claimed.id);
    if (row?.claim !== claimed.claim || !hasWork(row)) return false;
    const next = reported(row, claimed, report);
    if (next !== undefined) this.#put({ ...next, updatedAt: report.now });
    return next !== undefined;
  }

  async recoverClaims(_scope: SystemScope, now: number): Promise<void> {
    for (const row of this.#database.embeddingDeployments.values()) {
      if (hasWork(row) && row.state !== 'RECLAIMING' && row.dueAt > now) this.#put({ ...row, dueAt: now });
    }
  }

  #incumbent(scope: WorkspaceScope, wanted: NewDeployment): DeploymentRow {
    const { incumbent, now } = wanted;
    const version = this.#nextVersion(wanted.collectionId);
    return { ...newRow(scope, wanted, { ...incumbent, version, state: 'ACTIVE' }), promotedAt: now };
  }

  #nextVersion(collectionId: CollectionId): number {
    const rows = [...this.#database.embeddingDeployments.values()];
    return (
      1 + Math.max(0, ...rows.filter((row) => row.collectionId === collectionId).map((row) => row.version))
    );
  }

  #change(
    scope: WorkspaceScope,
    id: EmbeddingDeploymentId,
    change: (row: DeploymentRow) => DeploymentRow | undefined,
  ): TransitionOutcome {
    const row = this.#find(scope, id);
    if (row === undefined) return undefined;
    const changed = change(row);
    if (changed === undefined) return { kind: 'refused', deployment: toDeployment(row) };
    return { kind: 'changed', deployment: toDeployment(this.#put(changed)) };
  }

  #siblings({ id, collectionId }: DeploymentRow): DeploymentRow[] {
    const rows = [...this.#database.embeddingDeployments.values()];
    return rows.filter((row) => row.collectionId === collectionId && row.id !== id);
  }

  #all({ workspaceId }: WorkspaceScope): DeploymentRow[] {
    return [...this.#database.embeddingDeployments.values()].filter((row) => row.workspaceId === workspaceId);
  }

  #live(scope: WorkspaceScope): DeploymentRow[] {
    return this.#all(scope).filter(({ state }) => state !== 'RECLAIMED');
  }

  #find({ workspaceId }: WorkspaceScope, id: EmbeddingDeploymentId): DeploymentRow | undefined {
    const row = this.#database.embeddingDeployments.get(id);
    return row?.workspaceId === workspaceId ? row : undefined;
  }

  #put(row: DeploymentRow): DeploymentRow {
    this.#database.embeddingDeployments.set(row.id, row);
    return row;
  }
}

function newRow(
  { workspaceId }: WorkspaceScope,
  { collectionId, gate, createdBy, now }: NewDeployment,
  own: NamedModel & { id: EmbeddingDeploymentId; version: number; state: DeploymentState },
): DeploymentRow {
  const { id, version, embedder, model, state } = own;
  return {
    ...{ id, workspaceId, collectionId, version, embedder, model, state, gate, createdBy },
    ...{ canaryPercent: 0, whole: false, progress: { chunkCount: 0, embeddedCount: 0 } },
    ...{ cost: NO_COST, shadow: NO_SHADOW, error: null, createdAt: now, updatedAt: now },
    ...{ promotedAt: null, demotedAt: null, retireAt: null },
    ...{ claim: 0, gapCount: 0, failureCount: 0, dueAt: now },
  };
}

function toDeployment({
  claim,
  gapCount,
  failureCount,
  dueAt,
  ...deployment
}: DeploymentRow): EmbeddingDeployment {
  return deployment;
}

function hasWork({ state, whole }: DeploymentRow): boolean {
  return state === 'RECLAIMING' || (WRITTEN_STATES.includes(state) && !whole);
}

function activated(row: DeploymentRow, now: number): DeploymentRow {
  const cleared = { canaryPercent: 0, demotedAt: null, retireAt: null };
  return { ...row, ...cleared, state: 'ACTIVE', promotedAt: now, updatedAt: now };
}

function reclaiming(row: DeploymentRow, now: number, dueAt: number): DeploymentRow {
  return {
    ...row,
    state: 'RECLAIMING',
    canaryPercent: 0,
    failureCount: 0,
    claim: row.claim + 1,
    dueAt,
    updatedAt: now,
  };
}

function reported(
  row: DeploymentRow,
  claimed: ClaimedDeployment,
  report: DeploymentReport & { readonly now: number },
): DeploymentRow | undefined {
  switch (report.kind) {
    case 'progress': {
      const { progress, dueAt } = report;
      return {
        ...row,
        progress,
        cost: addTotals(row.cost, report.cost),
        dueAt,
        failureCount: 0,
        error: null,
      };
    }
    case 'whole': {
      if (row.gapCount !== claimed.gapCount || row.state === 'RECLAIMING') return undefined;
      const state = row.state === 'BUILDING' ? 'SHADOW' : row.state;
      return { ...row, state, whole: true, failureCount: 0, error: null };
    }
    case 'reclaimed':
      return row.state === 'RECLAIMING' ? { ...row, state: 'RECLAIMED', error: null } : undefined;
    case 'failed': {
      const { error, final, dueAt } = report;
      const state = final && row.state === 'BUILDING' ? 'FAILED' : row.state;
      return { ...row, state, error, dueAt, failureCount: row.failureCount + 1 };
    }
  }
}

function isSame(left: EmbeddingDeployment['model'], right: EmbeddingDeployment['model']): boolean {
  return left.modelId === right.modelId && left.dimensions === right.dimensions;
}
