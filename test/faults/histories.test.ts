/** Sixteen clients race for a lease, a key, a quota and a fence on the real stores; a checker reads each history. */
import { randomInt } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MemoryDatabase } from '../../src/adapters/memory/memory-database.ts';
import { MemoryRunEventLog } from '../../src/adapters/memory/memory-run-event-log.ts';
import { MemoryRunRepository } from '../../src/adapters/memory/memory-run-repository.ts';
import { MemoryUserRepository } from '../../src/adapters/memory/memory-user-repository.ts';
import { type Database, openPostgres } from '../../src/adapters/postgres/database.ts';
import { PostgresRunRepository } from '../../src/adapters/postgres/run-repository.ts';
import type { RedisStores } from '../../src/adapters/redis/open-redis.ts';
import { SystemClock } from '../../src/adapters/system/clock.ts';
import type { RunEventLog, RunRepository } from '../../src/domain/ports/runs.ts';
import { SYSTEM_SCOPE } from '../../src/domain/scope.ts';
import {
  ids,
  makeTenant,
  newRun,
  openTestDatabase,
  silentLog,
  type Tenant,
  type TestDatabase,
} from '../integration/postgres/harness.ts';
import { openNode, server } from '../integration/redis/harness.ts';
import { BROKEN } from '../simulation/broken-adapters.ts';
import { newScope } from '../support/fixtures.ts';
import { SeededRandom } from '../support/random.ts';
import { checkFencing, checkKeys, checkLeases, checkQuota } from './history-checks.ts';
import { type RunStage, raceForFence, raceForKeys, raceForLeases, raceForQuota } from './races.ts';

const seed = Number(process.env['TEST_SEED'] ?? randomInt(1_000_000));
const QUOTA = 6_000;
const clock = new SystemClock();

describe(`races on PostgreSQL (TEST_SEED=${seed})`, { timeout: 120_000 }, () => {
  let database: TestDatabase;
  /** Two processes' worth of connections: no lock of this process orders the clients. */
  let others: Database[];
  beforeAll(async () => {
    database = await openTestDatabase();
    const options = { url: database.url, poolSizeMax: 8, statementTimeoutMs: 60_000, log: silentLog };
    others = [openPostgres(options), openPostgres(options)];
  });
  afterAll(async () => {
    await Promise.all(others.map((other) => other.close()));
    await database.close();
  });

  async function stage(quotaLimitMicros: number | null = null): Promise<RunStage> {
    const tenant = await makeTenant(database.database, quotaLimitMicros);
    const repositories = others.map((other) => new PostgresRunRepository(other));
    return stageOf(tenant, (client) => repositories[client % repositories.length]);
  }

  it('one holder a generation, and no generation before the lease of the last is over', async () => {
    const { operations } = await raceForLeases(await stage(), 60);
    expect(checkLeases(operations)).toEqual([]);
    expect(operations.filter(({ output }) => output.held.length > 0).length).toBeGreaterThan(20);
  });

  it('one winner a key, and the same run for all who repeat it', async () => {
    const { operations } = await raceForKeys(await stage(), 25);
    expect(checkKeys(operations)).toEqual([]);
    expect(operations.some(({ output }) => output.kind === 'conflict')).toBe(true);
  });

  it('never past the quota, and nobody is refused who fits', async () => {
    const { operations } = await raceForQuota(await stage(QUOTA), 20);
    expect(checkQuota(operations, QUOTA)).toEqual([]);
    expect(operations.some(({ output }) => output === 'refused')).toBe(true);
  });
});

describe.skipIf(server.url === undefined)(server.nameOf(`races on Redis (TEST_SEED=${seed})`), () => {
  let nodes: RedisStores[];
  beforeAll(async () => {
    nodes = await Promise.all([openNode(), openNode(), openNode()]);
  });
  afterAll(() => Promise.all(nodes.map((node) => node.close())));

  it('nothing behind a fence, and everything that was accepted', { timeout: 120_000 }, async () => {
    const logOf = (client: number) => given(nodes[client % nodes.length]).runEventLog;
    const { history, log } = await raceForFence(
      { scope: newScope(), logOf, random: new SeededRandom(seed) },
      25,
    );
    expect(checkFencing(history.operations, log)).toEqual([]);
    expect(log.length).toBeGreaterThan(10);
    expect(history.operations.some(({ output }) => output === 'refused')).toBe(true);
  });
});

/** The executable specification under the same races, and parts of it broken: the checks must tell them apart. */
describe('the checks of histories', () => {
  it('find nothing in the histories of the memory adapters', async () => {
    expect(checkLeases((await raceForLeases(await memoryStage(memoryRuns), 40)).operations)).toEqual([]);
    expect(checkKeys((await raceForKeys(await memoryStage(memoryRuns), 10)).operations)).toEqual([]);
    expect(checkQuota((await raceForQuota(await memoryStage(memoryRuns), 20)).operations, QUOTA)).toEqual([]);
    expect(await fencing(() => new MemoryRunEventLog(clock))).toEqual([]);
  });

  it('notice a lease that two hold, a key won twice, a quota passed, and a fence that does not hold', async () => {
    const careless = (database: MemoryDatabase) => new CarelessLeases(database);
    expect(checkLeases((await raceForLeases(await memoryStage(careless), 40)).operations)).not.toEqual([]);
    const forgetful = await memoryStage(broken('runs without keys').runs);
    expect(checkKeys((await raceForKeys(forgetful, 10)).operations)).not.toEqual([]);
    const spendthrift = await memoryStage(broken('a quota that nobody keeps').runs);
    expect(checkQuota((await raceForQuota(spendthrift, 20)).operations, QUOTA)).not.toEqual([]);
    for (const name of [
      'a log that drops its fence',
      'a log that loses an event',
      'a log that doubles a delta',
    ]) {
      expect(await fencing(() => broken(name).log(clock)), name).not.toEqual([]);
    }
  });
});

/** Looks, thinks, and grants what it saw: two who look at the same time get the same. */
class CarelessLeases extends MemoryRunRepository {
  override async claimExpired(...args: Parameters<MemoryRunRepository['claimExpired']>) {
    const [, lease, limit] = args;
    const database = this.database;
    const seen = [...database.runs.values()]
      .filter(({ leaseUntil }) => leaseUntil <= lease.now)
      .slice(0, limit);
    await sleep(1);
    return seen.map((run) => {
      const leaseUntil = lease.now + lease.leaseMs;
      const claimed = { ...run, generation: run.generation + 1, leaseOwner: lease.owner, leaseUntil };
      database.runs.set(run.id, claimed);
      return claimed;
    });
  }

  readonly database: MemoryDatabase;
  constructor(database: MemoryDatabase) {
    super(database);
    this.database = database;
  }
}

const memoryRuns = (database: MemoryDatabase): RunRepository => new MemoryRunRepository(database);

function broken(name: string) {
  return given(BROKEN.find(([known]) => known === name))[2];
}

async function fencing(open: () => RunEventLog): Promise<string[]> {
  const slow = slowly(open());
  const { history, log } = await raceForFence(
    { scope: newScope(), logOf: () => slow, random: new SeededRandom(seed) },
    20,
  );
  return checkFencing(history.operations, log);
}

async function memoryStage(open: (database: MemoryDatabase) => RunRepository): Promise<RunStage> {
  const database = new MemoryDatabase();
  const [userId, workspaceId, collectionId] = [ids.next('usr'), ids.next('wsp'), ids.next('col')];
  await new MemoryUserRepository(database, clock).createWithWorkspace(
    SYSTEM_SCOPE,
    { id: userId, email: 'a@example.com', passwordHash: 'x', defaultWorkspaceId: workspaceId },
    {
      ...{ id: workspaceId, name: 'Test', defaultCollectionId: collectionId },
      ...{ ownerId: userId, quotaLimitMicros: QUOTA },
    },
  );
  const runs = slowly(open(database));
  return stageOf({ scope: { workspaceId }, userId, collectionId }, () => runs);
}

function stageOf(tenant: Tenant, runsOf: (client: number) => RunRepository | undefined): RunStage {
  return {
    scope: tenant.scope,
    runsOf: (client) => given(runsOf(client)),
    newRun: (change) => newRun(tenant, change),
    random: new SeededRandom(seed),
  };
}

/** A way there and a way back, so that calls overlap. */
function slowly<T extends object>(port: T): T {
  const random = new SeededRandom(seed);
  const pause = () => sleep(Math.floor(random.fraction() * 3));
  return new Proxy(port, {
    get: (target, property) => {
      const member: unknown = Reflect.get(target, property, target);
      if (typeof member !== 'function') return member;
      return async (...args: unknown[]) => {
        await pause();
        const result: unknown = await Reflect.apply(member, target, args);
        await pause();
        return result;
      };
    },
  });
}

function given<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('missing');
  return value;
}
