import type { MemoryDatabase } from '../../src/adapters/memory/memory-database.ts';
import { isSettled, isTerminal, type Run, type RunEvent, shownText } from '../../src/domain/run.ts';
import type { Clients, Story } from './clients.ts';
import { NODE_LIMITS, type Nodes } from './nodes.ts';
import { answerOf } from './sim-model.ts';
import type { Tenant } from './simulation.ts';
import type { Report, WitnessedLog } from './witness.ts';

interface InvariantsDeps {
  readonly database: MemoryDatabase;
  readonly log: WitnessedLog;
  readonly nodes: Nodes;
  readonly clients: Clients;
  readonly report: Report;
}
/** Calls of stores that one node may have under way: a few for each of its runs, and its own loops. */
const IN_FLIGHT_MAX = 8 * (NODE_LIMITS.runConcurrencyMax + NODE_LIMITS.runQueueLengthMax);

/** What must hold after every single step. */
export class Invariants {
  readonly #deps: InvariantsDeps;

  constructor(deps: InvariantsDeps) {
    this.#deps = deps;
  }

  check(): void {
    const { log, clients } = this.#deps;
    log.check();
    for (const [runId, { events }] of log.models) this.#checkLog(runId, events);
    for (const story of clients.stories) this.#checkStory(story);
    this.#checkMoney();
    this.#checkBounds();
  }

  /** S1: dense, at most one end, and that last. */
  #checkLog(runId: string, events: readonly RunEvent[]): void {
    const { report } = this.#deps;
    if (events.some(({ sequence }, index) => sequence !== index)) report('S1', `${runId} is not dense`);
    const end = events.findIndex(isTerminal);
    if (end >= 0 && end !== events.length - 1) report('S1', `${runId} goes on after its end`);
  }

  /** S1: every reader saw a prefix of the one log, and a prefix of the one answer. S2: one run. */
  #checkStory({ question, runIds, seen }: Story): void {
    const { report, log } = this.#deps;
    if (runIds.size > 1) report('S2', `${question} has ${runIds.size} runs`);
    const [runId] = runIds;
    for (const events of seen) {
      if (events.some(({ sequence }, index) => sequence !== index))
        report('S1', `a reader of ${runId} missed events`);
      if (!answerOf(question).startsWith(shownText(events)))
        report('S1', `a reader of ${runId} saw another answer`);
      if (runId) log.checkShown(runId, events);
    }
  }

  /** S3: the ledger is what was reported; quota and reservations are their sums; nothing passes the limit. */
  #checkMoney(): void {
    const { database, report, log } = this.#deps;
    for (const [runId, { usage }] of database.ledger) {
      const events = log.models.get(runId)?.events ?? [];
      const reported = events.filter((event) => event.type === 'UsageReported');
      const [only] = reported;
      if (
        reported.length !== 1 ||
        only?.costMicros !== usage.costMicros ||
        only.outputTokens !== usage.outputTokens
      ) {
        report('S3', `${runId} was charged ${usage.costMicros} for ${JSON.stringify(reported)}`);
      }
      const status = database.runs.get(runId)?.status;
      if (!status || !isSettled(status)) report('S3', `${runId} is charged but ${status}`);
    }
    for (const [key, { usedMicros, reservedMicros }] of database.quotas) {
      const [workspaceId = ''] = key.split('/');
      const used = sum(
        [...database.ledger.values()]
          .filter((row) => row.workspaceId === workspaceId)
          .map(({ usage }) => usage.costMicros),
      );
      const reserved = sum(
        [...database.reservations.values()]
          .filter((row) => row.workspaceId === workspaceId)
          .map(({ amountMicros }) => amountMicros),
      );
      const limit =
        [...database.workspaces.values()].find(({ id }) => id === workspaceId)?.quotaLimitMicros ??
        Number.POSITIVE_INFINITY;
      if (usedMicros !== used) report('S3', `quota says ${usedMicros} used, the ledger ${used}`);
      if (reservedMicros !== reserved)
        report('S3', `quota says ${reservedMicros} reserved, the runs ${reserved}`);
      if (usedMicros + reservedMicros > limit)
        report('S3', `${usedMicros} + ${reservedMicros} pass the limit ${limit}`);
    }
  }

  /** S6 */
  #checkBounds(): void {
    const { nodes, report, log, clients } = this.#deps;
    for (const { life } of nodes.all) {
      if (life.inFlightMax > IN_FLIGHT_MAX)
        report('S6', `${life.name} had ${life.inFlightMax} calls under way`);
    }
    const readers = clients.stories.length * 3;
    if (log.listenerCount > readers)
      report('S6', `${log.listenerCount} listeners for at most ${readers} readers`);
  }

  unfinished(): string[] {
    const { database, clients } = this.#deps;
    const runs = [...database.runs.values()].filter(({ status }) => !isSettled(status));
    const stories = clients.stories.filter(({ isDone }) => !isDone);
    return [
      ...runs.map(({ id, status, generation }) => `${id} ${status} ${generation}`),
      ...stories.map(({ question }) => question),
    ];
  }

  isAtRest(): boolean {
    return this.unfinished().length === 0;
  }

  /** What the runs came to, once nothing runs any more. */
  async checkEnd(tenants: readonly Tenant[]): Promise<void> {
    const { database, report, log, clients } = this.#deps;
    if (database.reservations.size > 0) report('S3', `${database.reservations.size} reservations are left`);
    if (log.listenerCount > 0) report('S6', `${log.listenerCount} listeners are left`);
    for (const story of clients.stories) {
      const [runId] = story.runIds;
      const run = runId && database.runs.get(runId);
      if (run) await this.#checkRun(run, story, tenants);
    }
  }

  async #checkRun(run: Run, { question, seen, tenant }: Story, tenants: readonly Tenant[]): Promise<void> {
    const { report, log, nodes } = this.#deps;
    const { events } = log.models.get(run.id) ?? { events: [] };
    if (run.status === 'COMPLETED' && shownText(events) !== answerOf(question)) {
      report('S1', `${run.id} ended with ${JSON.stringify(shownText(events))}`);
    }
    for (const shown of seen)
      if (shown.length !== events.length) report('S1', `a reader of ${run.id} saw too little`);
    const [node] = nodes.all;
    if (!node) return;
    const answer = await node.plane.runs.findAnswer(tenant.principal, run);
    if ((answer?.text ?? '') !== shownText(events))
      report('S1', `the message of ${run.id} is not what was shown`);
    for (const other of tenants.filter(({ name }) => name !== tenant.name)) {
      const found = await node.plane.runs.findAnswer(other.principal, run).catch(() => null);
      if (found) report('S4', `${other.name} reads the answer of ${run.id}`);
    }
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
