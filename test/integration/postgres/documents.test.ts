import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  createPostgresRepositories,
  type PostgresRepositories,
} from '../../../src/adapters/postgres/repositories.ts';
import type { DocumentSubmission, SubmissionOutcome } from '../../../src/domain/ports/documents.ts';
import { SYSTEM_SCOPE } from '../../../src/domain/scope.ts';
import {
  claim,
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
let one: PostgresRepositories;
/** As a second process has it: another listener, on the same database. */
let other: PostgresRepositories;
beforeAll(async () => {
  test = await openTestDatabase();
  one = createPostgresRepositories(test.database, { clock: systemClock, log: silentLog });
  other = createPostgresRepositories(test.database, { clock: systemClock, log: silentLog });
});
afterAll(async () => {
  await one.close();
  await other.close();
  await test.close();
});

function submission(
  tenant: Tenant,
  content: string,
  change: Partial<DocumentSubmission> = {},
): DocumentSubmission {
  return {
    documentId: ids.next('doc'),
    collectionId: tenant.collectionId,
    externalId: null,
    title: 'Title',
    mediaType: 'text/plain',
    fileName: null,
    metadata: { year: 2026, tags: ['a', 'b'] },
    contentHash: sha256(content),
    byteLength: content.length,
    blobKey: `blob/${sha256(content)}`,
    createdBy: tenant.userId,
    now: Date.now(),
    ...change,
  };
}
function documentOf(outcome: SubmissionOutcome) {
  if (!('document' in outcome)) throw new Error(outcome.kind);
  return outcome.document;
}
const ingestClaim = (key: string, payload: string) => ({
  ...claim(key, payload),
  operation: 'ingest' as const,
});
const jobsOf = async (tenant: Tenant) => {
  const { rows } = await test.database.pool.query(
    'SELECT kind, version FROM jobs WHERE workspace_id = $1 ORDER BY id',
    [tenant.scope.workspaceId],
  );
  return rows;
};

describe('submit', () => {
  it('takes the same bytes, sent fifty times at once, as one document and one job', async () => {
    const tenant = await makeTenant(test.database);
    const outcomes = await Promise.all(
      Array.from({ length: 50 }, () => one.documents.submit(tenant.scope, submission(tenant, 'same'))),
    );
    expect(outcomes.filter(({ kind }) => kind === 'accepted')).toHaveLength(1);
    expect(outcomes.filter(({ kind }) => kind === 'duplicate')).toHaveLength(49);
    expect(new Set(outcomes.map((outcome) => documentOf(outcome).id)).size).toBe(1);
    expect(await jobsOf(tenant)).toEqual([{ kind: 'ingest', version: 1 }]);
  });

  it('makes distinct versions of one externalId sent with different bytes at once', async () => {
    const tenant = await makeTenant(test.database);
    const outcomes = await Promise.all(
      Array.from({ length: 8 }, (_, index) =>
        one.documents.submit(tenant.scope, submission(tenant, `text ${index}`, { externalId: 'x' })),
      ),
    );
    expect(outcomes.map((outcome) => documentOf(outcome).version).sort()).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    const { id } = documentOf(outcomes[0] as SubmissionOutcome);
    const events = await one.progress.read(tenant.scope, id, -1, 100);
    expect(events.map(({ sequence, version }) => [sequence, version])).toEqual(
      Array.from({ length: 8 }, (_, index) => [index, index + 1]),
    );
  });

  it('lets bytes come back that a document has left behind, or that failed', async () => {
    const tenant = await makeTenant(test.database);
    const submit = (text: string) =>
      one.documents.submit(tenant.scope, submission(tenant, text, { externalId: 'x' }));
    await submit('a');
    await submit('b');
    expect(await submit('a')).toMatchObject({ kind: 'accepted', document: { version: 3 } });
    expect(await submit('a')).toMatchObject({ kind: 'duplicate', document: { version: 3 } });
    const { id } = documentOf(await submit('a'));
    const error = { code: 'BAD_USER_INPUT', message: 'Broken.', retryable: false };
    const failed = { version: 3, status: 'FAILED', error, now: Date.now() } as const;
    expect(await one.documents.setStatus(tenant.scope, id, failed)).toBe(true);
    expect(await one.documents.find(tenant.scope, id)).toMatchObject({ status: 'FAILED', error });
    expect(await submit('a')).toMatchObject({ kind: 'accepted', document: { version: 4, error: null } });
  });

  it('answers one idempotency key with one document, even across collections at once', async () => {
    const tenant = await makeTenant(test.database);
    const second = ids.next('col');
    await one.collections.create(tenant.scope, { id: second, name: 'Second', createdAt: Date.now() });
    const outcomes = await Promise.all(
      [tenant.collectionId, second, tenant.collectionId, second].map((collectionId) =>
        one.documents.submit(
          tenant.scope,
          submission(tenant, 'text', { collectionId, idempotency: ingestClaim('k', 'payload') }),
        ),
      ),
    );
    expect(outcomes.map(({ kind }) => kind).sort()).toEqual(['accepted', 'replayed', 'replayed', 'replayed']);
    const conflict = submission(tenant, 'other', { idempotency: ingestClaim('k', 'other') });
    expect(await one.documents.submit(tenant.scope, conflict)).toEqual({ kind: 'conflict' });
  });

  it("refuses another workspace's collection and stores nothing", async () => {
    const [tenant, stranger] = [await makeTenant(test.database), await makeTenant(test.database)];
    const theirs = submission(tenant, 'text', { collectionId: stranger.collectionId });
    await expect(one.documents.submit(tenant.scope, theirs)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    expect(await jobsOf(tenant)).toEqual([]);
    expect(await jobsOf(stranger)).toEqual([]);
  });

  it('names a text that PostgreSQL cannot store as bad input', async () => {
    const tenant = await makeTenant(test.database);
    const nul = submission(tenant, 'text', { title: 'a\0b' });
    await expect(one.documents.submit(tenant.scope, nul)).rejects.toMatchObject({ code: 'BAD_USER_INPUT' });
    const inJson = submission(tenant, 'text', { metadata: { a: '\0' } });
    await expect(one.documents.submit(tenant.scope, inJson)).rejects.toMatchObject({
      code: 'BAD_USER_INPUT',
    });
  });
});

describe('publish and remove', () => {
  it('publish repeatedly, never backwards, and keep the news of the newest version', async () => {
    const tenant = await makeTenant(test.database);
    const submit = async (text: string) =>
      documentOf(await one.documents.submit(tenant.scope, submission(tenant, text, { externalId: 'x' })));
    const { id } = await submit('a');
    await submit('b');
    const publish = (version: number) =>
      one.documents.publish(tenant.scope, id, { version, chunkCount: version * 10, now: Date.now() });
    expect(await publish(1)).toBe(true);
    const first = await one.documents.find(tenant.scope, id);
    expect(first).toMatchObject({ activeVersion: 1, chunkCount: 10, status: 'QUEUED', version: 2 });
    expect(await publish(2)).toBe(true);
    expect(await publish(2)).toBe(true);
    expect(await publish(1)).toBe(false);
    expect(await publish(3)).toBe(false);
    expect(await one.documents.find(tenant.scope, id)).toMatchObject({ activeVersion: 2, status: 'READY' });
    const stranger = await makeTenant(test.database);
    expect(await one.documents.remove(stranger.scope, id)).toBe(false);
    expect(await one.documents.remove(tenant.scope, id)).toBe(true);
    expect(await one.documents.remove(tenant.scope, id)).toBe(false);
    expect(await publish(2)).toBe(false);
    expect(await jobsOf(tenant)).toEqual([{ kind: 'purge', version: null }]);
  });
});

describe('progress', () => {
  const step = { version: 1, stage: 'embed', status: 'PROCESSING', progress: 0.5, message: null } as const;

  it('is dense under parallel writers, and wakes the watcher in another process', async () => {
    const tenant = await makeTenant(test.database);
    const { id } = documentOf(await one.documents.submit(tenant.scope, submission(tenant, 'text')));
    const woken = Promise.withResolvers<void>();
    const unsubscribe = await other.progress.subscribe(tenant.scope, id, () => woken.resolve());
    await Promise.all(Array.from({ length: 20 }, () => one.progress.append(tenant.scope, id, step)));
    await woken.promise;
    unsubscribe();
    const events = await other.progress.read(tenant.scope, id, 0, 100);
    expect(events.map(({ sequence }) => sequence)).toEqual(Array.from({ length: 20 }, (_, i) => i + 1));
    expect(await other.progress.read(tenant.scope, id, 18, 1)).toEqual([{ ...step, sequence: 19 }]);
    const stranger = await makeTenant(test.database);
    expect(await other.progress.read(stranger.scope, id, -1, 100)).toEqual([]);
    await expect(other.progress.append(stranger.scope, id, step)).rejects.toMatchObject({
      code: 'NOT_FOUND',
    });
  });

  it('wakes watchers again after its connection was killed', async () => {
    const tenant = await makeTenant(test.database);
    const { id } = documentOf(await one.documents.submit(tenant.scope, submission(tenant, 'text')));
    let wakes = 0;
    let onWake = () => {};
    const nextWake = () =>
      new Promise<void>((resolve) => {
        onWake = resolve;
      });
    const unsubscribe = await other.progress.subscribe(tenant.scope, id, () => {
      wakes += 1;
      onWake();
    });
    const reconnected = nextWake();
    await test.database.pool.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
       WHERE datname = current_database() AND query LIKE 'LISTEN%' AND pid <> pg_backend_pid()`,
    );
    await reconnected;
    const notified = nextWake();
    await one.progress.append(tenant.scope, id, step);
    await notified;
    expect(wakes).toBeGreaterThanOrEqual(2);
    unsubscribe();
  });
});

describe('uploads', () => {
  it('are received once and reaped once', async () => {
    const tenant = await makeTenant(test.database);
    const now = Date.now();
    const upload = {
      id: ids.next('upl'),
      userId: tenant.userId,
      fileName: 'a.pdf',
      mediaType: 'application/pdf',
      size: 12,
      expiresAt: now + 1_000,
      status: 'CREATED',
      contentHash: null,
      receivedBytes: 0,
      partKeys: [],
    } as const;
    await one.uploads.create(tenant.scope, upload);
    expect(await one.uploads.find(tenant.scope, upload.id)).toEqual(upload);
    const received = await Promise.all(
      Array.from({ length: 5 }, () => one.uploads.receive(tenant.scope, upload.id, sha256('a'))),
    );
    expect(received.filter(Boolean)).toHaveLength(1);
    expect(await one.uploads.reap(SYSTEM_SCOPE, now, 10)).toEqual([]);
    const reaped = await Promise.all(
      Array.from({ length: 5 }, () => one.uploads.reap(SYSTEM_SCOPE, now + 1_000, 10)),
    );
    expect(reaped.flat()).toEqual([{ scope: tenant.scope, id: upload.id }]);
  });
});
