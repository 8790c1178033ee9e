import { createHash, randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { type Database, openPostgres } from '../../../src/adapters/postgres/database.ts';
import { migratePostgres } from '../../../src/adapters/postgres/migrate.ts';
import { PostgresUserRepository } from '../../../src/adapters/postgres/user-repository.ts';
import { makeId, type UserId, type WorkspaceId } from '../../../src/domain/ids.ts';
import type { NewRun } from '../../../src/domain/ports/runs.ts';
import type { Clock, IdGenerator, Log } from '../../../src/domain/ports/system.ts';
import { SYSTEM_SCOPE, type WorkspaceScope } from '../../../src/domain/scope.ts';
import { startTestPostgres, type TestPostgres } from '../../support/postgres.ts';

export const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {} };
export const ids: IdGenerator = { next: (prefix) => makeId(prefix, Date.now(), randomBytes(10)) };
export const systemClock: Clock = {
  now: () => Date.now(),
  sleep: async (ms, signal) => delay(ms, undefined, { signal }),
};
export const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

export interface TestDatabase {
  readonly url: string;
  readonly database: Database;
  close(): Promise<void>;
}

/** A migrated database of its own, on a server of its own unless one is given. */
export async function openTestDatabase(shared?: TestPostgres): Promise<TestDatabase> {
  const server = shared ?? (await startTestPostgres());
  const url = shared === undefined ? server.url : await server.createDatabase();
  await migratePostgres({ url, log: silentLog });
  const database = openPostgres({ url, poolSizeMax: 20, statementTimeoutMs: 20_000, log: silentLog });
  return {
    url,
    database,
    close: async () => {
      await database.close();
      if (shared === undefined) await server.close();
    },
  };
}

export interface Tenant {
  readonly scope: WorkspaceScope;
  readonly userId: UserId;
  readonly collectionId: ReturnType<typeof makeId<'col'>>;
}

export async function makeTenant(
  database: Database,
  quotaLimitMicros: number | null = null,
): Promise<Tenant> {
  const workspaceId: WorkspaceId = ids.next('wsp');
  const userId = ids.next('usr');
  const collectionId = ids.next('col');
  await new PostgresUserRepository(database, systemClock).createWithWorkspace(
    SYSTEM_SCOPE,
    { id: userId, email: `${userId}@example.com`, passwordHash: 'x', defaultWorkspaceId: workspaceId },
    { id: workspaceId, name: 'Test', defaultCollectionId: collectionId, ownerId: userId, quotaLimitMicros },
  );
  return { scope: { workspaceId }, userId, collectionId };
}

export const DAY_MS = 24 * 60 * 60_000;

export function newRun(tenant: Tenant, change: Partial<NewRun> = {}): NewRun {
  return {
    runId: ids.next('run'),
    userId: tenant.userId,
    userMessageId: ids.next('msg'),
    question: 'Why?',
    collectionIds: [],
    conversation: { kind: 'new', id: ids.next('cnv'), title: 'Why?' },
    leaseOwner: 'node-1',
    leaseMs: 15_000,
    reservationMicros: 10,
    now: Date.now(),
    ...change,
  };
}

export function claim(key: string, payload: string, now = Date.now()) {
  return {
    principalKey: 'usr_test',
    operation: 'sendMessage',
    key,
    payloadHash: sha256(payload),
    expiresAt: now + DAY_MS,
  } as const;
}
