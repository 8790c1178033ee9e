import { z } from 'zod';
import type { Message } from '../../domain/conversation.ts';
import type { ConversationId } from '../../domain/ids.ts';
import type { WorkspaceScope } from '../../domain/scope.ts';
import { MESSAGE_COLUMNS, messageValues, partitionOf, toMessage } from './message-rows.ts';
import { bucketOf } from './schema.ts';
import type { ScyllaConnection, Statement } from './scylla-connection.ts';

/** Messages from a position (inclusive) in one direction. */
export interface MessageSpan {
  readonly from: number;
  readonly direction: 'newer' | 'older';
  readonly limit: number;
}

const read = (cql: string): Statement => ({ cql, isIdempotent: true });
const OF_BUCKET = 'FROM messages WHERE workspace_id = ? AND conversation_id = ? AND bucket = ?';
const OF_CONVERSATION = 'FROM message_buckets WHERE workspace_id = ? AND conversation_id = ?';

/** The timestamp makes them idempotent in truth: what is there is older, and stays. */
const PUT_MESSAGE: Statement = {
  cql: `INSERT INTO messages (workspace_id, conversation_id, bucket, ${MESSAGE_COLUMNS})
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) USING TIMESTAMP ?`,
  isIdempotent: true,
};
const PUT_BUCKET: Statement = {
  cql: 'INSERT INTO message_buckets (workspace_id, conversation_id, bucket) VALUES (?, ?, ?) USING TIMESTAMP ?',
  isIdempotent: true,
};
const FIND = read(`SELECT ${MESSAGE_COLUMNS} ${OF_BUCKET} AND position = ?`);
const LIST = {
  newer: read(`SELECT ${MESSAGE_COLUMNS} ${OF_BUCKET} AND position >= ? ORDER BY position ASC LIMIT ?`),
  older: read(`SELECT ${MESSAGE_COLUMNS} ${OF_BUCKET} AND position <= ? ORDER BY position DESC LIMIT ?`),
};
const LIST_BUCKETS = {
  newer: read(`SELECT bucket ${OF_CONVERSATION} AND bucket > ? ORDER BY bucket ASC LIMIT ?`),
  older: read(`SELECT bucket ${OF_CONVERSATION} AND bucket < ? ORDER BY bucket DESC LIMIT ?`),
};
const bucketRowSchema = z.object({ bucket: z.int() });

/** The greatest value of an `int` column. */
const POSITION_MAX = 2 ** 31 - 1;
/** Partitions asked at once for one page. */
const LIKELY_BUCKETS_MAX = 4;
const BUCKETS_PER_READ = 16;
/** Conversations whose newest bucket this process has announced. Forgetting one costs a repeated write. */
const ANNOUNCED_MAX = 10_000;

export class MessageTable {
  readonly #connection: ScyllaConnection;
  readonly #announced = new Map<string, number>();

  constructor(connection: ScyllaConnection) {
    this.#connection = connection;
  }

  async put({ workspaceId }: WorkspaceScope, message: Message, timestamp: number): Promise<void> {
    const partition = partitionOf(workspaceId, message);
    if (bucketOf(message.position) > 0) await this.#announce(partition, timestamp);
    await this.#connection.execute(PUT_MESSAGE, [...partition, ...messageValues(message), timestamp]);
  }

  async find(
    { workspaceId }: WorkspaceScope,
    conversationId: ConversationId,
    position: number,
  ): Promise<Message | undefined> {
    if (position < 0 || position > POSITION_MAX) return undefined;
    const key = [workspaceId, conversationId, bucketOf(position), position];
    const [row] = await this.#connection.execute(FIND, key);
    return row === undefined ? undefined : toMessage(conversationId, row);
  }

  /** In the order of the direction. Nearly always one round trip, to the partitions that dense positions fall into. */
  async read(
    { workspaceId }: WorkspaceScope,
    conversationId: ConversationId,
    span: MessageSpan,
  ): Promise<readonly Message[]> {
    const { direction, limit } = span;
    const from = Math.min(span.from, POSITION_MAX);
    if (from < 0 || limit <= 0) return [];
    const key = [workspaceId, conversationId];
    const ofBucket = (bucket: number) =>
      this.#connection.execute(LIST[direction], [...key, bucket, from, limit]);
    const likely = likelyBuckets(from, span);
    const rows = (await Promise.all(likely.map(ofBucket))).flat();
    let edge = likely.at(-1);
    // Positions have gaps, and the conversation may begin or end elsewhere: on to the buckets that were announced.
    while (rows.length < limit && edge !== undefined) {
      const further = await this.#furtherBuckets(key, edge, direction);
      for (const bucket of further) if (rows.length < limit) rows.push(...(await ofBucket(bucket)));
      edge = further.at(-1);
    }
    return rows.slice(0, limit).map((row) => toMessage(conversationId, row));
  }

  /** Buckets beyond one, nearest first; none at the end. The first bucket is there without being announced. */
  async #furtherBuckets(
    key: readonly string[],
    edge: number,
    direction: MessageSpan['direction'],
  ): Promise<readonly number[]> {
    if (direction === 'older' && edge === 0) return [];
    const rows = await this.#connection.execute(LIST_BUCKETS[direction], [...key, edge, BUCKETS_PER_READ]);
    const buckets = rows.map((row) => bucketRowSchema.parse(row).bucket);
    return direction === 'older' && buckets.length < BUCKETS_PER_READ ? [...buckets, 0] : buckets;
  }

  /** Before the first message of a bucket, so that whoever looks for buckets misses no message. */
  async #announce([workspaceId, conversationId, bucket]: readonly unknown[], timestamp: number) {
    const key = `${workspaceId}/${conversationId}`;
    if (this.#announced.get(key) === bucket) return;
    await this.#connection.execute(PUT_BUCKET, [workspaceId, conversationId, bucket, timestamp]);
    if (this.#announced.size >= ANNOUNCED_MAX) {
      const [oldest] = this.#announced.keys();
      if (oldest !== undefined) this.#announced.delete(oldest);
    }
    this.#announced.set(key, Number(bucket));
  }
}

/** Where the span ends if no position is missing: these are asked together. */
function likelyBuckets(from: number, { direction, limit }: MessageSpan): readonly number[] {
  const step = direction === 'newer' ? 1 : -1;
  const end = Math.min(Math.max(from + step * (limit - 1), 0), POSITION_MAX);
  const count = Math.min(Math.abs(bucketOf(end) - bucketOf(from)) + 1, LIKELY_BUCKETS_MAX);
  return Array.from({ length: count }, (_, index) => bucketOf(from) + step * index);
}
