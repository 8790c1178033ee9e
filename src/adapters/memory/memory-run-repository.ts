import { DomainError, notFound } from '../../domain/errors.ts';
import type { RunId } from '../../domain/ids.ts';
import type { BeginOutcome, NewRun, RunRepository, Settlement } from '../../domain/ports/runs.ts';
import { isSettled, type Run } from '../../domain/run.ts';
import type { SystemScope, WorkspaceScope } from '../../domain/scope.ts';
import { toConversation } from './memory-conversation-repository.ts';
import type { ConversationRow, MemoryDatabase } from './memory-database.ts';
import { charge, reserve } from './quota-book.ts';

type Lease = Parameters<RunRepository['claimExpired']>[1];
type HeldRuns = Awaited<ReturnType<RunRepository['heartbeat']>>;

/** A question and its answer: two positions a run. */
const POSITIONS_PER_RUN = 2;

export class MemoryRunRepository implements RunRepository {
  readonly #database: MemoryDatabase;

  constructor(database: MemoryDatabase) {
    this.#database = database;
  }

  async begin(scope: WorkspaceScope, newRun: NewRun): Promise<BeginOutcome> {
    const repeated = this.#findRepeated(scope, newRun);
    if (repeated !== undefined) return repeated;
    const row = this.#findConversation(scope, newRun);
    if (row === undefined) return { kind: 'conversation-not-found' };
    const { runId, reservationMicros: amountMicros, now } = newRun;
    if (!reserve(this.#database, scope, { runId, amountMicros, now })) return { kind: 'quota-exceeded' };
    const run = toRun(scope, newRun, row.nextPosition);
    const nextPosition = row.nextPosition + POSITIONS_PER_RUN;
    const conversation = { ...row, nextPosition, updatedAt: Math.max(row.updatedAt, now) };
    this.#database.conversations.set(row.id, conversation);
    this.#database.runs.set(runId, run);
    this.#database.putIdempotencyKey(scope, newRun.idempotency, { runId });
    return { kind: 'started', run, conversation: toConversation(conversation) };
  }

  async find(scope: WorkspaceScope, runId: RunId): Promise<Run | undefined> {
    return this.#find(scope, runId);
  }

  async heartbeat(
    _scope: SystemScope,
    lease: Lease,
    runs: readonly { readonly id: RunId; readonly generation: number }[],
  ): Promise<HeldRuns> {
    const held: RunId[] = [];
    const stopRequested: RunId[] = [];
    for (const { id, generation } of runs) {
      const run = this.#database.runs.get(id);
      if (run === undefined || isSettled(run.status)) continue;
      if (run.leaseOwner !== lease.owner || run.generation !== generation) continue;
      this.#database.runs.set(id, { ...run, leaseUntil: lease.now + lease.leaseMs });
      held.push(id);
      if (run.stopRequested) stopRequested.push(id);
    }
    return { held, stopRequested };
  }

  async claimExpired(_scope: SystemScope, lease: Lease, limit: number): Promise<readonly Run[]> {
    const expired = [...this.#database.runs.values()]
      .filter((run) => !isSettled(run.status) && run.leaseUntil <= lease.now)
      .sort((left, right) => left.leaseUntil - right.leaseUntil)
      .slice(0, limit);
    return expired.map((run) => {
      const generation = run.generation + 1;
      const leaseUntil = lease.now + lease.leaseMs;
      const claimed: Run = { ...run, status: 'RUNNING', generation, leaseOwner: lease.owner, leaseUntil };
      this.#database.runs.set(run.id, claimed);
      return claimed;
    });
  }

  async requestStop(scope: WorkspaceScope, runId: RunId): Promise<boolean> {
    const run = this.#find(scope, runId);
    if (run === undefined || isSettled(run.status)) return false;
    this.#database.runs.set(runId, { ...run, stopRequested: true });
    return true;
  }

  async settle(
    scope: WorkspaceScope,
    settlement: Settlement,
  ): Promise<'settled' | 'already-settled' | 'stale'> {
    const run = this.#find(scope, settlement.runId);
    if (run === undefined) throw notFound('run');
    if (isSettled(run.status)) return 'already-settled';
    if (run.generation !== settlement.generation) return 'stale';
    const { status, finishReason, error, usage } = settlement;
    charge(this.#database, scope, run.id, usage);
    this.#database.runs.set(run.id, { ...run, status, finishReason, error, usage, question: null });
    return 'settled';
  }

  #find({ workspaceId }: WorkspaceScope, runId: RunId): Run | undefined {
    const run = this.#database.runs.get(runId);
    return run?.workspaceId === workspaceId ? run : undefined;
  }

  #findRepeated(scope: WorkspaceScope, { idempotency, now }: NewRun): BeginOutcome | undefined {
    const row = this.#database.findIdempotencyKey(scope, idempotency, now);
    if (row === undefined || idempotency === undefined) return undefined;
    if (row.payloadHash !== idempotency.payloadHash || !('runId' in row.made)) return { kind: 'conflict' };
    const run = this.#database.runs.get(row.made.runId);
    const conversation = run && this.#database.conversations.get(run.conversationId);
    if (run === undefined || conversation === undefined) return undefined;
    return { kind: 'replayed', run, conversation: toConversation(conversation) };
  }

  /** The row to continue, or one that is not stored yet; undefined: not there for this user. */
  #findConversation({ workspaceId }: WorkspaceScope, newRun: NewRun): ConversationRow | undefined {
    const { conversation, userId, now } = newRun;
    const row = this.#database.conversations.get(conversation.id);
    if (conversation.kind === 'existing') {
      return row?.workspaceId === workspaceId && row.userId === userId ? row : undefined;
    }
    if (row !== undefined) throw new DomainError('CONFLICT', 'This conversation exists already.');
    const { id, title } = conversation;
    return { id, workspaceId, userId, title, createdAt: now, updatedAt: now, nextPosition: 0 };
  }
}

function toRun({ workspaceId }: WorkspaceScope, newRun: NewRun, position: number): Run {
  const { runId, userId, userMessageId, question, collectionIds, conversation } = newRun;
  return {
    ...{ id: runId, workspaceId, conversationId: conversation.id, userId, userMessageId, position },
    ...{ status: 'RUNNING', generation: 1, stopRequested: false },
    ...{ leaseOwner: newRun.leaseOwner, leaseUntil: newRun.now + newRun.leaseMs },
    ...{ question, collectionIds: [...collectionIds] },
    ...{ finishReason: null, usage: null, error: null, createdAt: newRun.now },
  };
}
