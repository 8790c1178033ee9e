import type { Connection } from './connection.ts';
import { runContinuity } from './continuity.ts';
import { MultiDbError, userError } from './errors.ts';
import { RunEventsDocument, SendMessageDocument } from './generated/operations.ts';
import { newIdempotencyKey } from './idempotency-key.ts';
import type { Citation, RunEnd, RunEvent, Sent } from './types.ts';

export interface AskOptions {
  /** The conversation to go on with; default: a new one. */
  readonly conversationId?: string | undefined;
  /** Which collections to answer from; default: all. */
  readonly collectionIds?: readonly string[] | undefined;
  /** Default: a new one for each call. Give your own to make a call safe to repeat after a crash of your program. */
  readonly idempotencyKey?: string | undefined;
  /** Ends watching, not the run: `client.stop` does that. */
  readonly signal?: AbortSignal | undefined;
}
export interface WatchOptions {
  /** Cursor of the last event already seen; default: from the start. */
  readonly after?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}
export interface FinishedAnswer {
  readonly text: string;
  readonly citations: readonly Citation[];
  readonly finishReason: RunEnd['finishReason'];
}

/** The events of a run, each once and in order, whatever happens to the connection; ends with RunEnd or RunError. */
export function watchRun(
  connection: Connection,
  runId: () => Promise<string>,
  { after, signal }: WatchOptions = {},
): AsyncIterableIterator<RunEvent, undefined> {
  return connection.subscribe({
    document: RunEventsDocument,
    variables: async () => ({ runId: await runId(), after }),
    read: ({ runEvents }) => runEvents,
    continuity: runContinuity(),
    signal,
  });
}

/** A question on its way. Sent when it is made; iterate it for the answer's events, from the first, as often as needed. */
export class Answer implements AsyncIterable<RunEvent> {
  /** Rejects with MultiDbError, for example QUOTA_EXCEEDED or RATE_LIMITED. */
  readonly sent: Promise<Sent>;
  readonly #connection: Connection;
  readonly #signal: AbortSignal | undefined;

  constructor(connection: Connection, text: string, options: AskOptions = {}) {
    this.#connection = connection;
    this.#signal = options.signal;
    this.sent = send(connection, text, options);
    // Whoever iterates or awaits gets the rejection; until then it must not count as unhandled.
    this.sent.catch(() => {});
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<RunEvent, undefined> {
    const runId = async () => (await this.sent).run.id;
    return watchRun(this.#connection, runId, { signal: this.#signal });
  }

  /** The whole answer. Throws the run's error as MultiDbError. */
  async finished(): Promise<FinishedAnswer> {
    for await (const event of this) {
      if (event.__typename === 'RunEnd') {
        const { finishReason, message } = event;
        return { text: message.text, citations: message.citations, finishReason };
      }
      if (event.__typename === 'RunError') {
        const { code, message, retryable } = event.error;
        throw new MultiDbError(code, message, { retryable });
      }
    }
    throw new MultiDbError('BAD_RESPONSE', 'The run ended without an end.');
  }
}

async function send(connection: Connection, text: string, options: AskOptions): Promise<Sent> {
  const { conversationId, collectionIds, signal } = options;
  const idempotencyKey = options.idempotencyKey ?? newIdempotencyKey();
  const input = { text, conversationId, collectionIds, idempotencyKey };
  // With one key for all attempts, a message that arrived although its answer was lost is not sent twice.
  const { sendMessage } = await connection.mutate(
    SendMessageDocument,
    { input },
    { signal, repeatable: true },
  );
  if (sendMessage.__typename !== 'SendMessageSuccess') throw userError(sendMessage);
  const { __typename: _, ...sent } = sendMessage;
  return sent;
}
