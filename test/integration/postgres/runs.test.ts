import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PostgresConversationRepository } from '../../../src/adapters/postgres/conversation-repository.ts';
import { PostgresRunRepository } from '../../../src/adapters/postgres/run-repository.ts';
import { PostgresUsageLedger } from '../../../src/adapters/postgres/usage-ledger.ts';
import type { BeginOutcome, Settlement } from '../../../src/domain/ports/runs.ts';
import type { Run } from '../../../src/domain/run.ts';
import { SYSTEM_SCOPE } from '../../../src/domain/scope.ts';
import { claim, DAY_MS, ids, makeTenant, newRun, openTestDatabase, type TestDatabase } from './harness.ts';

let test: TestDatabase;
let runs: PostgresRunRepository;
let ledger: PostgresUsageLedger;
let conversations: PostgresConversationRepository;
beforeAll(async () => {
  test = await openTestDatabase();
  runs = new PostgresRunRepository(test.database);
  ledger = new PostgresUsageLedger(test.database);
  conversations = new PostgresConversationRepository(test.database);
});
afterAll(() => test.close());

const times = <T>(count: number, make: (index: number) => T): T[] =>
  Array.from({ length: count }, (_, i) => make(i));
const kinds = (outcomes: readonly BeginOutcome[]) => {
  const count: Partial<Record<BeginOutcome['kind'], number>> = {};
  for (const { kind } of outcomes) count[kind] = (count[kind] ?? 0) + 1;
  return count;
};
function started(outcome: BeginOutcome): Run {
  if (outcome.kind !== 'started') throw new Error(`not started: ${outcome.kind}`);
  return outcome.run;
}
const settlement = (run: Run, change: Partial<Settlement> = {}): Settlement => ({
  runId: run.id,
  generation: run.generation,
  status: 'COMPLETED',
  finishReason: 'COMPLETED',
  error: null,
  usage: { inputTokens: 100, outputTokens: 20, costMicros: 7, estimated: false },
  modelId: 'model',
  now: Date.now(),
  ...change,
});

describe('begin', () => {
  it('makes one run of fifty sends with one key, and nothing else', async () => {
    const tenant = await makeTenant(test.database, 1_000);
    const outcomes = await Promise.all(
      times(50, () => runs.begin(tenant.scope, newRun(tenant, { idempotency: claim('k', 'same') }))),
    );
    expect(kinds(outcomes)).toEqual({ started: 1, replayed: 49 });
    expect(new Set(outcomes.map((outcome) => 'run' in outcome && outcome.run.id)).size).toBe(1);
    expect(await ledger.quota(tenant.scope, Date.now())).toMatchObject({ reservedMicros: 10, usedMicros: 0 });
    const listed = await conversations.list(tenant.scope, tenant.userId, { first: 10 });
    expect(listed.items).toHaveLength(1);
  });

  it('answers a used key by its payload, its principal and its workspace', async () => {
    const tenant = await makeTenant(test.database);
    const first = started(await runs.begin(tenant.scope, newRun(tenant, { idempotency: claim('k', 'a') })));
    const again = await runs.begin(tenant.scope, newRun(tenant, { idempotency: claim('k', 'a') }));
    expect(again).toMatchObject({ kind: 'replayed', run: first, conversation: { title: 'Why?' } });
    const other = await runs.begin(tenant.scope, newRun(tenant, { idempotency: claim('k', 'b') }));
    expect(other).toEqual({ kind: 'conflict' });
    const elsewhere = await makeTenant(test.database);
    const theirs = await runs.begin(elsewhere.scope, newRun(elsewhere, { idempotency: claim('k', 'a') }));
    expect(theirs.kind).toBe('started');
    const principal = { ...claim('k', 'a'), principalKey: 'key_other' };
    expect((await runs.begin(tenant.scope, newRun(tenant, { idempotency: principal }))).kind).toBe('started');
  });

  it('lets an expired key be used again, once', async () => {
    const tenant = await makeTenant(test.database);
    const now = Date.now();
    await runs.begin(tenant.scope, newRun(tenant, { now, idempotency: claim('k', 'a', now) }));
    const later = now + DAY_MS;
    const outcomes = await Promise.all(
      times(10, () =>
        runs.begin(tenant.scope, newRun(tenant, { now: later, idempotency: claim('k', 'b', later) })),
      ),
    );
    expect(kinds(outcomes)).toEqual({ started: 1, replayed: 9 });
  });

  it('never reserves past the limit, under parallel sends, and stores nothing of a refusal', async () => {
    const tenant = await makeTenant(test.database, 105);
    const sends = times(40, (index) => newRun(tenant, { idempotency: claim(`k${index}`, 'x') }));
    const outcomes = await Promise.all(sends.map((run) => runs.begin(tenant.scope, run)));
    expect(kinds(outcomes)).toEqual({ started: 10, 'quota-exceeded': 30 });
    expect((await ledger.quota(tenant.scope, Date.now())).reservedMicros).toBe(100);
    const listed = await conversations.list(tenant.scope, tenant.userId, { first: 50 });
    expect(listed.items).toHaveLength(10);
    const refused = sends.filter((_, index) => outcomes[index]?.kind === 'quota-exceeded');
    for (const { runId } of refused) expect(await runs.find(tenant.scope, runId)).toBeUndefined();
    await ledger.setQuotaLimit(tenant.scope, null);
    const retried = await Promise.all(refused.map((run) => runs.begin(tenant.scope, run)));
    expect(kinds(retried)).toEqual({ started: 30 });
  });

  it('refuses a single reservation above the limit when nothing was used yet', async () => {
    const tenant = await makeTenant(test.database, 9);
    expect(await runs.begin(tenant.scope, newRun(tenant))).toEqual({ kind: 'quota-exceeded' });
    expect(await ledger.quota(tenant.scope, Date.now())).toMatchObject({ reservedMicros: 0, limitMicros: 9 });
  });

  it('gives parallel sends of one conversation distinct positions, two apart', async () => {
    const tenant = await makeTenant(test.database);
    const first = started(await runs.begin(tenant.scope, newRun(tenant)));
    const conversation = { kind: 'existing', id: first.conversationId } as const;
    const outcomes = await Promise.all(
      times(20, () => runs.begin(tenant.scope, newRun(tenant, { conversation }))),
    );
    const positions = outcomes.map((outcome) => started(outcome).position).sort((a, b) => a - b);
    expect(positions).toEqual(times(20, (index) => 2 + 2 * index));
  });

  it('does not know conversations of another user or workspace', async () => {
    const tenant = await makeTenant(test.database);
    const stranger = await makeTenant(test.database);
    const first = started(await runs.begin(tenant.scope, newRun(tenant)));
    const conversation = { kind: 'existing', id: first.conversationId } as const;
    const attempts = [
      runs.begin(stranger.scope, newRun(stranger, { conversation })),
      runs.begin(tenant.scope, newRun(tenant, { conversation, userId: stranger.userId })),
      runs.begin(tenant.scope, newRun(tenant, { conversation: { kind: 'existing', id: ids.next('cnv') } })),
    ];
    expect(kinds(await Promise.all(attempts))).toEqual({ 'conversation-not-found': 3 });
    expect((await ledger.quota(tenant.scope, Date.now())).reservedMicros).toBe(10);
  });
});

describe('settle', () => {
  it('bills once, however often and however parallel it is called', async () => {
    const tenant = await makeTenant(test.database, 1_000);
    const run = started(await runs.begin(tenant.scope, newRun(tenant)));
    const outcomes = await Promise.all(times(20, () => runs.settle(tenant.scope, settlement(run))));
    expect(outcomes.filter((outcome) => outcome === 'settled')).toHaveLength(1);
    expect(outcomes.filter((outcome) => outcome === 'already-settled')).toHaveLength(19);
    expect(await ledger.quota(tenant.scope, Date.now())).toMatchObject({ usedMicros: 7, reservedMicros: 0 });
    expect(await ledger.totals(tenant.scope)).toEqual({
      messages: 1,
      inputTokens: 100,
      outputTokens: 20,
      costMicros: 7,
    });
    expect(await runs.find(tenant.scope, run.id)).toMatchObject({
      status: 'COMPLETED',
      question: null,
      usage: { inputTokens: 100, outputTokens: 20, costMicros: 7, estimated: false },
    });
  });

  it('is refused to an older generation and keeps what the newer one settles', async () => {
    const tenant = await makeTenant(test.database);
    const run = started(await runs.begin(tenant.scope, newRun(tenant, { leaseMs: 0 })));
    const lease = { owner: 'node-2', leaseMs: 1_000, now: Date.now() + 1 };
    const claimed = (await runs.claimExpired(SYSTEM_SCOPE, lease, 100)).find(({ id }) => id === run.id);
    expect(claimed).toMatchObject({ generation: 2, leaseOwner: 'node-2', question: 'Why?' });
    expect(await runs.settle(tenant.scope, settlement(run))).toBe('stale');
    const failed = { status: 'FAILED', finishReason: null, generation: 2 } as const;
    const error = { code: 'MODEL_FAILED', message: 'No model.', retryable: true };
    expect(await runs.settle(tenant.scope, settlement(run, { ...failed, error }))).toBe('settled');
    expect(await runs.settle(tenant.scope, settlement(run))).toBe('already-settled');
    expect(await runs.find(tenant.scope, run.id)).toMatchObject({ status: 'FAILED', error });
  });

  it('agrees with the ledger for every run, while sends and settlements cross in one conversation', async () => {
    const tenant = await makeTenant(test.database, 600);
    const first = started(await runs.begin(tenant.scope, newRun(tenant, { reservationMicros: 0 })));
    const conversation = { kind: 'existing', id: first.conversationId } as const;
    const send = async (index: number) => {
      const request = newRun(tenant, { reservationMicros: 13, ...(index % 3 === 0 ? {} : { conversation }) });
      const outcome = await runs.begin(tenant.scope, request);
      if (outcome.kind !== 'started') return;
      const usage = { inputTokens: index, outputTokens: 1, costMicros: index % 13, estimated: true };
      await runs.settle(tenant.scope, settlement(outcome.run, { usage }));
    };
    await Promise.all(times(120, send));
    await runs.settle(tenant.scope, settlement(first));
    const { costMicros } = await ledger.totals(tenant.scope);
    const quota = await ledger.quota(tenant.scope, Date.now());
    expect(quota).toMatchObject({ usedMicros: costMicros, reservedMicros: 0 });
    expect(await ledger.audit(SYSTEM_SCOPE)).toMatchObject({ mismatched: [], orphanedReservations: [] });
  });

  it('leaves a ledger that nobody can rewrite', async () => {
    const rewrite = test.database.pool.query('UPDATE usage_ledger SET cost_micros = 0');
    await expect(rewrite).rejects.toThrow('append-only');
  });
});

describe('leases', () => {
  it('give one expired run to one claimant', async () => {
    const tenant = await makeTenant(test.database);
    const mine = await Promise.all(times(12, () => runs.begin(tenant.scope, newRun(tenant, { leaseMs: 0 }))));
    const now = Date.now() + 1;
    const claims = await Promise.all(
      times(8, (index) => runs.claimExpired(SYSTEM_SCOPE, { owner: `n${index}`, leaseMs: 60_000, now }, 3)),
    );
    const claimed = claims.flat().map(({ id }) => id);
    expect(new Set(claimed).size).toBe(claimed.length);
    expect(claimed.sort()).toEqual(mine.map((outcome) => started(outcome).id).sort());
  });

  it('are extended for the holder of the newest generation only, who learns of a stop', async () => {
    const tenant = await makeTenant(test.database);
    const kept = started(await runs.begin(tenant.scope, newRun(tenant)));
    const lost = started(await runs.begin(tenant.scope, newRun(tenant, { leaseMs: 0 })));
    const settled = started(await runs.begin(tenant.scope, newRun(tenant)));
    await runs.settle(tenant.scope, settlement(settled));
    const now = Date.now() + 1;
    await runs.claimExpired(SYSTEM_SCOPE, { owner: 'node-2', leaseMs: 60_000, now }, 100);
    expect(await runs.requestStop(tenant.scope, kept.id)).toBe(true);
    expect(await runs.requestStop(tenant.scope, settled.id)).toBe(false);
    const lease = { owner: 'node-1', leaseMs: 30_000, now };
    const beat = await runs.heartbeat(SYSTEM_SCOPE, lease, [kept, lost, settled]);
    expect(beat).toEqual({ held: [kept.id], stopRequested: [kept.id] });
    expect((await runs.find(tenant.scope, kept.id))?.leaseUntil).toBe(now + 30_000);
  });
});
