import type { Message } from '../../domain/conversation.ts';
import type { ConversationId, RunId } from '../../domain/ids.ts';
import type { ChatLog, FinishedAnswer } from '../../domain/ports/runs.ts';
import type { Clock, Page, PageRequest } from '../../domain/ports/system.ts';
import type { RunEvent } from '../../domain/run.ts';
import type { WorkspaceScope } from '../../domain/scope.ts';
import { AnswerTable } from './answer-table.ts';
import { FirstWriteTimestamps } from './first-write-timestamps.ts';
import { MessageTable } from './message-table.ts';
import type { ScyllaConnection } from './scylla-connection.ts';

/**
 * Messages in bucketed partitions, finished answers by their run. Every write is harmless when repeated and loses
 * against what stands there (see FirstWriteTimestamps). An answer spans two partitions, and nothing is atomic across
 * partitions, so the order of the writes is the guarantee: further chunks of events, then the answer with the number of
 * its events, then the message. Each is confirmed before the next begins, and reads and writes overlap in a replica:
 * who sees the message reads all events, and who reads an answer reads all of it. A crash in between leaves events
 * without a message, until whoever settles the run again writes the same rows.
 */
export class ScyllaChatLog implements ChatLog {
  readonly #messages: MessageTable;
  readonly #answers: AnswerTable;
  readonly #timestamps: FirstWriteTimestamps;

  constructor(connection: ScyllaConnection, clock: Clock) {
    this.#messages = new MessageTable(connection);
    this.#answers = new AnswerTable(connection);
    this.#timestamps = new FirstWriteTimestamps(clock);
  }

  appendMessage(scope: WorkspaceScope, message: Message): Promise<void> {
    return this.#messages.put(scope, message, this.#timestamps.next());
  }

  async putAnswer(scope: WorkspaceScope, { message, runId, events }: FinishedAnswer): Promise<void> {
    const timestamp = this.#timestamps.next();
    await this.#answers.put(scope, { runId, events }, timestamp);
    if (message !== null) await this.#messages.put(scope, message, timestamp);
  }

  async listMessages(
    scope: WorkspaceScope,
    conversationId: ConversationId,
    { first, after = -1 }: PageRequest<number>,
  ): Promise<Page<Message>> {
    const found = await this.#messages.read(scope, conversationId, {
      from: after + 1,
      direction: 'newer',
      limit: first + 1,
    });
    return { items: found.slice(0, first), hasNextPage: found.length > first };
  }

  async lastMessages(
    scope: WorkspaceScope,
    conversationId: ConversationId,
    before: number,
    limit: number,
  ): Promise<readonly Message[]> {
    const span = { from: before - 1, direction: 'older', limit } as const;
    return (await this.#messages.read(scope, conversationId, span)).toReversed();
  }

  findMessage(
    scope: WorkspaceScope,
    conversationId: ConversationId,
    position: number,
  ): Promise<Message | undefined> {
    return this.#messages.find(scope, conversationId, position);
  }

  readEvents(scope: WorkspaceScope, runId: RunId, after: number): Promise<readonly RunEvent[] | undefined> {
    return this.#answers.readEvents(scope, runId, after);
  }
}
