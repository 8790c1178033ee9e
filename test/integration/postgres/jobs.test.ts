import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { JOB_LEASE_MS, PostgresJobQueue } from '../../../src/adapters/postgres/job-queue.ts';
import { PostgresListener } from '../../../src/adapters/postgres/listener.ts';
import {
  createPostgresRepositories,
  type PostgresRepositories,
} from '../../../src/adapters/postgres/repositories.ts';
import { STAGE_ATTEMPTS_MAX } from '../../../src/domain/job-attempts.ts';
import type { ClaimedJob } from '../../../src/domain/ports/documents.ts';
import type { Clock } from '../../../src/domain/ports/system.ts';
import { SYSTEM_SCOPE } from '../../../src/domain/scope.ts';
import {
  ids,
  makeTenant,
  openTestDatabase,
  sha256,
  silentLog,
  systemClock,
  type Tenant,
  type TestDatabase,
} from './harness.ts';

let test: TestDatabase;
let repositories: PostgresRepositories;
let tenant: Tenant;
beforeAll(async () => {
  test = await openTestDatabase();
  repositories = createPostgresRepositories(test.database, { clock: systemClock, log: silentLog });
  tenant = await makeTenant(test.database);
});
afterAll(async () => {
  await repositories.close();
  await test.close();
});
beforeEach(async () => {
  await test.database.pool.query('DELETE FROM jobs');
});

/** Stands still until moved; the queue's own clock ticks when `tick` is called. */
class ManualClock implements Clock {
  time = Date.now();
  readonly #sleepers = new Set<() => void>();
  now(): number {
    return this.time;
  }
  sleep(_ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#sleepers.add(resolve);
      signal?.addEventListener('abort', () => reject(signal.reason), { once: true });
    });
  }
  tick(): void {
    for (const wake of this.#sleepers) wake();
    this.#sleepers.clear();
  }
}

function openQueue(clock: Clock): { queue: PostgresJobQueue; close: () => Promise<void> } {
  const listener = new PostgresListener(test.database, { clock: systemClock, log: silentLog });
  const queue = new PostgresJobQueue(test.database, { listener, clock, log: silentLog });
  return {
    queue,
    close: async () => {
      await queue.close();
      await listener.close();
    },
  };
}

async function submit(now: number, of: Tenant = tenant): Promise<ReturnType<typeof ids.next<'doc'>>> {
  const documentId = ids.next('doc');
  await repositories.documents.submit(of.scope, {
    documentId,
    collectionId: of.collectionId,
    externalId: null,
    title: 'Title',
    mediaType: 'text/plain',
    fileName: null,
    metadata: {},
    contentHash: sha256(documentId),
    byteLength: 4,
    blobKey: 'blob',
    createdBy: of.userId,
    now,
  });
  return documentId;
}
const only = (jobs: readonly ClaimedJob[]): ClaimedJob => {
  if (jobs[0] === undefined || jobs.length > 1) throw new Error(`${jobs.length} jobs`);
  return jobs[0];
};
const broken = (retryable: boolean) => ({
  error: { code: 'BAD_USER_INPUT', message: 'Broken.', retryable },
  stage: 'load' as const,
});

describe('the job queue', () => {
  it('gives each job to one of many claimants', async () => {
    const submitted = await Promise.all(Array.from({ length: 20 }, () => submit(Date.now())));
    const claims = await Promise.all(
      Array.from({ length: 8 }, () => repositories.jobs.claim(SYSTEM_SCOPE, 4)),
    );
    const claimed = claims.flat().map(({ job }) => job.documentId);
    expect(new Set(claimed).size).toBe(claimed.length);
    const rest = await repositories.jobs.claim(SYSTEM_SCOPE, 20);
    expect([...claimed, ...rest.map(({ job }) => job.documentId)].sort()).toEqual(submitted.sort());
    expect(await repositories.jobs.counts(SYSTEM_SCOPE)).toEqual({ queued: 0, active: 20, dead: 0 });
  });

  it('hands a job on when its lease runs out, and fences the old claimant out', async () => {
    const clock = new ManualClock();
    const { queue, close } = openQueue(clock);
    const documentId = await submit(clock.time);
    const first = only(await queue.claim(SYSTEM_SCOPE, 10));
    expect(first).toMatchObject({
      attempt: 1,
      stage: 'load',
      stageAttempt: 1,
      job: { kind: 'ingest', scope: tenant.scope, documentId, version: 1 },
    });
    clock.time += JOB_LEASE_MS - 1;
    expect(await queue.claim(SYSTEM_SCOPE, 10)).toEqual([]);
    expect(await queue.heartbeat(SYSTEM_SCOPE, first, 'load')).toBe(true);
    clock.time += JOB_LEASE_MS - 1;
    expect(await queue.claim(SYSTEM_SCOPE, 10)).toEqual([]);
    clock.time += 1;
    const second = only(await queue.claim(SYSTEM_SCOPE, 10));
    expect(second).toEqual({ ...first, attempt: 2, stageAttempt: 2 });
    expect(await queue.heartbeat(SYSTEM_SCOPE, first, 'load')).toBe(false);
    expect(await queue.fail(SYSTEM_SCOPE, first, broken(false))).toBe('retry');
    await queue.complete(SYSTEM_SCOPE, first);
    expect(await queue.counts(SYSTEM_SCOPE)).toEqual({ queued: 0, active: 1, dead: 0 });
    await queue.complete(SYSTEM_SCOPE, second);
    expect(await queue.counts(SYSTEM_SCOPE)).toEqual({ queued: 0, active: 0, dead: 0 });
    await close();
  });

  it('retries with growing pauses, then keeps the job as dead with its reason', async () => {
    const clock = new ManualClock();
    const { queue, close } = openQueue(clock);
    await submit(clock.time);
    const pauses: number[] = [];
    for (let attempt = 1; attempt < STAGE_ATTEMPTS_MAX; attempt += 1) {
      const claimed = only(await queue.claim(SYSTEM_SCOPE, 1));
      expect(await queue.fail(SYSTEM_SCOPE, claimed, broken(true))).toBe('retry');
      expect(await queue.claim(SYSTEM_SCOPE, 1)).toEqual([]);
      const { rows } = await test.database.pool.query<{ due_at: Date }>('SELECT due_at FROM jobs');
      const dueAt = rows[0]?.due_at.getTime() ?? 0;
      pauses.push(dueAt - clock.time);
      clock.time = dueAt;
    }
    expect(pauses).toEqual([2_000, 4_000, 8_000, 16_000]);
    const last = only(await queue.claim(SYSTEM_SCOPE, 1));
    expect(last.stageAttempt).toBe(STAGE_ATTEMPTS_MAX);
    expect(await queue.fail(SYSTEM_SCOPE, last, broken(true))).toBe('dead');
    expect(await queue.counts(SYSTEM_SCOPE)).toEqual({ queued: 0, active: 0, dead: 1 });
    const { rows } = await test.database.pool.query('SELECT error FROM jobs');
    expect(rows).toEqual([{ error: broken(true).error }]);
    await close();
  });

  it('does not retry what cannot succeed', async () => {
    await submit(Date.now());
    const claimed = only(await repositories.jobs.claim(SYSTEM_SCOPE, 1));
    expect(await repositories.jobs.fail(SYSTEM_SCOPE, claimed, broken(false))).toBe('dead');
  });

  it('fails the document whose worker disappeared at every attempt', async () => {
    const clock = new ManualClock();
    const { queue, close } = openQueue(clock);
    const documentId = await submit(clock.time);
    for (let attempt = 1; attempt <= STAGE_ATTEMPTS_MAX; attempt += 1) {
      expect(only(await queue.claim(SYSTEM_SCOPE, 1)).attempt).toBe(attempt);
      clock.time += JOB_LEASE_MS;
    }
    expect(await queue.claim(SYSTEM_SCOPE, 1)).toEqual([]);
    const ticked = Promise.withResolvers<void>();
    let ticks = 0;
    const unsubscribe = queue.onAvailable(() => {
      ticks += 1;
      if (ticks === 2) ticked.resolve();
    });
    // The first wake comes with the connection, the second from the queue's own clock, after it has buried.
    clock.tick();
    await ticked.promise;
    unsubscribe();
    expect(await queue.counts(SYSTEM_SCOPE)).toEqual({ queued: 0, active: 0, dead: 1 });
    const document = await repositories.documents.find(tenant.scope, documentId);
    expect(document).toMatchObject({ status: 'FAILED', error: { code: 'WORKER_LOST' } });
    const events = await repositories.progress.read(tenant.scope, documentId, -1, 10);
    expect(events.map(({ sequence, stage }) => [sequence, stage])).toEqual([
      [0, 'queued'],
      [1, 'failed'],
    ]);
    await close();
  });

  it('serves the one file of a workspace beside the ten thousand of another', async () => {
    const now = Date.now();
    await test.database.pool.query(
      `INSERT INTO jobs (kind, workspace_id, document_id, version, state, due_at, created_at)
       SELECT 'ingest', $1, 'doc_' || n, 1, 'queued', $2, $2 FROM generate_series(1, 10000) n`,
      [tenant.scope.workspaceId, new Date(now - 60_000)],
    );
    const claimOne = async () => only(await repositories.jobs.claim(SYSTEM_SCOPE, 1));
    // A single worker, which has been busy with the first workspace so far.
    await repositories.jobs.complete(SYSTEM_SCOPE, await claimOne());
    await repositories.jobs.complete(SYSTEM_SCOPE, await claimOne());
    const small = await makeTenant(test.database);
    const documentId = await submit(now, small);
    expect((await claimOne()).job).toMatchObject({ documentId, scope: small.scope });
    expect((await claimOne()).job.scope).toEqual(tenant.scope);
  });

  it('wakes a waiting worker when a document is submitted', async () => {
    const { queue, close } = openQueue(new ManualClock());
    let onWake = () => {};
    const attached = new Promise<void>((resolve) => {
      onWake = resolve;
    });
    const unsubscribe = queue.onAvailable(() => onWake());
    await attached;
    const woken = new Promise<void>((resolve) => {
      onWake = resolve;
    });
    await submit(Date.now());
    await woken;
    unsubscribe();
    await close();
  });

  it('recovers the jobs of workers that are known to be gone', async () => {
    await submit(Date.now());
    const lost = only(await repositories.jobs.claim(SYSTEM_SCOPE, 1));
    expect(await repositories.jobs.claim(SYSTEM_SCOPE, 1)).toEqual([]);
    await repositories.jobs.recover(SYSTEM_SCOPE);
    expect(only(await repositories.jobs.claim(SYSTEM_SCOPE, 1))).toEqual({
      ...lost,
      attempt: 2,
      stageAttempt: 2,
    });
  });

  it('forgets the waiting work of a removed document and purges it', async () => {
    const documentId = await submit(Date.now());
    await repositories.documents.remove(tenant.scope, documentId);
    expect(only(await repositories.jobs.claim(SYSTEM_SCOPE, 10)).job).toEqual({
      kind: 'purge',
      scope: tenant.scope,
      documentId,
    });
  });
});
