import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PostgresRunRepository } from '../../src/adapters/postgres/run-repository.ts';
import { trustedId } from '../../src/domain/ids.ts';
import { makeTenant, newRun, openTestDatabase, type TestDatabase } from '../integration/postgres/harness.ts';
import { DataFolderFixture, runCli, startServer } from '../support/server-process.ts';

async function audit(env: Readonly<Record<string, string>>) {
  const { code, stdout } = await runCli(['audit-ledger', '--json'], env);
  return { code, ...(JSON.parse(stdout) as Record<string, unknown>) };
}

describe('audit-ledger on a server of one’s own', () => {
  let test: TestDatabase;
  let env: Readonly<Record<string, string>>;
  let folder: DataFolderFixture;
  beforeAll(async () => {
    test = await openTestDatabase();
    folder = await DataFolderFixture.make();
    env = { DATABASE_URL: test.url, DATA_DIR: folder.path };
  }, 60_000);
  afterAll(async () => {
    await test.close();
    await folder.remove();
  });

  it('ends with 0 while all agrees, and with 1 and the places when anything does not', async () => {
    const tenant = await makeTenant(test.database, 10_000);
    const runs = new PostgresRunRepository(test.database);
    const begin = async (reservationMicros: number) => {
      const outcome = await runs.begin(tenant.scope, newRun(tenant, { reservationMicros }));
      if (outcome.kind !== 'started') throw new Error(outcome.kind);
      return outcome.run;
    };
    const [settled, running] = [await begin(50), await begin(70)];
    const usage = { inputTokens: 7, outputTokens: 3, costMicros: 31, estimated: false };
    await runs.settle(tenant.scope, {
      ...{ runId: settled.id, generation: 1, status: 'COMPLETED', finishReason: 'COMPLETED', error: null },
      ...{ usage, modelId: 'model', now: Date.now() },
    });
    const sums = { messages: 1, inputTokens: 7, outputTokens: 3, costMicros: 31 };
    expect(await audit(env)).toMatchObject({ code: 0, agrees: true, runCount: 2, usage: sums, ledger: sums });

    const { pool } = test.database;
    await pool.query('UPDATE quotas SET used_micros = used_micros + 1');
    const miscountedQuotas = [{ ...tenant.scope, period: new Date().toISOString().slice(0, 7) }];
    expect(await audit(env)).toMatchObject({ code: 1, agrees: false, miscountedQuotas, mismatched: [] });
    await pool.query('UPDATE quotas SET used_micros = used_micros - 1');

    await pool.query('UPDATE runs SET cost_micros = 30 WHERE settled_at IS NOT NULL');
    expect(await audit(env)).toMatchObject({ code: 1, mismatched: [settled.id], usage: { costMicros: 30 } });
    await pool.query('UPDATE runs SET cost_micros = 31 WHERE settled_at IS NOT NULL');

    const moved = trustedId('run', settled.id);
    await pool.query('UPDATE reservations SET run_id = $1', [moved]);
    const wrong = { orphanedReservations: [settled.id], unreserved: [running.id], miscountedQuotas: [] };
    expect(await audit(env)).toMatchObject({ code: 1, ...wrong });
    const { code, stdout } = await runCli(['audit-ledger'], env);
    expect(code).toBe(1);
    expect(stdout).toContain(`run without a reservation: ${running.id}`);
  }, 60_000);
});

describe('audit-ledger on a data folder', () => {
  it('works beside the server, and makes nothing where nothing is', async () => {
    const folder = await DataFolderFixture.make();
    const env = { DATA_DIR: folder.path };
    const { code, stderr } = await runCli(['audit-ledger'], env);
    expect({ code, stderr }).toMatchObject({ code: 1, stderr: expect.stringContaining('no data') });
    const server = await startServer({ folder: folder.path });
    const client = await server.client();
    await client.ask('hello').finished();
    const sums = await client.usage();
    expect(await audit(env)).toMatchObject({ code: 0, runCount: 1, usage: sums.usage, ledger: sums.usage });
    client.close();
    expect((await server.stop()).code).toBe(0);
    expect(await audit(env)).toMatchObject({ code: 0, runCount: 1 });
    await folder.remove();
  }, 120_000);
});
