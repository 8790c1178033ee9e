import {
  JOB_ATTEMPTS_MAX,
  JOB_BACKOFF_MAX_MS,
  JOB_LEASE_MS,
} from '../../../src/adapters/postgres/job-queue.ts';
import { createPostgresRepositories } from '../../../src/adapters/postgres/repositories.ts';
import { describeDocumentProgressLog } from '../../contract/suites/document-progress-log.ts';
import { describeDocumentSubmission } from '../../contract/suites/document-submission.ts';
import { describeDocumentRepository } from '../../contract/suites/documents.ts';
import { describeJobQueue } from '../../contract/suites/jobs.ts';
import type { MakeRelational } from '../../contract/suites/relational-harness.ts';
import { describeRunRepository } from '../../contract/suites/runs.ts';
import { describeSessionRepository } from '../../contract/suites/sessions.ts';
import { TestClock } from '../../support/clock.ts';
import { openTestDatabase, silentLog } from './harness.ts';

const makePostgres: MakeRelational = async () => {
  const { database, close } = await openTestDatabase();
  const clock = new TestClock();
  const repositories = createPostgresRepositories(database, { clock, log: silentLog });
  return {
    ...repositories,
    clock,
    jobPolicy: {
      leaseMs: JOB_LEASE_MS,
      attemptsMax: JOB_ATTEMPTS_MAX,
      backoffMsMax: JOB_BACKOFF_MAX_MS,
    },
    close: async () => {
      await repositories.close();
      await close();
    },
  };
};

const NAME = 'PostgreSQL';
describeSessionRepository(NAME, makePostgres);
describeDocumentSubmission(NAME, makePostgres);
describeDocumentRepository(NAME, makePostgres);
describeDocumentProgressLog(NAME, makePostgres);
describeJobQueue(NAME, makePostgres);
describeRunRepository(NAME, makePostgres);
