import {
  JOB_ATTEMPTS_MAX,
  JOB_BACKOFF_MAX_MS,
  JOB_LEASE_MS,
} from '../../../src/adapters/postgres/job-queue.ts';
import { createPostgresRepositories } from '../../../src/adapters/postgres/repositories.ts';
import type { MakeRelational } from '../../contract/suites/relational-harness.ts';
import { describeRunRepository } from '../../contract/suites/runs.ts';
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

describeRunRepository('PostgreSQL', makePostgres);
