import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { BUCKET_POSITIONS } from '../../../src/adapters/scylla/schema.ts';
import { ScyllaChatLog } from '../../../src/adapters/scylla/scylla-chat-log.ts';
import { openScylla, type ScyllaConnection } from '../../../src/adapters/scylla/scylla-connection.ts';
import { SystemClock } from '../../../src/adapters/system/clock.ts';
import type { Message } from '../../../src/domain/conversation.ts';
import { answerMessageId, type ConversationId } from '../../../src/domain/ids.ts';
import type { FinishedAnswer } from '../../../src/domain/ports/runs.ts';
import type { WorkspaceScope } from '../../../src/domain/scope.ts';
import { deltas, ids, newMessage, newMessages, newScope, numbered } from '../../support/fixtures.ts';
import { nameOf, newMigratedKeyspace, serverUrl, silentLog, type TestKeyspace } from './harness.ts';

const WRITERS = 64;

describe.skipIf(serverUrl === undefined)(nameOf('the chat log in ScyllaDB'), () => {
  let keyspace: TestKeyspace;
  let connection: ScyllaConnection;
  let log: ScyllaChatLog;
  let scope: WorkspaceScope;
  let conversationId: ConversationId;
  beforeAll(async () => {
    keyspace = await newMigratedKeyspace();
    connection = openScylla({ url: keyspace.url, log: silentLog });
    log = new ScyllaChatLog(connection, new SystemClock());
  });
  afterAll(async () => {
    await connection.close();
    await keyspace.drop();
  });
  beforeEach(() => {
    scope = newScope();
    conversationId = ids.next('cnv');
  });

  /** The log with every statement told to `before` first, which may throw. */
  const watched = (before: (cql: string) => void): ScyllaChatLog => {
    const execute: ScyllaConnection['execute'] = async (statement, values) => {
      before(statement.cql);
      return connection.execute(statement, values);
    };
    return new ScyllaChatLog(
      { ...connection, execute, health: async () => {}, close: async () => {} },
      new SystemClock(),
    );
  };
  const appendAll = async (messages: readonly Message[]) => {
    const left = messages.values();
    const write = async () => {
      for (const message of left) await log.appendMessage(scope, message);
    };
    await Promise.all(Array.from({ length: WRITERS }, write));
  };
  const at = (...positions: readonly number[]) =>
    positions.map((position) => newMessage({ conversationId, position, text: `message ${position}` }));
  const positionsOf = (messages: readonly Message[]) => messages.map(({ position }) => position);
  const list = async (first: number, after?: number) => {
    const page = await log.listMessages(scope, conversationId, { first, after });
    return { positions: positionsOf(page.items), hasNextPage: page.hasNextPage };
  };
  const last = async (before: number, limit: number) =>
    positionsOf(await log.lastMessages(scope, conversationId, before, limit));
  const newAnswer = (size: number): FinishedAnswer & { readonly message: Message } => {
    const runId = ids.next('run');
    const texts = Array.from({ length: size }, (_, index) => `${index} ${'\u{1f600}x'.repeat(50)} `);
    const message = newMessage({ id: answerMessageId(runId), conversationId, position: 1, runId });
    return { message, runId, events: numbered(deltas(...texts)) };
  };

  describe('with 10,000 messages of one conversation', () => {
    const COUNT = 10_000;
    const held = { scope: newScope(), conversationId: ids.next('cnv') };
    const messages = newMessages(held.conversationId, COUNT);
    beforeAll(async () => {
      scope = held.scope;
      await appendAll(messages);
    });
    beforeEach(() => {
      ({ scope, conversationId } = held);
    });

    it('gives all of them forward, page by page', async () => {
      const seen: Message[] = [];
      for (let more = true; more; ) {
        const after = seen.at(-1)?.position;
        const page = await log.listMessages(scope, conversationId, { first: 333, after });
        seen.push(...page.items);
        more = page.hasNextPage;
      }
      expect(seen).toEqual(messages);
    });

    it('gives all of them backward, page by page', async () => {
      const seen: Message[] = [];
      for (let before = COUNT; before > 0; before = seen[0]?.position ?? 0) {
        seen.unshift(...(await log.lastMessages(scope, conversationId, before, 217)));
      }
      expect(seen).toEqual(messages);
    });

    it('gives more than a page of the server at once', async () => {
      const page = await log.listMessages(scope, conversationId, { first: 2_500, after: 99 });
      expect(page).toEqual({ items: messages.slice(100, 2_600), hasNextPage: true });
    });

    it('finds the newest page without knowing where the conversation ends', async () => {
      expect(await log.lastMessages(scope, conversationId, Number.MAX_SAFE_INTEGER, 50)).toEqual(
        messages.slice(-50),
      );
    });

    it('takes one statement for a page within a bucket, two across a boundary', async () => {
      const statements: string[] = [];
      const counting = watched((cql) => statements.push(cql));
      const end = BUCKET_POSITIONS * 10;
      await counting.lastMessages(scope, conversationId, end + 100, 50);
      expect(statements).toHaveLength(1);
      expect(await counting.lastMessages(scope, conversationId, end + 20, 50)).toHaveLength(50);
      expect(statements).toHaveLength(3);
    });

    it('lets no partition grow beyond its bucket', async () => {
      const { rows } = await keyspace.admin.execute(
        `SELECT bucket, count(*) AS size FROM ${keyspace.name}.messages GROUP BY workspace_id, conversation_id, bucket`,
      );
      const sizes = rows.map((row) => Number(row['size']));
      expect(Math.max(...sizes)).toBe(BUCKET_POSITIONS);
      expect(sizes.length).toBeGreaterThanOrEqual(Math.ceil(COUNT / BUCKET_POSITIONS));
    });
  });

  it('pages over the boundaries of buckets', async () => {
    const end = BUCKET_POSITIONS;
    await appendAll(at(end - 2, end - 1, end, end + 1, 2 * end - 1, 2 * end));
    expect(await list(2)).toEqual({ positions: [end - 2, end - 1], hasNextPage: true });
    expect(await list(2, end - 1)).toEqual({ positions: [end, end + 1], hasNextPage: true });
    expect(await list(3, end)).toEqual({ positions: [end + 1, 2 * end - 1, 2 * end], hasNextPage: false });
    expect(await last(end, 5)).toEqual([end - 2, end - 1]);
    expect(await last(end + 1, 2)).toEqual([end - 1, end]);
    expect(await last(2 * end + 1, 5)).toEqual([end - 1, end, end + 1, 2 * end - 1, 2 * end]);
  });

  it('pages over gaps of many buckets', async () => {
    const positions = [3, 40 * BUCKET_POSITIONS, 40 * BUCKET_POSITIONS + 1, 97 * BUCKET_POSITIONS + 5];
    await appendAll(at(...positions));
    expect(await list(10)).toEqual({ positions, hasNextPage: false });
    expect(await list(1)).toEqual({ positions: [3], hasNextPage: true });
    expect(await list(2, 3)).toEqual({ positions: positions.slice(1, 3), hasNextPage: true });
    expect(await last(1e9, 10)).toEqual(positions);
    expect(await last(97 * BUCKET_POSITIONS, 2)).toEqual(positions.slice(1, 3));
  });

  it('keeps what stands at a position, whatever comes later', async () => {
    const [first] = at(0);
    if (first === undefined) throw new Error('no message');
    await log.appendMessage(scope, first);
    await log.appendMessage(scope, { ...first, text: 'zzz: another text', citations: [] });
    expect(await log.findMessage(scope, conversationId, 0)).toEqual(first);
  });

  it('gives back texts that UTF-8 cannot hold', async () => {
    const texts = ['half \ud83d', '\0', '\0"quoted"', '', '\udc00\ud800'];
    const messages = texts.map((text, position) => newMessage({ conversationId, position, text }));
    await appendAll(messages);
    expect((await log.listMessages(scope, conversationId, { first: 10 })).items).toEqual(messages);
  });

  it('takes one write for a message', async () => {
    const statements: string[] = [];
    const counting = watched((cql) => statements.push(cql));
    for (const message of at(0, 1, 2)) await counting.appendMessage(scope, message);
    expect(statements).toHaveLength(3);
    // A new bucket is announced once.
    const later = at(BUCKET_POSITIONS, BUCKET_POSITIONS + 1);
    for (const message of later) await counting.appendMessage(scope, message);
    expect(statements).toHaveLength(6);
  });

  it('gives long answers with the same boundaries, from any sequence', async () => {
    const answer = newAnswer(2_000);
    await log.putAnswer(scope, answer);
    for (const after of [-1, 0, 400, 499, 500, 501, 1_000, 1_998]) {
      expect(await log.readEvents(scope, answer.runId, after)).toEqual(answer.events.slice(after + 1));
    }
    expect(await log.readEvents(scope, answer.runId, 1_999)).toEqual([]);
    const { rows } = await keyspace.admin.execute(
      `SELECT events FROM ${keyspace.name}.answer_events WHERE workspace_id = ? AND run_id = ?`,
      [scope.workspaceId, answer.runId],
    );
    const sizes = rows.map((row) => Buffer.byteLength(String(row['events'])));
    expect(sizes.length).toBeGreaterThan(3);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(64 * 1024);
  });

  it('shows nothing of an answer whose writing stopped anywhere, and all of it once it is repeated', async () => {
    const answer = newAnswer(2_000);
    const statements: string[] = [];
    await watched((cql) => statements.push(cql)).putAnswer(newScope(), answer);
    expect(statements.length).toBeGreaterThan(4);
    for (let allowed = 0; allowed < statements.length; allowed += 1) {
      let count = 0;
      const failing = watched(() => {
        count += 1;
        if (count > allowed) throw new Error('stopped');
      });
      await expect(failing.putAnswer(scope, answer)).rejects.toThrow('stopped');
      expect(await log.findMessage(scope, conversationId, 1)).toBeUndefined();
      const events = await log.readEvents(scope, answer.runId, -1);
      if (events !== undefined) expect(events).toEqual(answer.events);
    }
    await log.putAnswer(scope, answer);
    expect(await log.findMessage(scope, conversationId, 1)).toEqual(answer.message);
    expect(await log.readEvents(scope, answer.runId, -1)).toEqual(answer.events);
  });

  it('says that a row is damaged rather than show a part', async () => {
    const answer = newAnswer(2_000);
    await log.putAnswer(scope, answer);
    await keyspace.admin.execute(
      `DELETE FROM ${keyspace.name}.answer_events WHERE workspace_id = ? AND run_id = ? AND last_sequence = 1999`,
      [scope.workspaceId, answer.runId],
      { prepare: true },
    );
    const damaged = { code: 'STORE_UNAVAILABLE', retryable: false };
    await expect(log.readEvents(scope, answer.runId, -1)).rejects.toMatchObject(damaged);
  });
});
