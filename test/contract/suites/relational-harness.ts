import type { CollectionId, UserId, WorkspaceId } from '../../../src/domain/ids.ts';
import type {
  DocumentProgressLog,
  DocumentRepository,
  DocumentSubmission,
  JobQueue,
  UploadRepository,
} from '../../../src/domain/ports/documents.ts';
import type { EmbeddingDeploymentRepository } from '../../../src/domain/ports/embedding-deployments.ts';
import type {
  ApiKeyRepository,
  CollectionRepository,
  SessionRepository,
  UserRepository,
  WorkspaceRepository,
} from '../../../src/domain/ports/identity.ts';
import type {
  ConversationRepository,
  IdempotencyClaim,
  NewRun,
  RunRepository,
  Settlement,
  UsageLedger,
} from '../../../src/domain/ports/runs.ts';
import type { Run } from '../../../src/domain/run.ts';
import { SYSTEM_SCOPE, type WorkspaceScope } from '../../../src/domain/scope.ts';
import type { TestClock } from '../../support/clock.ts';
import { ids, sha256 } from '../../support/fixtures.ts';

/** The ports that share one relational database: what one of them stores in a transaction, another one shows. */
export interface RelationalHarness {
  /** The clock of every adapter below, whatever the server's own clock says. */
  readonly clock: TestClock;
  readonly users: UserRepository;
  readonly workspaces: WorkspaceRepository;
  readonly collections: CollectionRepository;
  readonly deployments: EmbeddingDeploymentRepository;
  readonly sessions: SessionRepository;
  readonly apiKeys: ApiKeyRepository;
  readonly documents: DocumentRepository;
  readonly progress: DocumentProgressLog;
  readonly uploads: UploadRepository;
  readonly jobs: JobQueue;
  readonly jobPolicy: {
    readonly leaseMs: number;
    readonly attemptsMax: number;
    readonly backoffMsMax: number;
  };
  readonly runs: RunRepository;
  readonly conversations: ConversationRepository;
  readonly ledger: UsageLedger;
  close(): Promise<void>;
}
export type MakeRelational = () => Promise<RelationalHarness>;

/** A workspace with its owner and default collection. */
export interface Tenant {
  readonly scope: WorkspaceScope;
  readonly workspaceId: WorkspaceId;
  readonly userId: UserId;
  readonly email: string;
  readonly collectionId: CollectionId;
}

export async function createTenant(
  { users }: Pick<RelationalHarness, 'users'>,
  quotaLimitMicros: number | null = null,
): Promise<Tenant> {
  const [userId, workspaceId, collectionId] = [ids.next('usr'), ids.next('wsp'), ids.next('col')];
  const email = `${userId}@example.com`;
  await users.createWithWorkspace(
    SYSTEM_SCOPE,
    { id: userId, email, passwordHash: '$argon2id$x', defaultWorkspaceId: workspaceId },
    { id: workspaceId, name: 'Tenant', defaultCollectionId: collectionId, ownerId: userId, quotaLimitMicros },
  );
  return { scope: { workspaceId }, workspaceId, userId, email, collectionId };
}

/** A user without anything in the tenant's workspace. */
export async function createUser(harness: Pick<RelationalHarness, 'users'>): Promise<UserId> {
  return (await createTenant(harness)).userId;
}

export function newSubmission(
  tenant: Tenant,
  now: number,
  overrides: Partial<DocumentSubmission> = {},
): DocumentSubmission {
  const documentId = overrides.documentId ?? ids.next('doc');
  return {
    documentId,
    collectionId: tenant.collectionId,
    externalId: null,
    title: 'A title',
    mediaType: 'text/plain',
    fileName: null,
    metadata: {},
    contentHash: sha256(documentId),
    byteLength: 12,
    blobKey: `documents/${documentId}/1`,
    createdBy: tenant.userId,
    now,
    ...overrides,
  };
}

export function newClaim(
  tenant: Tenant,
  now: number,
  overrides: Partial<IdempotencyClaim> = {},
): IdempotencyClaim {
  return {
    principalKey: tenant.userId,
    operation: 'sendMessage',
    key: ids.next('msg'),
    payloadHash: sha256('payload'),
    expiresAt: now + 24 * 60 * 60 * 1_000,
    ...overrides,
  };
}

export function newRun(tenant: Tenant, now: number, overrides: Partial<NewRun> = {}): NewRun {
  return {
    runId: ids.next('run'),
    userId: tenant.userId,
    userMessageId: ids.next('msg'),
    question: 'What is it?',
    collectionIds: [],
    conversation: { kind: 'new', id: ids.next('cnv'), title: 'A title' },
    leaseOwner: 'node-a',
    leaseMs: 10_000,
    reservationMicros: 100,
    now,
    ...overrides,
  };
}

export function newSettlement(
  run: Pick<Run, 'id' | 'generation'>,
  now: number,
  overrides: Partial<Settlement> = {},
): Settlement {
  return {
    runId: run.id,
    generation: run.generation,
    status: 'COMPLETED',
    finishReason: 'COMPLETED',
    error: null,
    usage: { inputTokens: 30, outputTokens: 20, costMicros: 50, estimated: false },
    modelId: 'model-1',
    now,
    ...overrides,
  };
}

/** Begins a run that must be accepted. */
export async function start(
  { runs, clock }: Pick<RelationalHarness, 'runs' | 'clock'>,
  tenant: Tenant,
  overrides: Partial<NewRun> = {},
): Promise<Run> {
  const outcome = await runs.begin(tenant.scope, newRun(tenant, clock.now(), overrides));
  if (outcome.kind !== 'started') throw new Error(`expected a started run, got ${outcome.kind}`);
  return outcome.run;
}

/** Submits a document that must be accepted. */
export async function submit(
  { documents, clock }: Pick<RelationalHarness, 'documents' | 'clock'>,
  tenant: Tenant,
  overrides: Partial<DocumentSubmission> = {},
) {
  const outcome = await documents.submit(tenant.scope, newSubmission(tenant, clock.now(), overrides));
  if (outcome.kind !== 'accepted') throw new Error(`expected an accepted submission, got ${outcome.kind}`);
  return outcome.document;
}

export function countKinds(outcomes: readonly { readonly kind: string }[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { kind } of outcomes) counts[kind] = (counts[kind] ?? 0) + 1;
  return counts;
}

/** Claims and completes whatever is due, and returns the jobs of one document, oldest first. */
export async function drainJobs({ jobs }: RelationalHarness, documentId: string) {
  const drained = [];
  for (;;) {
    const [claimed] = await jobs.claim(SYSTEM_SCOPE, 1);
    if (claimed === undefined) return drained;
    await jobs.complete(SYSTEM_SCOPE, claimed);
    if (claimed.job.documentId === documentId) drained.push(claimed.job);
  }
}
