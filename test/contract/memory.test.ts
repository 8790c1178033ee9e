import { MemoryApiKeyRepository } from '../../src/adapters/memory/memory-api-key-repository.ts';
import { MemoryBlobStore } from '../../src/adapters/memory/memory-blob-store.ts';
import { MemoryCache } from '../../src/adapters/memory/memory-cache.ts';
import { MemoryChatLog } from '../../src/adapters/memory/memory-chat-log.ts';
import { MemoryChunkIndex } from '../../src/adapters/memory/memory-chunk-index.ts';
import { MemoryCollectionRepository } from '../../src/adapters/memory/memory-collection-repository.ts';
import { MemoryConversationRepository } from '../../src/adapters/memory/memory-conversation-repository.ts';
import { MemoryDatabase } from '../../src/adapters/memory/memory-database.ts';
import { MemoryDocumentProgressLog } from '../../src/adapters/memory/memory-document-progress-log.ts';
import { MemoryDocumentRepository } from '../../src/adapters/memory/memory-document-repository.ts';
import { MemoryEmbeddingDeploymentRepository } from '../../src/adapters/memory/memory-embedding-deployment-repository.ts';
import { JOB_LEASE_MS, MemoryJobQueue } from '../../src/adapters/memory/memory-job-queue.ts';
import { MemoryRateLimiter } from '../../src/adapters/memory/memory-rate-limiter.ts';
import { MemoryRunEventLog } from '../../src/adapters/memory/memory-run-event-log.ts';
import { MemoryRunRepository } from '../../src/adapters/memory/memory-run-repository.ts';
import { MemorySessionCache } from '../../src/adapters/memory/memory-session-cache.ts';
import { MemorySessionRepository } from '../../src/adapters/memory/memory-session-repository.ts';
import { MemoryUploadRepository } from '../../src/adapters/memory/memory-upload-repository.ts';
import { MemoryUsageLedger } from '../../src/adapters/memory/memory-usage-ledger.ts';
import { MemoryUserRepository } from '../../src/adapters/memory/memory-user-repository.ts';
import { MemoryWorkspaceRepository } from '../../src/adapters/memory/memory-workspace-repository.ts';
import { STAGE_ATTEMPTS_MAX } from '../../src/domain/job-attempts.ts';
import { TestClock } from '../support/clock.ts';
import { describeApiKeyRepository } from './suites/api-keys.ts';
import { describeBlobStore } from './suites/blob-store.ts';
import { describeCache } from './suites/cache.ts';
import { describeChatLog } from './suites/chat-log.ts';
import { describeChunkIndex } from './suites/chunk-index.ts';
import { describeConversationRepository } from './suites/conversations.ts';
import { describeDocumentProgressLog } from './suites/document-progress-log.ts';
import { describeDocumentSubmission } from './suites/document-submission.ts';
import { describeDocumentRepository } from './suites/documents.ts';
import { describeEmbeddingDeployments } from './suites/embedding-deployments.ts';
import {
  describeCollectionRepository,
  describeUserRepository,
  describeWorkspaceRepository,
} from './suites/identity.ts';
import { describeJobQueue } from './suites/jobs.ts';
import { describeRateLimiter } from './suites/rate-limiter.ts';
import type { RelationalHarness } from './suites/relational-harness.ts';
import { describeRunEventLog } from './suites/run-event-log.ts';
import { describeRunRepository } from './suites/runs.ts';
import { describeSessionCache } from './suites/session-cache.ts';
import { describeSessionRepository } from './suites/sessions.ts';
import { describeUploadRepository } from './suites/uploads.ts';
import { describeUsageLedger } from './suites/usage-ledger.ts';

const NAME = 'memory';

async function makeRelational(): Promise<RelationalHarness> {
  const clock = new TestClock();
  const database = new MemoryDatabase();
  return {
    clock,
    users: new MemoryUserRepository(database, clock),
    workspaces: new MemoryWorkspaceRepository(database, clock),
    collections: new MemoryCollectionRepository(database),
    deployments: new MemoryEmbeddingDeploymentRepository(database),
    sessions: new MemorySessionRepository(database),
    apiKeys: new MemoryApiKeyRepository(database),
    documents: new MemoryDocumentRepository(database),
    progress: new MemoryDocumentProgressLog(database),
    uploads: new MemoryUploadRepository(database),
    jobs: new MemoryJobQueue(database, clock),
    jobPolicy: { leaseMs: JOB_LEASE_MS, attemptsMax: STAGE_ATTEMPTS_MAX, backoffMsMax: 60_000 },
    runs: new MemoryRunRepository(database),
    conversations: new MemoryConversationRepository(database),
    ledger: new MemoryUsageLedger(database),
    close: async () => {},
  };
}

describeRunRepository(NAME, makeRelational);
describeDocumentSubmission(NAME, makeRelational);
describeDocumentRepository(NAME, makeRelational);
describeDocumentProgressLog(NAME, makeRelational);
describeJobQueue(NAME, makeRelational);
describeSessionRepository(NAME, makeRelational);
describeUserRepository(NAME, makeRelational);
describeWorkspaceRepository(NAME, makeRelational);
describeCollectionRepository(NAME, makeRelational);
describeEmbeddingDeployments(NAME, makeRelational);
describeApiKeyRepository(NAME, makeRelational);
describeUploadRepository(NAME, makeRelational);
describeConversationRepository(NAME, makeRelational);
describeUsageLedger(NAME, makeRelational);

describeRunEventLog(NAME, async () => {
  const clock = new TestClock();
  return { clock, log: new MemoryRunEventLog(clock), close: async () => {} };
});
describeChatLog(NAME, async () => ({ log: new MemoryChatLog(), close: async () => {} }));
describeChunkIndex(NAME, async () => ({
  index: new MemoryChunkIndex(),
  settle: async () => {},
  close: async () => {},
}));
describeBlobStore(NAME, async () => ({ blobs: new MemoryBlobStore(), close: async () => {} }));
describeCache(NAME, async () => {
  const clock = new TestClock();
  return { clock, cache: new MemoryCache({ clock }), close: async () => {} };
});
describeRateLimiter(NAME, async () => {
  const clock = new TestClock();
  return { clock, limiter: new MemoryRateLimiter({ clock }), close: async () => {} };
});
describeSessionCache(NAME, async () => ({ cache: new MemorySessionCache(), close: async () => {} }));
