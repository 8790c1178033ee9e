import { afterAll, beforeAll } from 'vitest';
import { JOB_BACKOFF_MAX_MS, JOB_LEASE_MS } from '../../../src/adapters/postgres/job-queue.ts';
import { createPostgresRepositories } from '../../../src/adapters/postgres/repositories.ts';
import { STAGE_ATTEMPTS_MAX } from '../../../src/domain/job-attempts.ts';
import { describeApiKeyRepository } from '../../contract/suites/api-keys.ts';
import { describeConversationRepository } from '../../contract/suites/conversations.ts';
import { describeDocumentProgressLog } from '../../contract/suites/document-progress-log.ts';
import { describeDocumentSubmission } from '../../contract/suites/document-submission.ts';
import { describeDocumentRepository } from '../../contract/suites/documents.ts';
import { describeEmbeddingDeployments } from '../../contract/suites/embedding-deployments.ts';
import {
  describeCollectionRepository,
  describeUserRepository,
  describeWorkspaceRepository,
} from '../../contract/suites/identity.ts';
import { describeJobQueue } from '../../contract/suites/jobs.ts';
import type { MakeRelational } from '../../contract/suites/relational-harness.ts';
import { describeRunRepository } from '../../contract/suites/runs.ts';
import { describeSessionRepository } from '../../contract/suites/sessions.ts';
import { describeUploadRepository } from '../../contract/suites/uploads.ts';
import { describeUsageLedger } from '../../contract/suites/usage-ledger.ts';
import { TestClock } from '../../support/clock.ts';
import { startTestPostgres, type TestPostgres } from '../../support/postgres.ts';
import { openTestDatabase, silentLog } from './harness.ts';

let server: TestPostgres;
beforeAll(async () => {
  server = await startTestPostgres();
});
afterAll(() => server.close());

const makePostgres: MakeRelational = async () => {
  const { database, close } = await openTestDatabase(server);
  const clock = new TestClock();
  const repositories = createPostgresRepositories(database, { clock, log: silentLog });
  return {
    ...repositories,
    clock,
    jobPolicy: {
      leaseMs: JOB_LEASE_MS,
      attemptsMax: STAGE_ATTEMPTS_MAX,
      backoffMsMax: JOB_BACKOFF_MAX_MS,
    },
    close: async () => {
      await repositories.close();
      await close();
    },
  };
};

const SUITES = [
  describeApiKeyRepository,
  describeConversationRepository,
  describeDocumentProgressLog,
  describeDocumentSubmission,
  describeDocumentRepository,
  describeUserRepository,
  describeWorkspaceRepository,
  describeCollectionRepository,
  describeEmbeddingDeployments,
  describeJobQueue,
  describeRunRepository,
  describeSessionRepository,
  describeUploadRepository,
  describeUsageLedger,
];
for (const describePort of SUITES) describePort('PostgreSQL', makePostgres);
