import { describe, expect, it } from 'vitest';
import { DomainError } from '../../../src/domain/errors.ts';
import type { ConversationId } from '../../../src/domain/ids.ts';
import type { Clock } from '../../../src/domain/ports/system.ts';
import type { RunEvent } from '../../../src/domain/run.ts';
import { shownText } from '../../../src/domain/run.ts';
import { SERVING_DEFAULTS, type ServingPlaneOptions } from '../../../src/planes/serving/serving-plane.ts';
import { TestClock } from '../../support/clock.ts';
import { FakeChatModel, type FakeReply } from './fake-chat-model.ts';
import { addDocument, createNode, createUser, createWorld, readAll } from './world.ts';

const TEXT = `# Stores

PostgreSQL keeps the ledger of all charges. It needs transactions for that.

MongoDB keeps the chunks and their vectors.

Redis keeps the live token streams in memory.`;

async function setUp(
  replies: readonly FakeReply[],
  options: Partial<ServingPlaneOptions> = {},
  clock?: Clock,
) {
  const world = await createWorld(clock);
  const principal = await createUser(world);
  await addDocument(world, principal, { title: 'Guide', text: TEXT });
  const model = new FakeChatModel(...replies);
  const prices = { 'fake-model': { inputMicrosPerMillion: 1_000_000, outputMicrosPerMillion: 2_000_000 } };
  const node = createNode(world, { chatModel: model }, { prices, ...options });
  const send = async (text: string, conversationId?: ConversationId) => {
    const outcome = await node.runs.sendMessage(principal, { text, conversationId });
    if (outcome.kind !== 'sent') throw new Error(outcome.kind);
    return outcome;
  };
  const answer = async (text: string) => {
    const { run } = await send(text);
    const events = await readAll(await node.runs.watch(principal, run.id, -1));
    return { events, text: shownText(events), run: await node.runs.get(principal, run.id) };
  };
  return { world, principal, model, node, send, answer };
}

const citationsOf = (events: readonly RunEvent[]) =>
  events.flatMap((event) => (event.type === 'CitationAdded' ? [event.citation] : []));

/** The number that the model was given for the passage with these words. */
function numberOf(model: FakeChatModel, words: string): number {
  const prompt = model.requests[0]?.turns.at(-1)?.text ?? '';
  const numbers = [...prompt.slice(0, prompt.indexOf(words)).matchAll(/^\[(\d+)\]/gm)];
  return Number(numbers.at(-1)?.[1]);
}

describe('an answer of a model', () => {
  it('has its markers turned into citations of the sentence that supports each claim', async () => {
    const deltas = [
      'PostgreSQL keeps',
      ' the ledger [',
      '1',
      ']',
      '[2',
      '][3',
      ']. Redis streams',
      ' tokens [99',
      '].',
    ];
    const { answer, model } = await setUp([{ deltas, usage: { inputTokens: 50, outputTokens: 10 } }]);
    const { events, text } = await answer('Which store keeps the ledger of charges?');
    expect(text).toBe('PostgreSQL keeps the ledger. Redis streams tokens.');
    const citations = citationsOf(events);
    expect(citations.map((citation) => citation.index)).toEqual([1, 2, 3]);
    for (const citation of citations) {
      expect(text.slice(citation.answerStart, citation.answerEnd)).toBe('PostgreSQL keeps the ledger');
      expect(TEXT.slice(citation.sourceStart, citation.sourceEnd)).toBe(citation.quote);
    }
    const ledger = citations[numberOf(model, 'PostgreSQL keeps the ledger') - 1];
    expect(ledger?.quote).toBe('PostgreSQL keeps the ledger of all charges.');
    expect(ledger?.headingPath).toEqual(['Stores']);
  });

  it('charges what the model reported', async () => {
    const { answer, world, principal } = await setUp([
      { deltas: ['Yes [1].'], usage: { inputTokens: 1_001, outputTokens: 7 } },
    ]);
    const { run } = await answer('Which store keeps the ledger?');
    expect(run.usage).toEqual({ inputTokens: 1_001, outputTokens: 7, costMicros: 1_015, estimated: false });
    const scope = { workspaceId: principal.workspaceId };
    expect(await world.ledger.totals(scope)).toMatchObject({ messages: 1, costMicros: 1_015 });
    expect(await world.ledger.quota(scope, 0)).toMatchObject({ reservedMicros: 0 });
  });

  it('counts what it shows when the model reports nothing', async () => {
    const { answer, world } = await setUp([{ deltas: ['Seven', ' words', ' here'] }]);
    const { run, text } = await answer('Which store keeps the ledger?');
    expect(run.usage).toMatchObject({ outputTokens: world.tokenizer.count(text), estimated: true });
    expect(run.usage?.inputTokens).toBeGreaterThan(20);
  });

  it('may search again, a bounded number of times', async () => {
    const call = { id: 'c1', name: 'search_documents', arguments: '{"query":"live token streams"}' };
    const { answer, model } = await setUp([
      { toolCalls: [call] },
      { toolCalls: [call] },
      { deltas: ['Redis.'] },
    ]);
    const { events, text } = await answer('Which store keeps the ledger?');
    expect(text).toBe('Redis.');
    const kinds = events.map((event) => event.type);
    expect(kinds.filter((kind) => kind === 'ToolCallEnd')).toHaveLength(2);
    expect(kinds.indexOf('ToolCallStart')).toBeLessThan(kinds.indexOf('ToolCallEnd'));
    expect(model.requests.map((request) => request.tools.length)).toEqual([1, 1, 0]);
    expect(model.requests[1]?.turns.at(-1)).toMatchObject({ role: 'tool', toolCallId: 'c1' });
  });

  it('is told of a tool call that made no sense', async () => {
    const call = { id: 'c1', name: 'rm', arguments: '{{' };
    const { answer, model } = await setUp([{ toolCalls: [call] }, { deltas: ['Sorry.'] }]);
    const { events } = await answer('Which store keeps the ledger?');
    expect(events).toContainEqual(expect.objectContaining({ type: 'ToolCallEnd', succeeded: false }));
    expect(model.requests[1]?.turns.at(-1)?.text).toContain('search_documents');
    expect(events.at(-1)).toMatchObject({ type: 'RunEnd', finishReason: 'COMPLETED' });
  });

  it('abstains with the marker for it', async () => {
    const { answer } = await setUp([{ deltas: ['The passages do not say [0].'] }]);
    const { events, text } = await answer('Which store keeps the ledger?');
    expect(text).toBe('The passages do not say.');
    expect(events.at(-1)).toMatchObject({ finishReason: 'ABSTAINED' });
  });

  it.each([
    ['the model ran into its limit', { deltas: ['cut'], finish: 'length' as const }, {}, 'cut'],
    ['the text is full', { deltas: ['12345', '6😀8', '9'] }, { textLengthMax: 7 }, '123456'],
  ])('ends at a limit: %s', async (_name, reply, options, shown) => {
    const { answer } = await setUp([reply], options);
    const { events, text, run } = await answer('Which store keeps the ledger?');
    expect(text).toBe(shown);
    expect(events.at(-1)).toMatchObject({ type: 'RunEnd', finishReason: 'LIMIT' });
    expect(run.status).toBe('COMPLETED');
  });

  it('ends when its time is over', async () => {
    const clock = new TestClock();
    const { send, node, principal } = await setUp([{ deltas: ['slow'], stalls: true }], {}, clock);
    const { run } = await send('Which store keeps the ledger?');
    const feed = await node.runs.watch(principal, run.id, -1);
    let text = '';
    while (text === '') text = shownText((await feed.next()) ?? [{ type: 'TokenDelta', text: 'ended' }]);
    clock.advance(SERVING_DEFAULTS.runTimeMaxMs);
    const rest = await readAll(feed);
    expect(text + shownText(rest)).toBe('slow');
    expect(rest.at(-1)).toMatchObject({ finishReason: 'LIMIT' });
  });

  it('keeps and bills what was shown when the model fails', async () => {
    const error = new DomainError('MODEL_FAILED', 'The connection to the model broke.', { retryable: true });
    const { answer, node, principal } = await setUp([{ deltas: ['half', ' an'], error }]);
    const { events, run } = await answer('Which store keeps the ledger?');
    expect(events.at(-1)).toEqual({
      type: 'RunError',
      sequence: events.length - 1,
      error: { code: 'MODEL_FAILED', message: 'The connection to the model broke.', retryable: true },
    });
    expect(run).toMatchObject({ status: 'FAILED', usage: { estimated: true } });
    expect(run.usage?.outputTokens).toBeGreaterThan(0);
    expect((await node.runs.findAnswer(principal, run))?.text).toBe('half an');
  });

  it('charges nothing for a model that refused, and masks errors that are not for users', async () => {
    const { answer, node, principal } = await setUp([{ error: new Error('secret detail') }]);
    const { events, run } = await answer('Which store keeps the ledger?');
    expect(JSON.stringify(events)).not.toContain('secret');
    expect(run).toMatchObject({
      status: 'FAILED',
      usage: { inputTokens: 0, outputTokens: 0, costMicros: 0 },
    });
    expect(await node.runs.findAnswer(principal, run)).toBeNull();
  });

  it('sees the turns before its own, and no others', async () => {
    const { send, node, principal, model } = await setUp([
      { deltas: ['First answer.'] },
      { deltas: ['Second.'] },
    ]);
    const first = await send('Which store keeps the ledger?');
    await readAll(await node.runs.watch(principal, first.run.id, -1));
    const second = await send('Why does it?', first.conversation.id);
    await readAll(await node.runs.watch(principal, second.run.id, -1));
    const turns = model.requests[1]?.turns ?? [];
    expect(turns.map((turn) => turn.role)).toEqual(['system', 'user', 'assistant', 'user']);
    expect(turns[1]?.text).toBe('Which store keeps the ledger?');
    expect(turns[2]?.text).toBe('First answer.');
    expect(turns[3]?.text).toContain('Why does it?');
    const page = await node.conversations.messages(principal, first.conversation.id, { first: 10 });
    expect(page.items.map((message) => message.text)).toEqual([
      'Which store keeps the ledger?',
      'First answer.',
      'Why does it?',
      'Second.',
    ]);
    expect(first.conversation.title).toBe('Which store keeps the ledger?');
  });
});
