import { describe, expect, it } from 'vitest';
import { MemoryChatLog } from '../../../src/adapters/memory/memory-chat-log.ts';
import { MemoryRunEventLog } from '../../../src/adapters/memory/memory-run-event-log.ts';
import { DomainError } from '../../../src/domain/errors.ts';
import type { RunId } from '../../../src/domain/ids.ts';
import type { RunEventLog } from '../../../src/domain/ports/runs.ts';
import type { UserPrincipal } from '../../../src/domain/principal.ts';
import { shownText } from '../../../src/domain/run.ts';
import type { ServingPlane } from '../../../src/planes/serving/serving-plane.ts';
import { FakeChatModel, type FakeReply } from './fake-chat-model.ts';
import { createNode, createUser, createWorld, ids, readAll } from './world.ts';

const QUESTION = 'Which store keeps the ledger?';
const code = (value: DomainError['code']) => expect.objectContaining({ code: value });

async function setUp(...replies: readonly FakeReply[]) {
  const world = await createWorld();
  const principal = await createUser(world);
  const node = createNode(world, { chatModel: new FakeChatModel(...replies) });
  return { world, principal, node };
}
async function send(node: ServingPlane, principal: UserPrincipal, idempotencyKey?: string, text = QUESTION) {
  const outcome = await node.runs.sendMessage(principal, { text, idempotencyKey });
  if (outcome.kind !== 'sent') throw new Error(outcome.kind);
  return outcome;
}
/** Resolves when so much text has been shown. */
async function shown(node: ServingPlane, principal: UserPrincipal, runId: RunId, text: string) {
  const feed = await node.runs.watch(principal, runId, -1);
  for (let seen = ''; !seen.startsWith(text); ) {
    const events = await feed.next();
    if (!events) throw new Error(`the run ended at: ${seen}`);
    seen += shownText(events);
  }
  feed.close();
}

describe('sending', () => {
  it('makes one run of one key, and refuses another payload under it', async () => {
    const { node, principal, world } = await setUp({ deltas: ['ok'] });
    const [first, second] = await Promise.all([send(node, principal, 'k1'), send(node, principal, 'k1')]);
    expect(second.run.id).toBe(first.run.id);
    expect([first.replayed, second.replayed].sort()).toEqual([false, true]);
    expect(second.userMessage).toEqual(first.userMessage);
    await readAll(await node.runs.watch(principal, first.run.id, -1));
    const again = await send(node, principal, 'k1');
    expect(again).toMatchObject({ replayed: true, run: { id: first.run.id, status: 'COMPLETED' } });
    const other = await node.runs.sendMessage(principal, { text: 'Something else', idempotencyKey: 'k1' });
    expect(other).toEqual({ kind: 'conflict' });
    expect((await world.ledger.totals({ workspaceId: principal.workspaceId })).messages).toBe(1);
  });

  it.each(['', '   ', 'a\0b', 'half \ud83d', 'x'.repeat(32_001)])('refuses %j', async (text) => {
    const { node, principal } = await setUp({});
    await expect(node.runs.sendMessage(principal, { text })).rejects.toEqual(code('BAD_USER_INPUT'));
  });

  it('refuses what is not there, or not theirs', async () => {
    const { node, principal, world } = await setUp({ deltas: ['ok'] });
    const stranger = await createUser(world);
    const { run, conversation } = await send(node, principal);
    const foreign = { text: QUESTION, conversationId: conversation.id };
    await expect(node.runs.sendMessage(stranger, foreign)).rejects.toEqual(code('NOT_FOUND'));
    const [collection] = await world.collections.list({ workspaceId: stranger.workspaceId });
    const elsewhere = { text: QUESTION, collectionIds: collection ? [collection.id] : [] };
    await expect(node.runs.sendMessage(principal, elsewhere)).rejects.toEqual(code('NOT_FOUND'));
    const colleague = { ...principal, userId: ids.next('usr') };
    for (const other of [stranger, colleague]) {
      await expect(node.runs.get(other, run.id)).rejects.toEqual(code('NOT_FOUND'));
      await expect(node.runs.watch(other, run.id, -1)).rejects.toEqual(code('NOT_FOUND'));
      await expect(node.runs.stop(other, run.id)).rejects.toEqual(code('NOT_FOUND'));
      await expect(node.runs.findAnswer(other, run)).rejects.toEqual(code('NOT_FOUND'));
      await expect(node.conversations.get(other, conversation.id)).rejects.toEqual(code('NOT_FOUND'));
    }
  });

  it('stores nothing when there is no room, and nothing beyond the quota', async () => {
    const world = await createWorld();
    const principal = await createUser(world, 10);
    const chatModel = new FakeChatModel({ stalls: true });
    const prices = { 'fake-model': { inputMicrosPerMillion: 1_000_000, outputMicrosPerMillion: 1_000_000 } };
    const dear = createNode(world, { chatModel }, { prices });
    expect(await dear.runs.sendMessage(principal, { text: QUESTION })).toEqual({ kind: 'quota-exceeded' });
    const node = createNode(world, { chatModel }, { runConcurrencyMax: 1, runQueueLengthMax: 1 });
    const [running, waiting] = [await send(node, principal), await send(node, principal)];
    await expect(send(node, principal)).rejects.toEqual(code('RATE_LIMITED'));
    expect((await node.conversations.list(principal, { first: 10 })).items).toHaveLength(2);
    const stopped = await node.runs.stop(principal, waiting.run.id);
    expect(stopped).toMatchObject({ status: 'STOPPED', usage: { costMicros: 0 } });
    await node.runs.stop(principal, running.run.id);
    await node.executor.drain(1_000);
    await expect(send(node, principal)).rejects.toEqual(code('SHUTTING_DOWN'));
  });

  it('is limited per principal', async () => {
    const world = await createWorld();
    const principal = await createUser(world);
    const messageRate = { name: 'messages', limit: 1, windowMs: 60_000 };
    const node = createNode(world, {}, { messageRate });
    expect((await send(node, principal)).rateLimit).toMatchObject({ limit: 1, remaining: 0 });
    await expect(send(node, principal)).rejects.toMatchObject({
      code: 'RATE_LIMITED',
      retryAfterMs: expect.any(Number),
    });
  });
});

describe('stopping', () => {
  it('keeps and bills exactly what was shown', async () => {
    const { node, principal, world } = await setUp({ deltas: ['one', ' two'], stalls: true });
    const { run } = await send(node, principal);
    await shown(node, principal, run.id, 'one two');
    const stopped = await node.runs.stop(principal, run.id);
    expect(stopped).toMatchObject({ status: 'STOPPED', finishReason: 'STOPPED', usage: { estimated: true } });
    expect(stopped.usage?.outputTokens).toBe(world.tokenizer.count('one two'));
    expect((await node.runs.findAnswer(principal, stopped))?.text).toBe('one two');
    const events = await readAll(await node.runs.watch(principal, run.id, -1));
    expect(shownText(events)).toBe('one two');
    expect(events.at(-1)).toMatchObject({ type: 'RunEnd', finishReason: 'STOPPED' });
    expect(await node.runs.stop(principal, run.id)).toEqual(stopped);
  });
});

describe('a log that is full', () => {
  it.each([
    ['in mid-answer', 4],
    ['for the last of it', 9],
  ])('cuts the run at what it holds, %s', async (_when, roomFor) => {
    const world = await createWorld();
    const principal = await createUser(world);
    const { runEventLog } = world;
    // As the adapter of a store with a bound refuses: all but the end of a run.
    const full: RunEventLog['append'] = (scope, batch) => {
      const count = batch.firstSequence + batch.events.filter((event) => event.type === 'TokenDelta').length;
      if (count <= roomFor) return runEventLog.append(scope, batch);
      return Promise.reject(new DomainError('LIMIT_EXCEEDED', 'The answer is too long.'));
    };
    const bounded = new Proxy(runEventLog, {
      get: (target, name) => {
        const member: unknown = name === 'append' ? full : Reflect.get(target, name);
        return typeof member === 'function' ? member.bind(target) : member;
      },
    });
    const deltas = Array.from({ length: 10 }, (_, index) => `${index} `);
    const node = createNode(world, { chatModel: new FakeChatModel({ deltas }), runEventLog: bounded });
    const { run } = await send(node, principal);
    const events = await readAll(await node.runs.watch(principal, run.id, -1));
    expect(events.at(-1)).toMatchObject({ type: 'RunEnd', finishReason: 'LIMIT' });
    const text = shownText(events);
    expect(deltas.join('').startsWith(text)).toBe(true);
    expect(text).not.toBe(deltas.join(''));
    const ended = await node.runs.get(principal, run.id);
    expect(ended).toMatchObject({ status: 'COMPLETED', finishReason: 'LIMIT' });
    expect((await node.runs.findAnswer(principal, ended))?.text).toBe(text);
    await node.executor.drain(1_000);
  });
});

describe('watching', () => {
  it('misses nothing from any position, live or stored', async () => {
    const { node, principal } = await setUp({ deltas: Array.from({ length: 30 }, (_, n) => `${n} `) });
    const { run } = await send(node, principal);
    const whole = readAll(await node.runs.watch(principal, run.id, -1));
    await shown(node, principal, run.id, '0 ');
    const live = [0, 0].map(async (after) => readAll(await node.runs.watch(principal, run.id, after)));
    const all = await whole;
    expect(all.map((event) => event.sequence)).toEqual(all.map((_, index) => index));
    for (const tail of await Promise.all(live)) expect(tail).toEqual(all.slice(1));
    for (const { sequence } of all) {
      const stored = await readAll(await node.runs.watch(principal, run.id, sequence));
      expect(stored).toEqual(all.slice(sequence + 1));
    }
    await expect(node.runs.watch(principal, run.id, all.length)).rejects.toEqual(code('NOT_FOUND'));
  });

  it('shows the end only when the message and the charge are stored', async () => {
    const { node, principal, world } = await setUp({ deltas: ['ok'] });
    const { run } = await send(node, principal);
    const feed = await node.runs.watch(principal, run.id, -1);
    for (let batch = await feed.next(); batch; batch = await feed.next()) {
      if (batch.at(-1)?.type !== 'RunEnd') continue;
      expect((await world.runs.find(run, run.id))?.status).toBe('COMPLETED');
      expect((await node.runs.findAnswer(principal, run))?.text).toBe('ok');
    }
  });

  it('lets go of a reader that closes while it waits', async () => {
    const { node, principal } = await setUp({ deltas: ['x'], stalls: true });
    const { run } = await send(node, principal);
    await shown(node, principal, run.id, 'x');
    const last = (await eventCount(node, principal, run.id)) - 1;
    const feed = await node.runs.watch(principal, run.id, last);
    const pending = feed.next();
    feed.close();
    expect(await pending).toBeUndefined();
    expect(await feed.next()).toBeUndefined();
    await node.runs.stop(principal, run.id);
  });

  it.each([
    ['its message is there', true, { type: 'RunEnd', finishReason: 'COMPLETED' }],
    ['nothing of it is there', false, { type: 'RunError', error: { code: 'NOT_FOUND' } }],
  ])('says that events are gone, and how the run ended: %s', async (_what, keepsMessage, end) => {
    const { node, principal, world } = await setUp({ deltas: ['x'] });
    const { run } = await send(node, principal);
    await readAll(await node.runs.watch(principal, run.id, -1));
    const restored = new MemoryChatLog();
    const answer = await world.chatLog.findMessage(run, run.conversationId, run.position + 1);
    if (keepsMessage && answer) await restored.appendMessage(run, answer);
    const later = createNode(world, { chatLog: restored, runEventLog: new MemoryRunEventLog(world.clock) });
    const events = await readAll(await later.runs.watch(principal, run.id, 1));
    expect(events).toEqual([
      { type: 'RunGap', firstMissing: 2, lastMissing: 2, sequence: 2 },
      expect.objectContaining({
        ...end,
        ...('error' in end ? { error: expect.objectContaining(end.error) } : {}),
      }),
    ]);
    expect(events.at(-1)?.sequence).toBe(3);
  });

  it('refuses a position that the run has not reached', async () => {
    const { node, principal } = await setUp({ deltas: ['x'], stalls: true });
    const { run } = await send(node, principal);
    await shown(node, principal, run.id, 'x');
    await expect(node.runs.watch(principal, run.id, 500)).rejects.toEqual(code('NOT_FOUND'));
    await node.runs.stop(principal, run.id);
  });
});

async function eventCount(node: ServingPlane, principal: UserPrincipal, runId: RunId): Promise<number> {
  const feed = await node.runs.watch(principal, runId, -1);
  const events = (await feed.next()) ?? [];
  feed.close();
  return events.length;
}
