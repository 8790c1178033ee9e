import { setImmediate } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Message } from '../../../src/domain/conversation.ts';
import { answerMessageId, type ConversationId } from '../../../src/domain/ids.ts';
import type { ChatLog, FinishedAnswer } from '../../../src/domain/ports/runs.ts';
import type { WorkspaceScope } from '../../../src/domain/scope.ts';
import {
  AWKWARD_TEXT,
  deltas,
  everyEvent,
  ids,
  newCitation,
  newMessage,
  newMessages,
  newScope,
  numbered,
} from '../../support/fixtures.ts';

export interface ChatLogHarness {
  readonly log: ChatLog;
  close(): Promise<void>;
}

export function describeChatLog(name: string, make: () => Promise<ChatLogHarness>): void {
  describe(`ChatLog: ${name}`, () => {
    let harness: ChatLogHarness;
    let scope: WorkspaceScope;
    let conversationId: ConversationId;
    beforeAll(async () => {
      harness = await make();
    });
    afterAll(() => harness.close());
    beforeEach(() => {
      scope = newScope();
      conversationId = ids.next('cnv');
    });

    const appendAll = async (messages: readonly Message[]) => {
      for (const message of messages) await harness.log.appendMessage(scope, message);
    };
    const list = (first: number, after?: number) =>
      harness.log.listMessages(scope, conversationId, { first, after });
    const newAnswer = (position: number): FinishedAnswer & { readonly message: Message } => {
      const runId = ids.next('run');
      const message = newMessage({
        ...{ id: answerMessageId(runId), conversationId, position, role: 'ASSISTANT', runId },
        citations: [newCitation(), newCitation({ index: 2, page: null, headingPath: [] })],
      });
      return { message, runId, events: numbered(everyEvent()) };
    };

    describe('messages', () => {
      it('come back as they were', async () => {
        const message = newMessage({ conversationId, text: AWKWARD_TEXT });
        await harness.log.appendMessage(scope, message);
        expect(await harness.log.findMessage(scope, conversationId, 0)).toEqual(message);
        expect(await list(10)).toEqual({ items: [message], hasNextPage: false });
      });

      it('appended again change nothing', async () => {
        const messages = newMessages(conversationId, 3);
        await appendAll(messages);
        await appendAll(messages);
        await Promise.all(messages.map((message) => harness.log.appendMessage(scope, message)));
        expect(await list(10)).toEqual({ items: messages, hasNextPage: false });
      });

      it('stand in the order of their positions, whatever order they came in', async () => {
        const messages = newMessages(conversationId, 6);
        await appendAll([...messages].reverse());
        expect((await list(10)).items).toEqual(messages);
        expect(await harness.log.lastMessages(scope, conversationId, 6, 10)).toEqual(messages);
      });

      it('are paged forward from a position, and later ones only add to the end', async () => {
        const messages = newMessages(conversationId, 9);
        await appendAll(messages.slice(0, 5));
        const first = await list(2);
        expect(first).toEqual({ items: messages.slice(0, 2), hasNextPage: true });
        await appendAll(messages.slice(5));
        expect(await list(4, 1)).toEqual({ items: messages.slice(2, 6), hasNextPage: true });
        expect(await list(3, 5)).toEqual({ items: messages.slice(6), hasNextPage: false });
        expect(await list(3, 8)).toEqual({ items: [], hasNextPage: false });
        expect(await list(3, -1)).toEqual({ items: messages.slice(0, 3), hasNextPage: true });
      });

      it('before a position are the newest of them, oldest first', async () => {
        const messages = newMessages(conversationId, 8);
        await appendAll(messages);
        const last = (before: number, limit: number) =>
          harness.log.lastMessages(scope, conversationId, before, limit);
        expect(await last(6, 3)).toEqual(messages.slice(3, 6));
        expect(await last(2, 10)).toEqual(messages.slice(0, 2));
        expect(await last(0, 10)).toEqual([]);
        expect(await last(100, 2)).toEqual(messages.slice(6));
      });

      it('may have a gap where an answer is still being made', async () => {
        const messages = newMessages(conversationId, 5).filter(({ position }) => position !== 1);
        await appendAll(messages);
        expect((await list(10)).items).toEqual(messages);
        expect(await harness.log.findMessage(scope, conversationId, 1)).toBeUndefined();
        expect(await harness.log.lastMessages(scope, conversationId, 3, 2)).toEqual(messages.slice(0, 2));
      });

      it('of an unknown conversation are none', async () => {
        expect(await list(10)).toEqual({ items: [], hasNextPage: false });
        expect(await harness.log.lastMessages(scope, conversationId, 9, 9)).toEqual([]);
        expect(await harness.log.findMessage(scope, conversationId, 0)).toBeUndefined();
      });
    });

    describe('answers', () => {
      it('come back with every event as it was', async () => {
        const answer = newAnswer(1);
        await harness.log.putAnswer(scope, answer);
        expect(await harness.log.findMessage(scope, conversationId, 1)).toEqual(answer.message);
        expect(await harness.log.readEvents(scope, answer.runId, -1)).toEqual(answer.events);
      });

      it('put again change nothing', async () => {
        const answer = newAnswer(1);
        await Promise.all(Array.from({ length: 5 }, () => harness.log.putAnswer(scope, answer)));
        await harness.log.putAnswer(scope, answer);
        expect((await list(10)).items).toEqual([answer.message]);
        expect(await harness.log.readEvents(scope, answer.runId, -1)).toEqual(answer.events);
      });

      it('give their events after a sequence', async () => {
        const answer = newAnswer(1);
        await harness.log.putAnswer(scope, answer);
        const read = (after: number) => harness.log.readEvents(scope, answer.runId, after);
        expect(await read(3)).toEqual(answer.events.slice(4));
        expect(await read(answer.events.length - 1)).toEqual([]);
        expect(await read(10_000)).toEqual([]);
      });

      it('may have no message, when a run failed before it showed any text', async () => {
        const answer = { ...newAnswer(1), message: null };
        await harness.log.putAnswer(scope, answer);
        expect(await harness.log.readEvents(scope, answer.runId, -1)).toEqual(answer.events);
        expect(await list(10)).toEqual({ items: [], hasNextPage: false });
      });

      it('may be long', async () => {
        const texts = Array.from({ length: 3_000 }, (_, index) => `token ${index} `);
        const answer = { ...newAnswer(1), events: numbered(deltas(...texts)) };
        await harness.log.putAnswer(scope, answer);
        expect(await harness.log.readEvents(scope, answer.runId, -1)).toEqual(answer.events);
        expect(await harness.log.readEvents(scope, answer.runId, 2_997)).toHaveLength(2);
      });

      it('have their events wherever their message is seen', async () => {
        const answer = newAnswer(1);
        let done = false;
        const put = harness.log.putAnswer(scope, answer).finally(() => {
          done = true;
        });
        do {
          // A store of this process answers without letting its own writer run.
          await setImmediate();
          const seen = await harness.log.findMessage(scope, conversationId, 1);
          const events = await harness.log.readEvents(scope, answer.runId, -1);
          if (seen !== undefined) expect(events).toEqual(answer.events);
        } while (!done);
        await put;
      });

      it('of unknown runs have no events', async () => {
        expect(await harness.log.readEvents(scope, ids.next('run'), -1)).toBeUndefined();
      });
    });

    it('shows nothing to another workspace, and lets it write over nothing', async () => {
      const other = newScope();
      const answer = newAnswer(1);
      const [question] = newMessages(conversationId, 1);
      if (question === undefined) throw new Error('no message');
      await harness.log.appendMessage(scope, question);
      await harness.log.putAnswer(scope, answer);

      const page = await harness.log.listMessages(other, conversationId, { first: 10 });
      expect(page).toEqual({ items: [], hasNextPage: false });
      expect(await harness.log.lastMessages(other, conversationId, 10, 10)).toEqual([]);
      expect(await harness.log.findMessage(other, conversationId, 0)).toBeUndefined();
      expect(await harness.log.readEvents(other, answer.runId, -1)).toBeUndefined();

      await harness.log.appendMessage(other, { ...question, text: 'theirs' });
      await harness.log.putAnswer(other, { ...answer, events: numbered(deltas('theirs')) });
      expect((await list(10)).items).toEqual([question, answer.message]);
      expect(await harness.log.readEvents(scope, answer.runId, -1)).toEqual(answer.events);
    });
  });
}
