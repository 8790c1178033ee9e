import type { Clock, Log } from '../../domain/ports/system.ts';
import { PostgresApiKeyRepository } from './api-key-repository.ts';
import { PostgresCollectionRepository } from './collection-repository.ts';
import { PostgresConversationRepository } from './conversation-repository.ts';
import type { Database } from './database.ts';
import { PostgresDocumentProgressLog } from './document-progress-log.ts';
import { PostgresDocumentRepository } from './document-repository.ts';
import { PostgresEmbeddingDeploymentRepository } from './embedding-deployment-repository.ts';
import { PostgresJobQueue } from './job-queue.ts';
import { PostgresListener } from './listener.ts';
import { PostgresReaper } from './reaper.ts';
import { PostgresRunRepository } from './run-repository.ts';
import { PostgresSessionRepository } from './session-repository.ts';
import { PostgresUploadRepository } from './upload-repository.ts';
import { PostgresUsageLedger } from './usage-ledger.ts';
import { PostgresUserRepository } from './user-repository.ts';
import { PostgresWorkspaceRepository } from './workspace-repository.ts';

export interface PostgresRepositories {
  readonly users: PostgresUserRepository;
  readonly workspaces: PostgresWorkspaceRepository;
  readonly collections: PostgresCollectionRepository;
  readonly deployments: PostgresEmbeddingDeploymentRepository;
  readonly sessions: PostgresSessionRepository;
  readonly apiKeys: PostgresApiKeyRepository;
  readonly documents: PostgresDocumentRepository;
  readonly progress: PostgresDocumentProgressLog;
  readonly uploads: PostgresUploadRepository;
  readonly runs: PostgresRunRepository;
  readonly conversations: PostgresConversationRepository;
  readonly ledger: PostgresUsageLedger;
  readonly jobs: PostgresJobQueue;
  /** Stops what runs in the background; the database stays open. */
  close(): Promise<void>;
}

/** Every relational port on one migrated database. Nothing is asked of the database before the first call. */
export function createPostgresRepositories(
  database: Database,
  deps: { readonly clock: Clock; readonly log: Log },
): PostgresRepositories {
  const { clock, log } = deps;
  const listener = new PostgresListener(database, { clock, log });
  const jobs = new PostgresJobQueue(database, { listener, clock, log });
  const reaper = new PostgresReaper(database, { clock, log });
  return {
    users: new PostgresUserRepository(database, clock),
    workspaces: new PostgresWorkspaceRepository(database, clock),
    collections: new PostgresCollectionRepository(database),
    deployments: new PostgresEmbeddingDeploymentRepository(database),
    sessions: new PostgresSessionRepository(database, clock),
    apiKeys: new PostgresApiKeyRepository(database),
    documents: new PostgresDocumentRepository(database, clock),
    progress: new PostgresDocumentProgressLog(database, listener),
    uploads: new PostgresUploadRepository(database),
    runs: new PostgresRunRepository(database),
    conversations: new PostgresConversationRepository(database),
    ledger: new PostgresUsageLedger(database),
    jobs,
    close: async () => {
      await Promise.all([jobs.close(), reaper.close()]);
      await listener.close();
    },
  };
}
