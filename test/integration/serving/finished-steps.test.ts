import { describe, expect, it } from 'vitest';
import type { ChatModel, ChatOutcome, ChatRequest } from '../../../src/domain/ports/models.ts';
import type { UserPrincipal } from '../../../src/domain/principal.ts';
import { type RunEvent, shownText } from '../../../src/domain/run.ts';
import type { Feed } from '../../../src/planes/services.ts';
import type { ServingPlane } from '../../../src/planes/serving/serving-plane.ts';
import { HastyClock } from './crashing.ts';
import { FakeChatModel } from './fake-chat-model.ts';
import { addDocument, createNode, createUser, createWorld, readAll, type World } from './world.ts';

const TEXT = `The ledger is kept by PostgreSQL because every charge needs a transaction.

The ledger is never kept by Redis, because Redis may forget what it holds.

Sessions expire after thirty days.

Backups run every night.`;
const QUESTION = 'Which store keeps the ledger?';
const LEASE = { leaseMs: 60_000, recoveryIntervalMs: 5 };
const forEver = new Promise<never>(() => undefined);

async function setUp() {
  const world = await createWorld(new HastyClock());
  const principal = await createUser(world);
  await addDocument(world, principal, { title: 'Guide', text: TEXT });
  return { world, principal };
}

/** The chunk index as one node sees it: how often it searched, and, if asked for, a search that never returns. */
function watchIndex(world: World, hangAt = Number.POSITIVE_INFINITY) {
  const seen = { searches: 0 };
  const chunkIndex: World['chunkIndex'] = new Proxy(world.chunkIndex, {
    get: (target, name) => {
      const member: unknown = Reflect.get(target, name);
      if (typeof member !== 'function') return member;
      return (...args: unknown[]) => {
        if (name === 'searchLexical') seen.searches += 1;
        return name === 'searchLexical' && seen.searches >= hangAt
          ? forEver
          : Reflect.apply(member, target, args);
      };
    },
  });
  return { seen, chunkIndex };
}

async function send(node: ServingPlane, principal: UserPrincipal) {
  const outcome = await node.runs.sendMessage(principal, { text: QUESTION });
  if (outcome.kind !== 'sent') throw new Error(outcome.kind);
  return outcome.run;
}

async function until(feed: Feed<RunEvent>, isReached: (events: readonly RunEvent[]) => boolean) {
  const events: RunEvent[] = [];
  while (!isReached(events)) {
    const batch = await feed.next();
    if (!batch) throw new Error('the run ended first');
    events.push(...batch);
  }
  return events;
}

describe('a takeover', () => {
  it('answers from the very passages of the first attempt, without searching', async () => {
    const { world, principal } = await setUp();
    const first = new FakeChatModel({ deltas: ['PostgreSQL keeps it [1].', ' Not'], stalls: true });
    const leaving = createNode(world, { chatModel: first }, LEASE);
    const run = await send(leaving, principal);
    const feed = await leaving.runs.watch(principal, run.id, -1);
    await until(feed, (events) => shownText(events).endsWith(' Not'));
    // What would be found now is another thing.
    const better = `${QUESTION} The store that keeps the ledger is Oracle.`;
    await addDocument(world, principal, { title: 'Newer', text: better });
    await leaving.executor.drain(1);
    const { seen, chunkIndex } = watchIndex(world);
    const second = new FakeChatModel({ deltas: [' Redis, which forgets [2].'] });
    const heir = createNode(world, { chatModel: second, chunkIndex }, LEASE);
    heir.executor.start();
    const events = await readAll(await heir.runs.watch(principal, run.id, -1));
    expect(shownText(events)).toBe('PostgreSQL keeps it. Not Redis, which forgets.');
    expect(seen.searches).toBe(0);
    const asked = second.requests[0]?.turns ?? [];
    expect(asked.slice(0, -1)).toEqual(first.requests[0]?.turns);
    expect(asked.at(-1)).toEqual({ role: 'assistant', text: 'PostgreSQL keeps it. Not' });
    const citations = events.flatMap((event) => (event.type === 'CitationAdded' ? [event.citation] : []));
    expect(citations.map(({ index }) => index)).toEqual([1, 2]);
    expect(citations.every(({ documentTitle }) => documentTitle === 'Guide')).toBe(true);
    expect(events.filter(({ type }) => type === 'RetrievalEnd')).toHaveLength(1);
    await heir.executor.drain(1_000);
  });

  it('skips what was shown of an extracted answer, whatever the index holds by now', async () => {
    const { world, principal } = await setUp();
    const undisturbed = createNode(world, {}, LEASE);
    const whole = await readAll(
      await undisturbed.runs.watch(principal, (await send(undisturbed, principal)).id, -1),
    );
    // Dies when its search is shown: nothing after that reaches the log.
    const { runEventLog } = world;
    const dying = new Proxy(runEventLog, {
      get: (target, name) => {
        const member: unknown = Reflect.get(target, name);
        if (typeof member !== 'function') return member;
        return (...args: unknown[]) => {
          const [, batch] = args as [unknown, { readonly firstSequence: number }];
          if (name === 'append' && batch.firstSequence > 3) return forEver;
          return Reflect.apply(member, target, args);
        };
      },
    });
    const dead = createNode(world, { runEventLog: dying }, { ...LEASE, leaseMs: 0 });
    const run = await send(dead, principal);
    await until(await dead.runs.watch(principal, run.id, -1), (events) => shownText(events) !== '');
    await addDocument(world, principal, {
      title: 'Newer',
      text: `${QUESTION} Oracle is the store that keeps the ledger.`,
    });
    const { seen, chunkIndex } = watchIndex(world);
    const heir = createNode(world, { chunkIndex }, LEASE);
    heir.executor.start();
    const events = await readAll(await heir.runs.watch(principal, run.id, -1));
    expect(events.some(({ type }) => type === 'RunHandover')).toBe(true);
    expect(shownText(events)).toBe(shownText(whole));
    expect(seen.searches).toBe(0);
    await heir.executor.drain(1_000);
  });

  it('repeats no finished tool call, goes on with the one that was begun, and bills each request once', async () => {
    const { world, principal } = await setUp();
    const call = (id: string, query: string) => ({
      ...{ id, name: 'search_documents', arguments: JSON.stringify({ query }) },
    });
    const toolCalls = [call('c1', 'sessions expire'), call('c2', 'backups every night')];
    const reported = { inputTokens: 40, outputTokens: 4 };
    const first = new FakeChatModel({ deltas: ['Let me look.'], toolCalls, usage: reported });
    // The retrieval is its first search, the tool calls are its second and third.
    const { chunkIndex: hanging } = watchIndex(world, 3);
    const options = { ...LEASE, passageCountMax: 1 };
    const leaving = createNode(world, { chatModel: first, chunkIndex: hanging }, options);
    const run = await send(leaving, principal);
    const feed = await leaving.runs.watch(principal, run.id, -1);
    await until(feed, (events) => events.filter(({ type }) => type === 'ToolCallStart').length === 2);
    await leaving.executor.drain(1);
    const { seen, chunkIndex } = watchIndex(world);
    const second = new FakeChatModel({ deltas: ['Done.'], usage: { inputTokens: 70, outputTokens: 3 } });
    const heir = createNode(world, { chatModel: second, chunkIndex }, options);
    heir.executor.start();
    const events = await readAll(await heir.runs.watch(principal, run.id, -1));
    expect(seen.searches).toBe(1);
    expect(shownText(events)).toBe('Let me look.\n\nDone.');
    const tools = events.flatMap((event) =>
      event.type === 'ToolCallStart' || event.type === 'ToolCallEnd'
        ? [`${event.type} ${event.toolCallId}`]
        : [],
    );
    expect(tools).toEqual(['ToolCallStart c1', 'ToolCallEnd c1', 'ToolCallStart c2', 'ToolCallEnd c2']);
    const [request] = second.requests;
    expect(request?.turns.map(({ role }) => role)).toEqual(['system', 'user', 'assistant', 'tool', 'tool']);
    expect(request?.turns[3]?.text).toContain('[2] Guide');
    expect(request?.turns[4]?.text).toContain('[3] Guide');
    expect((await heir.runs.get(principal, run.id)).usage).toMatchObject({
      ...{ inputTokens: 110, outputTokens: 7, estimated: false },
    });
    await heir.executor.drain(1_000);
  });

  it('leaves no step results behind', async () => {
    const { world, principal } = await setUp();
    const node = createNode(world, {}, LEASE);
    const run = await send(node, principal);
    await readAll(await node.runs.watch(principal, run.id, -1));
    await node.executor.drain(1_000);
    expect(await world.runEventLog.readSteps(run, run.id)).toEqual([]);
  });
});

/** Keeps no bound that it is given. */
class EndlessModel implements ChatModel {
  readonly modelId = 'endless-model';
  readonly #piece: string;
  constructor(piece: string) {
    this.#piece = piece;
  }
  async stream(
    _request: ChatRequest,
    onDelta: (text: string) => void,
    signal: AbortSignal,
  ): Promise<ChatOutcome> {
    for (;;) {
      await new Promise((resolve) => setImmediate(resolve));
      signal.throwIfAborted();
      onDelta(this.#piece);
    }
  }
}

describe('a model that never stops', () => {
  it.each([
    ['word by word', 'word '],
    ['in large pieces', 'word '.repeat(5_000)],
  ])('is cut at the bound of tokens, %s', async (_how, piece) => {
    const { world, principal } = await setUp();
    const node = createNode(world, { chatModel: new EndlessModel(piece) }, { ...LEASE, outputTokensMax: 50 });
    const run = await send(node, principal);
    const events = await readAll(await node.runs.watch(principal, run.id, -1));
    expect(events.at(-1)).toMatchObject({ type: 'RunEnd', finishReason: 'LIMIT' });
    const count = world.tokenizer.count(shownText(events));
    expect(count).toBeGreaterThan(0);
    expect(count).toBeLessThanOrEqual(50);
    expect((await node.runs.get(principal, run.id)).usage?.outputTokens).toBeLessThanOrEqual(50);
    await node.executor.drain(1_000);
  });
});
