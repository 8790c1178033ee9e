import { z } from 'zod';
import { DomainError } from '../../domain/errors.ts';
import type { RunId } from '../../domain/ids.ts';
import type { RunEventBatch, RunEventLog, StepResult } from '../../domain/ports/runs.ts';
import type { Clock, Unsubscribe } from '../../domain/ports/system.ts';
import { isTerminal, type RunEvent } from '../../domain/run.ts';
import type { WorkspaceScope } from '../../domain/scope.ts';
import { decodeEvents, decodeSteps, encodeEvents } from '../embedded/sqlite/run-event-codec.ts';
import type { RedisConnection } from './redis-connection.ts';
import { type RunKeys, runKeys } from './redis-keys.ts';
import type { RedisSubscriber } from './redis-subscriber.ts';
import { parseEntries } from './run-log-entries.ts';
import { ABANDONED_TTL_MS, APPEND, FENCE, RETIRE } from './run-log-scripts.ts';
import { RunTails } from './run-tails.ts';

export interface RedisRunEventLogOptions {
  readonly connection: RedisConnection;
  readonly subscriber: RedisSubscriber;
  readonly clock: Clock;
  readonly eventsMax?: number;
  readonly bytesMax?: number;
}

/** A live log is never trimmed: the run is cut here instead. More than the longest answer needs, one letter an event. */
const EVENTS_MAX = 100_000;
const BYTES_MAX = 16 * 1024 * 1024;
/** A run that was cut must be able to say so. */
const TERMINAL_EVENTS_MAX = 100;
const TERMINAL_BYTES_MAX = 1024 * 1024;
const READ_ENTRIES_MAX = 500;

/**
 * Run events in Redis Streams, for all processes. One script decides an append: fencing, order and repeats against the
 * log's state beside the stream, so no two processes can ever both be right. Appends of many runs that meet on the
 * connection are one write to the server and one flush of its disk. The promise that what was accepted stays needs
 * `appendfsync always`; while Redis is away every method throws STORE_UNAVAILABLE or DEADLINE_EXCEEDED, and a batch may
 * be repeated until it is answered.
 */
export class RedisRunEventLog implements RunEventLog {
  readonly #connection: RedisConnection;
  readonly #tails: RunTails;
  readonly #eventsMax: number;
  readonly #bytesMax: number;

  constructor(options: RedisRunEventLogOptions) {
    const { connection, subscriber, clock, eventsMax = EVENTS_MAX, bytesMax = BYTES_MAX } = options;
    this.#connection = connection;
    this.#eventsMax = eventsMax;
    this.#bytesMax = bytesMax;
    this.#tails = new RunTails({
      clock,
      subscriber,
      read: (keys, after, limit) => this.#read(keys, after, limit),
      nextOf: (keys) => this.#nextOf(keys),
    });
  }

  async append(scope: WorkspaceScope, batch: RunEventBatch): Promise<void> {
    const { generation, firstSequence, steps = [] } = batch;
    const events = [...batch.events];
    if (events.length === 0) return;
    const keys = runKeys(scope, batch.runId);
    const isLast = events.some(isTerminal);
    const answer = await APPEND.run(
      this.#connection,
      [keys.events, keys.state, keys.steps],
      [
        ...[generation, firstSequence, events.length, encodeEvents(events)],
        this.#eventsMax + (isLast ? TERMINAL_EVENTS_MAX : 0),
        this.#bytesMax + (isLast ? TERMINAL_BYTES_MAX : 0),
        ABANDONED_TTL_MS,
        steps.length === 0 ? '' : JSON.stringify(steps),
      ],
    );
    if (answer === 'STALE') throw stale();
    if (answer === 'FULL') throw new DomainError('LIMIT_EXCEEDED', 'The answer is too long.');
    if (answer !== 'OK') return this.#acceptRepeat(keys, { firstSequence, events }, Number(answer));
    this.#tails.announce(keys, {
      firstSequence,
      count: events.length,
      decode: () => events.map((event, index) => ({ ...event, sequence: firstSequence + index })),
    });
  }

  async fence(scope: WorkspaceScope, runId: RunId, generation: number): Promise<readonly RunEvent[]> {
    const keys = runKeys(scope, runId);
    const answer = await FENCE.run(this.#connection, [keys.state], [generation, ABANDONED_TTL_MS]);
    if (answer !== 'OK') throw stale();
    return (await this.#read(keys, -1, Number.MAX_SAFE_INTEGER)) ?? [];
  }

  read(
    scope: WorkspaceScope,
    runId: RunId,
    after: number,
    limit: number,
  ): Promise<readonly RunEvent[] | undefined> {
    return this.#read(runKeys(scope, runId), after, limit);
  }

  async readSteps(scope: WorkspaceScope, runId: RunId): Promise<readonly StepResult[]> {
    const { steps } = runKeys(scope, runId);
    const batches = z.array(z.string()).parse(await this.#connection.send(['LRANGE', steps, '0', '-1']));
    return batches.flatMap(decodeSteps);
  }

  subscribe(
    scope: WorkspaceScope,
    runId: RunId,
    listener: (events: readonly RunEvent[]) => void,
  ): Promise<Unsubscribe> {
    return this.#tails.subscribe(runKeys(scope, runId), listener);
  }

  async retire(scope: WorkspaceScope, runId: RunId, ttlMs: number): Promise<void> {
    const keys = runKeys(scope, runId);
    await RETIRE.run(this.#connection, [keys.events, keys.state, keys.steps], [ttlMs]);
  }

  /** To be called when announcements may have been missed. */
  catchUp(): void {
    this.#tails.fallBehind();
  }

  close(): void {
    this.#tails.close();
  }

  async #read(keys: RunKeys, after: number, limit: number): Promise<readonly RunEvent[] | undefined> {
    const events: RunEvent[] = [];
    // The id of an entry is the sequence after its last event, so this one may begin earlier than asked.
    let start = after + 2;
    while (events.length < limit) {
      const count = Math.min(limit - events.length, READ_ENTRIES_MAX);
      const range = ['XRANGE', keys.events, `${start}-0`, '+', 'COUNT', String(count)];
      const entries = parseEntries(await this.#connection.send(range));
      for (const { firstSequence, next, text } of entries) {
        for (const event of decodeEvents(text, firstSequence)) if (event.sequence > after) events.push(event);
        start = next + 1;
      }
      if (entries.length < count) break;
    }
    if (events.length === 0 && !(await this.#exists(keys))) return undefined;
    return events.length > limit ? events.slice(0, limit) : events;
  }

  async #exists(keys: RunKeys): Promise<boolean> {
    return (await this.#connection.send(['EXISTS', keys.state])) === 1;
  }

  async #nextOf(keys: RunKeys): Promise<number> {
    return Number(await this.#connection.send(['HGET', keys.state, 'next']));
  }

  /** A batch that the log holds already, word for word, is accepted again; any other is not. */
  async #acceptRepeat(
    keys: RunKeys,
    { firstSequence, events }: Pick<RunEventBatch, 'firstSequence' | 'events'>,
    next: number,
  ): Promise<void> {
    if (firstSequence >= 0 && firstSequence + events.length <= next) {
      const stored = (await this.#read(keys, firstSequence - 1, events.length)) ?? [];
      if (encodeEvents(stored) === encodeEvents(events)) return;
    }
    throw new DomainError('CONFLICT', `The log continues at ${next}, not at ${firstSequence}.`);
  }
}

function stale(): DomainError {
  return new DomainError('STALE_GENERATION', 'A newer generation holds this run.');
}
