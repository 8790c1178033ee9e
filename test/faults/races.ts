/** Sixteen clients at once on one port; what they were answered is for the checks of the history. */
import { setTimeout as sleep } from 'node:timers/promises';
import { DomainError } from '../../src/domain/errors.ts';
import type { RunId } from '../../src/domain/ids.ts';
import type { BeginOutcome, NewRun, RunEventLog, RunRepository } from '../../src/domain/ports/runs.ts';
import type { RunEvent } from '../../src/domain/run.ts';
import { SYSTEM_SCOPE, type WorkspaceScope } from '../../src/domain/scope.ts';
import { deltas, ids } from '../support/fixtures.ts';
import type { SeededRandom } from '../support/random.ts';
import { History, race } from './history.ts';
import type {
  FenceInput,
  FenceOutput,
  KeyInput,
  KeyOutput,
  LeaseInput,
  LeaseOutput,
  QuotaInput,
  QuotaOutput,
} from './history-checks.ts';

export const CLIENTS = 16;
const TAKEOVER_PAUSE_MAX_MS = 150;

export interface RunStage {
  readonly scope: WorkspaceScope;
  /** Every client's own way to the store. */
  runsOf(client: number): RunRepository;
  newRun(change: Partial<NewRun>): NewRun;
  readonly random: SeededRandom;
}

/** Takes and renews leases on a few runs, for so short that all are always contended. */
export async function raceForLeases(
  stage: RunStage,
  turns: number,
): Promise<History<LeaseInput, LeaseOutput>> {
  const history = new History<LeaseInput, LeaseOutput>();
  const leaseMs = 4;
  for (let run = 0; run < 3; run += 1) await stage.runsOf(0).begin(stage.scope, stage.newRun({ leaseMs: 0 }));
  await race(CLIENTS, async (client) => {
    const runs = stage.runsOf(client);
    const owner = `client-${client}`;
    for (let turn = 0; turn < turns; turn += 1) {
      const claim = { kind: 'claim', owner, now: Date.now(), leaseMs } as const;
      const { held } = await history.record(client, claim, async () => ({
        held: (await runs.claimExpired(SYSTEM_SCOPE, claim, 2))
          .filter(({ workspaceId }) => workspaceId === stage.scope.workspaceId)
          .map(({ id, generation }) => ({ runId: id, generation })),
      }));
      if (held.length === 0) continue;
      const renewal = { kind: 'heartbeat', owner, now: Date.now(), leaseMs } as const;
      await history.record(client, renewal, async () => {
        const asked = held.map(({ runId, generation }) => ({ id: runId as RunId, generation }));
        const kept = new Set<string>((await runs.heartbeat(SYSTEM_SCOPE, renewal, asked)).held);
        return { held: held.filter(({ runId }) => kept.has(runId)) };
      });
    }
  });
  return history;
}

/** Sends under a few keys, now and then with another payload. */
export async function raceForKeys(stage: RunStage, keys: number): Promise<History<KeyInput, KeyOutput>> {
  const history = new History<KeyInput, KeyOutput>();
  await race(CLIENTS, async (client) => {
    for (let index = 0; index < keys; index += 1) {
      const payload = stage.random.fraction() < 0.2 ? 'other' : 'same';
      const key = `${stage.scope.workspaceId}-key-${index}`;
      const idempotency = {
        ...({ principalKey: 'racer', operation: 'sendMessage', key } as const),
        ...{ payloadHash: payload.padEnd(64, '0'), expiresAt: Date.now() + 86_400_000 },
      };
      await history.record(client, { key, payload }, async () =>
        keyOutput(await stage.runsOf(client).begin(stage.scope, stage.newRun({ idempotency }))),
      );
    }
  });
  return history;
}

function keyOutput(outcome: BeginOutcome): KeyOutput {
  if (outcome.kind === 'started' || outcome.kind === 'replayed')
    return { kind: outcome.kind, runId: outcome.run.id };
  if (outcome.kind === 'conflict') return { kind: 'conflict' };
  throw new Error(outcome.kind);
}

/** Reserves more than there is, uses a part of it, and comes again. */
export async function raceForQuota(
  stage: RunStage,
  turns: number,
): Promise<History<QuotaInput, QuotaOutput>> {
  const history = new History<QuotaInput, QuotaOutput>();
  await race(CLIENTS, async (client) => {
    const runs = stage.runsOf(client);
    for (let turn = 0; turn < turns; turn += 1) {
      const amount = 50 + Math.floor(stage.random.fraction() * 100);
      const run = stage.newRun({ reservationMicros: amount });
      const outcome = await history.record(client, { kind: 'reserve', runId: run.runId, amount }, async () =>
        (await runs.begin(stage.scope, run)).kind === 'quota-exceeded' ? 'refused' : 'done',
      );
      if (outcome === 'refused') continue;
      const used = Math.floor(amount * stage.random.fraction());
      const usage = { inputTokens: used, outputTokens: 0, costMicros: used, estimated: false };
      await history.record(client, { kind: 'settle', runId: run.runId, amount: used }, async () => {
        await runs.settle(stage.scope, {
          ...{ runId: run.runId, generation: 1, status: 'COMPLETED', finishReason: 'COMPLETED', error: null },
          ...{ usage, modelId: 'raced', now: Date.now() },
        });
        return 'done';
      });
    }
  });
  return history;
}

interface LogStage {
  readonly scope: WorkspaceScope;
  logOf(client: number): RunEventLog;
  readonly random: SeededRandom;
}

/** Every client takes the run over, appends until it is refused, and takes it over again. */
export async function raceForFence(
  stage: LogStage,
  turns: number,
): Promise<{ readonly history: History<FenceInput, FenceOutput>; readonly log: readonly RunEvent[] }> {
  const history = new History<FenceInput, FenceOutput>();
  const runId = ids.next('run');
  let newest = 0;
  await race(CLIENTS, async (client) => {
    const log = stage.logOf(client);
    for (let turn = 0; turn < turns; turn += 1) {
      // Now and then somebody gets something done.
      await sleep(Math.floor(stage.random.fraction() * TAKEOVER_PAUSE_MAX_MS));
      newest += 1;
      const generation = newest;
      const seen = await history.record(client, { kind: 'fence', generation }, () =>
        refusable(() => log.fence(stage.scope, runId, generation)),
      );
      if (typeof seen === 'string') continue;
      let first = seen.length;
      for (let batch = 0; batch < 3; batch += 1) {
        const size = 1 + Math.floor(stage.random.fraction() * 3);
        const texts = Array.from({ length: size }, (_, index) => `${generation}.${batch}.${index} 😀`);
        const input = { kind: 'append', generation, first, texts } as const;
        const answer = await history.record(client, input, () =>
          refusable(async () => {
            const events = deltas(...texts);
            await log.append(stage.scope, { runId, generation, firstSequence: first, events });
            return 'accepted' as const;
          }),
        );
        if (answer === 'refused') break;
        first += size;
      }
    }
  });
  return { history, log: (await stage.logOf(0).read(stage.scope, runId, -1, 100_000)) ?? [] };
}

async function refusable<T>(call: () => Promise<T>): Promise<T | 'refused'> {
  try {
    return await call();
  } catch (error) {
    if (error instanceof DomainError && ['STALE_GENERATION', 'CONFLICT'].includes(error.code))
      return 'refused';
    throw error;
  }
}
