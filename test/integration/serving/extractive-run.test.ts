import { describe, expect, it } from 'vitest';
import { DomainError } from '../../../src/domain/errors.ts';
import { shownText } from '../../../src/domain/run.ts';
import { addDocument, createNode, createUser, createWorld, readAll } from './world.ts';

const TEXT = `# Databases

PostgreSQL keeps users, plans and the ledger, because they need transactions. It is the best choice for money.

MongoDB with vector search is the best database for AI applications that search documents by meaning.

# Food

Bananas are yellow when they are ripe. Apples are red or green.`;

async function setUp() {
  const world = await createWorld();
  const principal = await createUser(world);
  const documentId = await addDocument(world, principal, { title: 'Guide', text: TEXT });
  const node = createNode(world);
  return { world, principal, documentId, node };
}

describe('an answer without a model', () => {
  it('quotes, cites, charges nothing and is stored', async () => {
    const { world, principal, documentId, node } = await setUp();
    const outcome = await node.runs.sendMessage(principal, {
      text: 'Which database is best for AI applications?',
    });
    if (outcome.kind !== 'sent') throw new Error(outcome.kind);
    const events = await readAll(await node.runs.watch(principal, outcome.run.id, -1));

    expect(events.map((event) => event.sequence)).toEqual(events.map((_, index) => index));
    expect(events[0]?.type).toBe('RunStart');
    expect(events.at(-2)?.type).toBe('UsageReported');
    expect(events.at(-1)).toMatchObject({ type: 'RunEnd', finishReason: 'COMPLETED' });
    const text = shownText(events);
    expect(text).toContain('MongoDB with vector search is the best database');

    const run = await node.runs.get(principal, outcome.run.id);
    expect(run).toMatchObject({ status: 'COMPLETED', finishReason: 'COMPLETED', question: null });
    expect(run.usage).toMatchObject({ costMicros: 0, estimated: false });
    const message = await node.runs.findAnswer(principal, run);
    expect(message?.text).toBe(text);
    expect(message?.citations.length).toBeGreaterThan(0);
    for (const citation of message?.citations ?? []) {
      expect(citation.documentId).toBe(documentId);
      expect(TEXT.slice(citation.sourceStart, citation.sourceEnd)).toBe(citation.quote);
      expect(text.slice(citation.answerStart, citation.answerEnd)).toBe(citation.quote);
    }
    expect(await readAll(await node.runs.watch(principal, run.id, -1))).toEqual(events);
    expect((await world.ledger.totals({ workspaceId: principal.workspaceId })).messages).toBe(1);
  });

  it.each([
    [2, 'RunEnd'],
    [1_000, 'RunError'],
  ])('of an index that is away %d times ends with %s', async (timesAway, expected) => {
    const { world, principal } = await setUp();
    let asked = 0;
    const searchVector: typeof world.chunkIndex.searchVector = async (...args) => {
      asked += 1;
      if (asked <= timesAway) throw new DomainError('STORE_UNAVAILABLE', 'The index is away.');
      return world.chunkIndex.searchVector(...args);
    };
    const chunkIndex = new Proxy(world.chunkIndex, {
      get(target, name) {
        const value: unknown = name === 'searchVector' ? searchVector : Reflect.get(target, name);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
    const node = createNode(world, { chunkIndex });
    const outcome = await node.runs.sendMessage(principal, { text: 'Which database is best for AI?' });
    if (outcome.kind !== 'sent') throw new Error(outcome.kind);
    const events = await readAll(await node.runs.watch(principal, outcome.run.id, -1));
    expect(events.at(-1)?.type).toBe(expected);
    expect(asked).toBeLessThan(10);
  });

  it('says so when the documents hold no answer', async () => {
    const { principal, node } = await setUp();
    const outcome = await node.runs.sendMessage(principal, { text: 'Who won the 1998 football world cup?' });
    if (outcome.kind !== 'sent') throw new Error(outcome.kind);
    const events = await readAll(await node.runs.watch(principal, outcome.run.id, -1));
    expect(events.at(-1)).toMatchObject({ type: 'RunEnd', finishReason: 'ABSTAINED' });
    expect(events.some((event) => event.type === 'CitationAdded')).toBe(false);
    expect(shownText(events)).toContain('do not seem to answer');
  });

  it('does not search for a greeting', async () => {
    const { principal, node } = await setUp();
    const outcome = await node.runs.sendMessage(principal, { text: 'Hello there!' });
    if (outcome.kind !== 'sent') throw new Error(outcome.kind);
    const events = await readAll(await node.runs.watch(principal, outcome.run.id, -1));
    expect(events.some((event) => event.type === 'RetrievalEnd')).toBe(false);
    expect(shownText(events)).toContain('Hello');
  });
});
