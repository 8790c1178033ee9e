import { z } from 'zod';
import type { Conversation } from '../../domain/conversation.ts';
import { notFound } from '../../domain/errors.ts';
import { type RunId, trustedId } from '../../domain/ids.ts';
import type { BeginOutcome, NewRun, RunRepository, Settlement } from '../../domain/ports/runs.ts';
import { FINISH_REASONS, isSettled, RUN_STATUSES, type Run } from '../../domain/run.ts';
import type { SystemScope, WorkspaceScope } from '../../domain/scope.ts';
import { quotaPeriod } from '../../domain/usage.ts';
import { toConversation } from './conversation-repository.ts';
import type { Database } from './database.ts';
import { isUniqueViolation } from './errors.ts';
import { errorInfo, millis, toJson } from './rows.ts';
import {
  BEGIN_RUN,
  CLAIM_EXPIRED_RUNS,
  FIND_RUN,
  FIND_RUN_AND_CONVERSATION,
  HEARTBEAT_RUNS,
  REQUEST_STOP,
  SETTLE_RUN,
} from './run-statements.ts';

interface Lease {
  readonly owner: string;
  readonly leaseMs: number;
  readonly now: number;
}

/** A second loss of the same race needs the winner's key to expire in between. */
const BEGIN_ATTEMPTS_MAX = 3;

export class PostgresRunRepository implements RunRepository {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async begin(scope: WorkspaceScope, run: NewRun): Promise<BeginOutcome> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        const [row] = await this.#database.query(BEGIN_RUN, beginValues(scope, run));
        return await this.#outcome(scope, run, beginRow.parse(row));
      } catch (error) {
        // Another send with this key was faster: the next look finds its run.
        const lostRace = isUniqueViolation(error, 'idempotency_keys_pkey');
        if (!lostRace || attempt === BEGIN_ATTEMPTS_MAX) throw error;
      }
    }
  }

  async #outcome(scope: WorkspaceScope, run: NewRun, row: z.infer<typeof beginRow>): Promise<BeginOutcome> {
    if (row.knownRunId !== null) {
      if (row.knownHash !== run.idempotency?.payloadHash) return { kind: 'conflict' };
      return this.#replay(scope, row.knownRunId);
    }
    if (!row.admitted) return { kind: 'conversation-not-found' };
    const { position, createdAt, updatedAt } = row;
    if (position === null || createdAt === null || updatedAt === null) return { kind: 'quota-exceeded' };
    const { userId, conversation } = run;
    const conversationRow = { id: conversation.id, ...scope, userId, title: row.title, createdAt, updatedAt };
    return {
      kind: 'started',
      run: startedRun(scope, run, position),
      conversation: toConversation(conversationRow),
    };
  }

  async #replay(scope: WorkspaceScope, runId: string): Promise<BeginOutcome> {
    const [found] = await this.#database.query(FIND_RUN_AND_CONVERSATION, [runId, scope.workspaceId]);
    const row = replayRow.parse(found);
    const run = toRun(row);
    const conversation: Conversation = {
      id: run.conversationId,
      workspaceId: run.workspaceId,
      userId: run.userId,
      title: row.conversationTitle,
      createdAt: row.conversationCreatedAt,
      updatedAt: row.conversationUpdatedAt,
    };
    return { kind: 'replayed', run, conversation };
  }

  async find({ workspaceId }: WorkspaceScope, runId: RunId): Promise<Run | undefined> {
    const [row] = await this.#database.query(FIND_RUN, [runId, workspaceId]);
    return row === undefined ? undefined : toRun(runRow.parse(row));
  }

  async heartbeat(
    _scope: SystemScope,
    { owner, leaseMs, now }: Lease,
    runs: readonly { readonly id: RunId; readonly generation: number }[],
  ): Promise<{ readonly held: readonly RunId[]; readonly stopRequested: readonly RunId[] }> {
    if (runs.length === 0) return { held: [], stopRequested: [] };
    const rows = await this.#database.query(HEARTBEAT_RUNS, [
      runs.map(({ id }) => id),
      runs.map(({ generation }) => generation),
      owner,
      new Date(now + leaseMs),
    ]);
    const held = z.array(heartbeatRow).parse(rows);
    return {
      held: held.map(({ id }) => trustedId('run', id)),
      stopRequested: held.filter((row) => row.stopRequested).map(({ id }) => trustedId('run', id)),
    };
  }

  async claimExpired(
    _scope: SystemScope,
    { owner, leaseMs, now }: Lease,
    limit: number,
  ): Promise<readonly Run[]> {
    const values = [new Date(now), owner, new Date(now + leaseMs), limit];
    const rows = await this.#database.query(CLAIM_EXPIRED_RUNS, values);
    return rows.map((row) => toRun(runRow.parse(row)));
  }

  async requestStop({ workspaceId }: WorkspaceScope, runId: RunId): Promise<boolean> {
    return (await this.#database.query(REQUEST_STOP, [runId, workspaceId])).length === 1;
  }

  async settle(
    scope: WorkspaceScope,
    settlement: Settlement,
  ): Promise<'settled' | 'already-settled' | 'stale'> {
    const settled = await this.#database.query(SETTLE_RUN, settleValues(scope, settlement));
    if (settled.length === 1) return 'settled';
    // Asked anew: the statement's own view of the run may be older than what it waited for.
    const run = await this.find(scope, settlement.runId);
    if (run === undefined) throw notFound('run');
    return isSettled(run.status) ? 'already-settled' : 'stale';
  }
}

const beginRow = z.object({
  knownHash: z.string().nullable(),
  knownRunId: z.string().nullable(),
  admitted: z.boolean(),
  title: z.string().nullable(),
  createdAt: z.date().nullable(),
  updatedAt: z.date().nullable(),
  position: z.int().nullable(),
});
const heartbeatRow = z.object({ id: z.string(), stopRequested: z.boolean() });
const runRow = z.object({
  id: z.string(),
  workspaceId: z.string(),
  conversationId: z.string(),
  userId: z.string(),
  userMessageId: z.string(),
  position: z.int(),
  status: z.enum(RUN_STATUSES),
  generation: z.int(),
  leaseOwner: z.string(),
  leaseUntil: millis,
  stopRequested: z.boolean(),
  question: z.string().nullable(),
  collectionIds: z.array(z.string()),
  finishReason: z.enum(FINISH_REASONS).nullable(),
  inputTokens: z.int().nullable(),
  outputTokens: z.int().nullable(),
  costMicros: z.int().nullable(),
  estimated: z.boolean().nullable(),
  error: errorInfo,
  createdAt: millis,
});
const replayRow = runRow.extend({
  conversationTitle: z.string().nullable(),
  conversationCreatedAt: millis,
  conversationUpdatedAt: millis,
});

function toRun(row: z.infer<typeof runRow>): Run {
  const { inputTokens, outputTokens, costMicros, estimated, ...rest } = row;
  const settled = inputTokens !== null && outputTokens !== null && costMicros !== null && estimated !== null;
  return {
    id: trustedId('run', rest.id),
    workspaceId: trustedId('wsp', rest.workspaceId),
    conversationId: trustedId('cnv', rest.conversationId),
    userId: trustedId('usr', rest.userId),
    userMessageId: trustedId('msg', rest.userMessageId),
    position: rest.position,
    status: rest.status,
    generation: rest.generation,
    leaseOwner: rest.leaseOwner,
    leaseUntil: rest.leaseUntil,
    stopRequested: rest.stopRequested,
    question: rest.question,
    collectionIds: rest.collectionIds.map((id) => trustedId('col', id)),
    finishReason: rest.finishReason,
    usage: settled ? { inputTokens, outputTokens, costMicros, estimated } : null,
    error: rest.error,
    createdAt: rest.createdAt,
  };
}

/** The row that BEGIN_RUN wrote, known here without reading it back. */
function startedRun(scope: WorkspaceScope, run: NewRun, position: number): Run {
  return {
    id: run.runId,
    workspaceId: scope.workspaceId,
    conversationId: run.conversation.id,
    userId: run.userId,
    userMessageId: run.userMessageId,
    position,
    status: 'QUEUED',
    generation: 1,
    leaseOwner: run.leaseOwner,
    leaseUntil: run.now + run.leaseMs,
    stopRequested: false,
    question: run.question,
    collectionIds: run.collectionIds,
    finishReason: null,
    usage: null,
    error: null,
    createdAt: run.now,
  };
}

function beginValues({ workspaceId }: WorkspaceScope, run: NewRun): readonly unknown[] {
  const { conversation, idempotency } = run;
  const isNew = conversation.kind === 'new';
  return [
    ...[workspaceId, run.runId, run.userId, run.userMessageId, run.question, [...run.collectionIds]],
    ...[conversation.id, isNew, isNew ? conversation.title : null],
    ...[run.leaseOwner, new Date(run.now + run.leaseMs)],
    ...[run.reservationMicros, quotaPeriod(run.now), new Date(run.now)],
    ...[idempotency?.principalKey ?? null, idempotency?.operation ?? null, idempotency?.key ?? null],
    idempotency?.payloadHash ?? null,
    idempotency === undefined ? null : new Date(idempotency.expiresAt),
  ];
}

function settleValues({ workspaceId }: WorkspaceScope, settlement: Settlement): readonly unknown[] {
  const { usage } = settlement;
  return [
    ...[settlement.runId, workspaceId, settlement.generation],
    ...[settlement.status, settlement.finishReason, toJson(settlement.error)],
    ...[usage.inputTokens, usage.outputTokens, usage.costMicros, usage.estimated],
    ...[settlement.modelId, new Date(settlement.now)],
  ];
}
