/**
 * The serving half of the product in a process of its own: with its stores (`exact`), or with a ledger and logs that
 * keep nothing (`bare`). All else, from the socket to the model, is the product's own in both.
 */
import type { ChatLog, NewRun, RunEventLog, RunRepository } from '../src/domain/ports/runs.ts';
import type { Run, RunEvent } from '../src/domain/run.ts';
import type { WorkspaceScope } from '../src/domain/scope.ts';

type Stores = import('../src/app/stores.ts').Stores;

/** As it was built: the resolvers' decorators have to be compiled. */
async function built<Module>(path: string): Promise<Module> {
  return (await import(new URL(`../dist/${path}`, import.meta.url).href)) as Module;
}
const { MemoryChatLog } = await built<typeof import('../src/adapters/memory/memory-chat-log.ts')>(
  'adapters/memory/memory-chat-log.js',
);
const { noopLog } = await built<typeof import('../src/adapters/system/log.ts')>('adapters/system/log.js');
const { readConfig } = await built<typeof import('../src/app/config.ts')>('app/config.js');
const { edgeOptions } = await built<typeof import('../src/app/edge-options.ts')>('app/edge-options.js');
const { createHttpServer } = await built<typeof import('../src/app/http/server.ts')>('app/http/server.js');
const planes = await built<typeof import('../src/app/planes.ts')>('app/planes.js');
const { ShutdownStack } = await built<typeof import('../src/app/shutdown.ts')>('app/shutdown.js');
const { openStores } = await built<typeof import('../src/app/stores.ts')>('app/stores.js');

/** No reservation, no charge, no key, no fence, nothing durable: events go from the writer to its readers. */
function forgetful(): {
  readonly runs: RunRepository;
  readonly runEventLog: RunEventLog;
  readonly chatLog: ChatLog;
} {
  return { runs: new FreeRuns(), runEventLog: new PassingLog(), chatLog: new MemoryChatLog() };
}

class FreeRuns implements RunRepository {
  readonly #runs = new Map<string, Run>();

  async begin(scope: WorkspaceScope, run: NewRun) {
    const started: Run = {
      ...{ id: run.runId, workspaceId: scope.workspaceId, conversationId: run.conversation.id },
      ...{
        userId: run.userId,
        userMessageId: run.userMessageId,
        position: 0,
        status: 'QUEUED',
        generation: 1,
      },
      ...{ leaseOwner: run.leaseOwner, leaseUntil: run.now + run.leaseMs, stopRequested: false },
      ...{ question: run.question, collectionIds: run.collectionIds, finishReason: null, usage: null },
      ...{ error: null, createdAt: run.now },
    };
    this.#runs.set(run.runId, started);
    const conversation = {
      ...{ id: run.conversation.id, workspaceId: scope.workspaceId, userId: run.userId, title: null },
      ...{ createdAt: run.now, updatedAt: run.now },
    };
    return { kind: 'started', run: started, conversation } as const;
  }
  async find(_scope: WorkspaceScope, runId: Run['id']) {
    return this.#runs.get(runId);
  }
  async heartbeat() {
    return { held: [...this.#runs.keys()] as Run['id'][], stopRequested: [] };
  }
  async claimExpired() {
    return [];
  }
  async requestStop() {
    return true;
  }
  async settle(
    _scope: WorkspaceScope,
    { runId, status, finishReason, usage }: Parameters<RunRepository['settle']>[1],
  ) {
    const run = this.#runs.get(runId);
    if (run) this.#runs.set(runId, { ...run, status, finishReason, usage });
    return 'settled' as const;
  }
}

class PassingLog implements RunEventLog {
  readonly #events = new Map<string, RunEvent[]>();
  readonly #listeners = new Map<string, Set<(events: readonly RunEvent[]) => void>>();

  async append(
    _scope: WorkspaceScope,
    { runId, firstSequence, events }: Parameters<RunEventLog['append']>[1],
  ) {
    const numbered = events.map((event, index) => ({ ...event, sequence: firstSequence + index }));
    const log = this.#events.get(runId) ?? [];
    log.push(...numbered);
    this.#events.set(runId, log);
    for (const listener of this.#listeners.get(runId) ?? []) listener(numbered);
  }
  async fence() {
    return [];
  }
  async readSteps() {
    return [];
  }
  async read(_scope: WorkspaceScope, runId: Run['id'], after: number, limit: number) {
    return this.#events.get(runId)?.slice(after + 1, after + 1 + limit);
  }
  async subscribe(_scope: WorkspaceScope, runId: Run['id'], listener: (events: readonly RunEvent[]) => void) {
    const listeners = this.#listeners.get(runId) ?? new Set();
    this.#listeners.set(runId, listeners.add(listener));
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0) this.#listeners.delete(runId);
    };
  }
  async retire(_scope: WorkspaceScope, runId: Run['id']) {
    this.#events.delete(runId);
  }
}

const [mode] = process.argv.slice(2);
const shutdown = new ShutdownStack(noopLog);
const config = readConfig(process.env);
const context = { config, log: noopLog, shutdown, signal: new AbortController().signal };
const opened = await openStores(context, 'serve');
// The product's stores are classes; these keep their ports, which is all that the planes know of.
const stores = mode === 'bare' ? ({ ...opened, ...forgetful() } as unknown as Stores) : opened;
const control = planes.buildControlPlane(config, opened);
await control.seedDemo();
const data = await planes.buildDataPlane(context, opened);
data.worker.start();
const serving = await planes.buildServingPlane(config, stores, data);
serving.executor.start();
const server = await createHttpServer({
  services: {
    ...{ ...control, ...data.services, ...serving },
    deployments: planes.buildDeployments(config, opened, { ...data, ...serving }),
  },
  options: edgeOptions(config),
  log: noopLog,
  clock: opened.clock,
  random: opened.random,
  readiness: async () => ({ status: 'ready', stores: {} }),
});
const { url } = await server.listen(0, config.HOST);
process.stdout.write(`ready ${url}\n`);
process.once('SIGTERM', async () => {
  await server.close(1_000);
  await serving.executor.drain(1_000);
  await data.worker.close();
  await shutdown.close();
});
