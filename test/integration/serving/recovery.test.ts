import { describe, expect, it } from 'vitest';
import type { UserPrincipal } from '../../../src/domain/principal.ts';
import { isTerminal, type Run, type RunEvent, shownText } from '../../../src/domain/run.ts';
import { SYSTEM_SCOPE } from '../../../src/domain/scope.ts';
import type { ServingPlane, ServingPlaneDeps } from '../../../src/planes/serving/serving-plane.ts';
import { recordingLog } from '../../support/edge-server.ts';
import { ContinuingModel, type CrashMode, DyingStores, HastyClock, SearchingModel } from './crashing.ts';
import { addDocument, createNode, createUser, createWorld, readAll, type World } from './world.ts';

const TEXT = `The ledger is kept by PostgreSQL because every charge needs a transaction.

The ledger is never kept by Redis, because Redis may forget what it holds.`;
const QUESTION = 'Which store keeps the ledger?';
const WORDS = ['The', ' ledger', ' is', ' kept', ' by', ' PostgreSQL', ' 😀', '.'];
const LEASE = { leaseMs: 60_000, recoveryIntervalMs: 5 };

async function setUp() {
  const clock = new HastyClock();
  const world = await createWorld(clock);
  const principal = await createUser(world);
  await addDocument(world, principal, { title: 'Guide', text: TEXT });
  return { world, principal, expireLeases: () => clock.jump(LEASE.leaseMs) };
}

/** Sends like a client that repeats its message, under its key, until somebody answers. */
async function send(nodes: readonly ServingPlane[], principal: UserPrincipal): Promise<Run> {
  for (const node of nodes) {
    const message = { text: QUESTION, idempotencyKey: 'only-once' };
    const outcome = await node.runs.sendMessage(principal, message).catch(() => undefined);
    if (outcome?.kind === 'sent') return outcome.run;
  }
  throw new Error('nobody took the message');
}

async function expectOneAnswer(world: World, node: ServingPlane, principal: UserPrincipal, sent: Run) {
  const events = await readAll(await node.runs.watch(principal, sent.id, -1));
  const text = shownText(events);
  expect(events.map((event) => event.sequence)).toEqual(events.map((_, index) => index));
  expect(events.filter(isTerminal)).toEqual([events.at(-1)]);
  expect(events.filter((event) => event.type === 'UsageReported')).toHaveLength(1);
  for (const [index, event] of events.entries()) {
    if (event.type === 'RunHandover') expect(event.textLength).toBe(shownText(events.slice(0, index)).length);
  }
  const run = await node.runs.get(principal, sent.id);
  expect(run.status).toBe('COMPLETED');
  expect((await node.runs.findAnswer(principal, run))?.text).toBe(text);
  const scope = { workspaceId: principal.workspaceId };
  const question = await world.chatLog.findMessage(scope, run.conversationId, run.position);
  expect(question?.text).toBe(QUESTION);
  expect(await world.chatLog.readEvents(scope, run.id, -1)).toEqual(events);
  expect(await world.ledger.totals(scope)).toMatchObject({ messages: 1, ...tokensOf(events) });
  expect(await world.ledger.audit(SYSTEM_SCOPE)).toMatchObject({
    runCount: 1,
    unreserved: [],
    miscountedQuotas: [],
    mismatched: [],
    orphanedReservations: [],
  });
  return { events, text };
}

function tokensOf(events: readonly RunEvent[]) {
  const usage = events.find((event) => event.type === 'UsageReported');
  return { inputTokens: usage?.inputTokens, outputTokens: usage?.outputTokens };
}

/** One answer although its node dies at its nth call of a store; false: it lived to the end. */
async function survives(dieAt: number, mode: CrashMode, deps: Partial<ServingPlaneDeps>): Promise<boolean> {
  const { world, principal, expireLeases } = await setUp();
  const stores = new DyingStores(dieAt, mode, expireLeases);
  const dying = createNode(world, { ...deps, ...stores.wrap(world) }, LEASE);
  const heir = createNode(world, deps, LEASE);
  const run = await send([dying, heir], principal);
  heir.executor.start();
  const { events, text } = await expectOneAnswer(world, heir, principal, run);
  if (deps.chatModel instanceof SearchingModel) expectOneSearch(events, text);
  else if (deps.chatModel) expect(text).toBe(WORDS.join(''));
  else expectWholeAnswer(events, text);
  await heir.executor.drain(1_000);
  return stores.calls >= dieAt;
}

function expectOneSearch(events: readonly RunEvent[], text: string): void {
  expect(text).toBe(`${SearchingModel.BEFORE}\n\n${WORDS.join('')}`);
  const kinds = events.map(({ type }) => type);
  for (const kind of ['RetrievalEnd', 'ToolCallStart', 'ToolCallEnd'] as const) {
    expect(kinds.filter((type) => type === kind)).toHaveLength(1);
  }
}

function expectWholeAnswer(events: readonly RunEvent[], text: string): void {
  const citations = events.flatMap((event) => (event.type === 'CitationAdded' ? [event.citation] : []));
  expect(text).toContain('The ledger is kept by PostgreSQL because every charge needs a transaction.');
  expect(text).not.toContain('…');
  expect(citations.map((citation) => citation.index)).toEqual(citations.map((_, index) => index + 1));
  expect(new Set(citations.map((citation) => citation.answerStart)).size).toBe(citations.length);
  for (const { answerStart, answerEnd, quote } of citations) {
    expect(text.slice(answerStart, answerEnd)).toBe(quote);
  }
}

describe.each(['before', 'after'] as const)('a node that dies %s its nth call of a store', (mode) => {
  it.each([
    ['a model', (): Partial<ServingPlaneDeps> => ({ chatModel: new ContinuingModel(WORDS) })],
    ['a model that searches', (): Partial<ServingPlaneDeps> => ({ chatModel: new SearchingModel(WORDS) })],
    ['the extractive answerer', (): Partial<ServingPlaneDeps> => ({})],
  ])(
    'leaves one answer and one charge, with %s',
    async (_name, deps) => {
      let dieAt = 1;
      while (await survives(dieAt, mode, deps())) dieAt += 1;
      expect(dieAt).toBeGreaterThan(8);
    },
    120_000,
  );
});

describe('a node that only slept', () => {
  it('writes nothing more once another one has its run', async () => {
    const { world, principal, expireLeases } = await setUp();
    const gate = Promise.withResolvers<void>();
    const { log, lines } = recordingLog();
    const sleeper = createNode(world, { chatModel: new ContinuingModel(WORDS, gate.promise), log }, LEASE);
    const heir = createNode(world, { chatModel: new ContinuingModel(WORDS) }, LEASE);
    const run = await send([sleeper], principal);
    const seen = readAll(await sleeper.runs.watch(principal, run.id, -1));
    const left = sleeper.executor.finished(run.id);
    expireLeases();
    heir.executor.start();
    const { events, text } = await expectOneAnswer(world, heir, principal, run);
    expect(text).toBe(WORDS.join(''));
    expect(events.some((event) => event.type === 'RunHandover')).toBe(true);
    gate.resolve();
    expect(await left).toBe('left');
    expect(lines).toContainEqual(
      expect.objectContaining({ level: 'warn', runId: run.id, generation: 1, reason: 'stale' }),
    );
    expect(await readAll(await heir.runs.watch(principal, run.id, -1))).toEqual(events);
    expect(await seen).toEqual(events);
    await heir.executor.drain(1_000);
  });
});

describe('a node that shuts down', () => {
  it('hands over at once what it cannot finish', async () => {
    const { world, principal } = await setUp();
    const never = new Promise<void>(() => undefined);
    const leaving = createNode(world, { chatModel: new ContinuingModel(WORDS, never) }, LEASE);
    const heir = createNode(world, { chatModel: new ContinuingModel(WORDS) }, LEASE);
    leaving.executor.start();
    const run = await send([leaving], principal);
    const feed = await heir.runs.watch(principal, run.id, -1);
    let shown = shownText((await feed.next()) ?? []);
    while (shown.length < 'The ledger'.length) shown += shownText((await feed.next()) ?? []);
    await leaving.executor.drain(1);
    heir.executor.start();
    const { events } = await expectOneAnswer(world, heir, principal, run);
    expect(events).toContainEqual(
      expect.objectContaining({ type: 'RunHandover', generation: 2, textLength: 'The ledger'.length }),
    );
    expect(shown + shownText(await readAll(feed))).toBe(WORDS.join(''));
    await heir.executor.drain(1_000);
  });

  it('lets the others finish', async () => {
    const { world, principal } = await setUp();
    const node = createNode(world, { chatModel: new ContinuingModel(WORDS) }, LEASE);
    const run = await send([node], principal);
    await node.executor.drain(60_000);
    expect((await node.runs.get(principal, run.id)).status).toBe('COMPLETED');
  });
});

describe('a run whose stop was asked for', () => {
  it('is stopped by whoever takes it over', async () => {
    const { world, principal, expireLeases } = await setUp();
    const never = new Promise<void>(() => undefined);
    const dead = createNode(world, { chatModel: new ContinuingModel(WORDS, never) }, LEASE);
    const heir = createNode(world, { chatModel: new ContinuingModel(WORDS) }, LEASE);
    const run = await send([dead], principal);
    const feed = await heir.runs.watch(principal, run.id, -1);
    let shown = '';
    while (shown !== 'The ledger') shown += shownText((await feed.next()) ?? []);
    await world.runs.requestStop(principal, run.id);
    expireLeases();
    heir.executor.start();
    await readAll(feed);
    const stopped = await heir.runs.get(principal, run.id);
    expect(stopped).toMatchObject({ status: 'STOPPED', usage: { estimated: true } });
    expect((await heir.runs.findAnswer(principal, stopped))?.text).toBe('The ledger');
    await heir.executor.drain(1_000);
  });
});
