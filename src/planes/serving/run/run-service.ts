import type { Message } from '../../../domain/conversation.ts';
import { assertNever, notFound } from '../../../domain/errors.ts';
import type { RunId } from '../../../domain/ids.ts';
import type { CollectionRepository } from '../../../domain/ports/identity.ts';
import type { RateLimit, RateLimiter } from '../../../domain/ports/limits.ts';
import type {
  BeginOutcome,
  ChatLog,
  NewRun,
  RunEventLog,
  RunRepository,
} from '../../../domain/ports/runs.ts';
import type { Clock, IdGenerator } from '../../../domain/ports/system.ts';
import { authorize, type Principal, principalKey } from '../../../domain/principal.ts';
import { isSettled, type Run, type RunEvent, type RunHandover } from '../../../domain/run.ts';
import type { WorkspaceScope } from '../../../domain/scope.ts';
import { costMicros, type ModelPrice } from '../../../domain/usage.ts';
import type { Feed, RunApi, SendMessageCommand, SendMessageOutcome } from '../../services.ts';
import type { Answerer } from '../agent/answerer.ts';
import { checkCollections } from '../collection-check.ts';
import { takeRate } from '../rate.ts';
import { LostFeed } from './lost-feed.ts';
import type { RunExecutor } from './run-executor.ts';
import { RunFeed } from './run-feed.ts';
import { questionMessage } from './run-session.ts';
import { checkMessage, claimOf, titleOf } from './send-message.ts';
import { StoredFeed } from './stored-feed.ts';

/** `stop` answers with the ended run if it ends within this time, else with the run as it is. */
const STOP_WAIT_MS = 5_000;
/** Between a run's last event and its settlement on another node; doubling. */
const SETTLED_POLL_MS = 20;
const SETTLED_POLL_MAX_MS = 1_000;
const SETTLED_POLLS_MAX = 40;

export interface RunServiceDeps {
  readonly runs: RunRepository;
  readonly chatLog: ChatLog;
  readonly runEventLog: RunEventLog;
  readonly collections: Pick<CollectionRepository, 'find'>;
  readonly rateLimiter: RateLimiter;
  readonly executor: RunExecutor;
  readonly answerer: Pick<Answerer, 'bounds'>;
  readonly ids: IdGenerator;
  readonly clock: Clock;
}
export interface RunServiceOptions {
  readonly messageLengthMax: number;
  readonly messageRate: RateLimit;
  readonly price: ModelPrice;
}

export class RunService implements RunApi {
  readonly #deps: RunServiceDeps;
  readonly #options: RunServiceOptions;

  constructor(deps: RunServiceDeps, options: RunServiceOptions) {
    this.#deps = deps;
    this.#options = options;
  }

  async sendMessage(principal: Principal, command: SendMessageCommand): Promise<SendMessageOutcome> {
    authorize(principal, 'chat');
    checkMessage(command, this.#options.messageLengthMax);
    const { rateLimiter, executor, collections, runs } = this.#deps;
    const rateLimit = await takeRate(rateLimiter, this.#options.messageRate, principalKey(principal));
    const scope = { workspaceId: principal.workspaceId };
    const collectionIds = (await checkCollections(collections, scope, command.collectionIds)) ?? [];
    // A place first: a run that nobody has room for must not be stored, reserved for and then wait for recovery.
    const slot = executor.reserve();
    try {
      const newRun = this.#newRun(principal, { ...command, collectionIds });
      const begun = await runs.begin(scope, newRun);
      const sent = (run: Run, replayed: boolean) => ({ run, replayed, rateLimit, text: command.text });
      switch (begun.kind) {
        case 'started':
          return await this.#store(scope, begun, sent(begun.run, false), () => slot.submit(begun.run));
        case 'replayed':
          return await this.#store(scope, begun, sent(begun.run, true), () => undefined);
        case 'conversation-not-found':
          throw notFound('conversation');
        case 'conflict':
        case 'quota-exceeded':
          return { kind: begun.kind };
        default:
          return assertNever(begun);
      }
    } finally {
      slot.release();
    }
  }

  async get(principal: Principal, runId: RunId): Promise<Run> {
    authorize(principal, 'chat');
    const run = await this.#deps.runs.find({ workspaceId: principal.workspaceId }, runId);
    if (!run || run.userId !== principal.userId) throw notFound('run');
    return run;
  }

  async findAnswer(principal: Principal, run: Run): Promise<Message | null> {
    authorize(principal, 'chat');
    if (!isOwn(principal, run)) throw notFound('run');
    const scope = { workspaceId: principal.workspaceId };
    const { conversationId, position } = run;
    return (await this.#deps.chatLog.findMessage(scope, conversationId, position + 1)) ?? null;
  }

  async handovers(principal: Principal, run: Run): Promise<readonly RunHandover[]> {
    authorize(principal, 'chat');
    if (!isOwn(principal, run)) throw notFound('run');
    if (run.generation === 1) return [];
    const { chatLog, runEventLog } = this.#deps;
    const scope = { workspaceId: run.workspaceId };
    const stored = isSettled(run.status) ? await chatLog.readEvents(scope, run.id, -1) : undefined;
    const events = stored ?? (await runEventLog.read(scope, run.id, -1, Number.MAX_SAFE_INTEGER)) ?? [];
    return events.filter((event) => event.type === 'RunHandover');
  }

  async stop(principal: Principal, runId: RunId): Promise<Run> {
    const run = await this.get(principal, runId);
    if (isSettled(run.status)) return run;
    const { runs, executor, clock } = this.#deps;
    // Durable first: if this node dies now, whoever takes the run over stops it.
    await runs.requestStop({ workspaceId: run.workspaceId }, runId);
    executor.stop(runId);
    const finished = executor.finished(runId);
    if (finished) {
      const over = new AbortController();
      const waited = clock.sleep(STOP_WAIT_MS, over.signal).catch(() => undefined);
      await Promise.race([finished, waited]);
      over.abort();
    }
    return this.get(principal, runId);
  }

  async watch(principal: Principal, runId: RunId, after: number): Promise<Feed<RunEvent>> {
    authorize(principal, 'chat');
    const { chatLog, runEventLog, executor } = this.#deps;
    // Whose it is does not change, and that it goes on is known here: no question to the database.
    const running = executor.running(runId);
    const run = running && isOwn(principal, running) ? running : await this.get(principal, runId);
    const stored = isSettled(run.status) ? await this.#storedFeed(principal, run, after) : undefined;
    if (stored) return stored;
    const settled = (watched: Run, signal: AbortSignal) => this.#settled(watched, signal);
    return RunFeed.open({ runEventLog, chatLog, settled }, run, after);
  }

  /** undefined: only the live log has it. */
  async #storedFeed(principal: Principal, run: Run, after: number): Promise<Feed<RunEvent> | undefined> {
    const { chatLog, runEventLog } = this.#deps;
    const stored = await StoredFeed.open(chatLog, run, after);
    if (stored) return stored;
    // The chat log had it before the run was settled: what is in neither log is gone.
    const live = await runEventLog.read({ workspaceId: run.workspaceId }, run.id, -1, 1);
    if (live !== undefined) return undefined;
    return new LostFeed(run, after, (await this.findAnswer(principal, run)) !== null);
  }

  #newRun(
    principal: Principal,
    command: SendMessageCommand & { readonly collectionIds: NewRun['collectionIds'] },
  ): NewRun {
    const { ids, clock, executor, answerer } = this.#deps;
    const { text, conversationId, collectionIds } = command;
    const now = clock.now();
    const bounds = answerer.bounds(text);
    return {
      runId: ids.next('run'),
      userId: principal.userId,
      userMessageId: ids.next('msg'),
      question: text,
      collectionIds,
      conversation:
        conversationId === undefined
          ? { kind: 'new', id: ids.next('cnv'), title: titleOf(text) }
          : { kind: 'existing', id: conversationId },
      ...executor.lease,
      reservationMicros: costMicros(this.#options.price, bounds.inputTokens, bounds.outputTokens),
      idempotency: claimOf(principal, command, collectionIds, now),
      now,
    };
  }

  /** The run is begun: it will be answered whatever happens here, by this node or by the next one. */
  async #store(
    scope: WorkspaceScope,
    begun: Extract<BeginOutcome, { readonly conversation: unknown }>,
    sent: Pick<Extract<SendMessageOutcome, { kind: 'sent' }>, 'run' | 'replayed' | 'rateLimit'> & {
      text: string;
    },
    submit: () => void,
  ): Promise<SendMessageOutcome> {
    const { text, ...rest } = sent;
    const userMessage = questionMessage(begun.run, text);
    // Also for a replay: the first attempt may have died just before this, and a repeat is harmless.
    await this.#deps.chatLog.appendMessage(scope, userMessage);
    submit();
    return { kind: 'sent', conversation: begun.conversation, userMessage, ...rest };
  }

  async #settled(run: Run, signal: AbortSignal): Promise<void> {
    const { executor, runs, clock } = this.#deps;
    if ((await executor.finished(run.id)) === 'settled') return;
    const scope = { workspaceId: run.workspaceId };
    let pauseMs = SETTLED_POLL_MS;
    for (let poll = 0; poll < SETTLED_POLLS_MAX && !signal.aborted; poll += 1) {
      const current = await runs.find(scope, run.id);
      if (!current || isSettled(current.status)) return;
      await clock.sleep(pauseMs, signal).catch(() => undefined);
      pauseMs = Math.min(pauseMs * 2, SETTLED_POLL_MAX_MS);
    }
  }
}

function isOwn(principal: Principal, run: Run): boolean {
  return run.workspaceId === principal.workspaceId && run.userId === principal.userId;
}
