import { beforeAll, describe, expect, it } from 'vitest';
import type { UserPrincipal } from '../../../src/domain/principal.ts';
import type { RetrievalStage } from '../../../src/domain/retrieval.ts';
import type { ServingPlane } from '../../../src/planes/serving/serving-plane.ts';
import { addDocument, createNode, createUser, createWorld, ids, type World } from './world.ts';

const code = (value: string) => expect.objectContaining({ code: value });
let world: World;
let node: ServingPlane;
let alice: UserPrincipal;
let bob: UserPrincipal;

beforeAll(async () => {
  world = await createWorld();
  node = createNode(world);
  [alice, bob] = [await createUser(world), await createUser(world)];
  await addDocument(world, alice, {
    title: 'Animals',
    text: '# Cats\n\nThe cat sleeps on the warm mat.\n\n# Dogs\n\nThe dog barks at the postman.',
    metadata: { year: 2024, team: 'red' },
  });
  await addDocument(world, alice, {
    title: 'Plants',
    text: '# Trees\n\nThe oak loses its leaves in autumn.',
    metadata: { year: 2020, team: 'blue' },
  });
  await addDocument(world, bob, { title: 'Secret', text: 'The cat of Bob sleeps on his own mat.' });
});

describe('search', () => {
  it('finds by words and by meaning, best first, with scores', async () => {
    const byWord = await node.search.search(alice, { query: 'barking dogs', first: 3 });
    expect(byWord[0]).toMatchObject({ documentTitle: 'Animals', chunk: { headingPath: ['Dogs'] } });
    expect(byWord[0]?.lexicalScore).toBeGreaterThan(0);
    const scores = byWord.map((passage) => passage.score);
    expect(scores).toEqual([...scores].sort((a, b) => b - a));
    const byMeaning = await node.search.search(alice, { query: 'kitten', first: 1 });
    expect(byMeaning[0]).toMatchObject({ lexicalScore: 0, chunk: { headingPath: ['Cats'] } });
  });

  it('sees the own workspace only', async () => {
    const found = await node.search.search(alice, { query: 'the cat of Bob', first: 100 });
    expect(found.map((passage) => passage.documentTitle)).not.toContain('Secret');
    expect(await node.search.search(await createUser(world), { query: 'cat', first: 5 })).toEqual([]);
  });

  it('applies filter and collections inside the search', async () => {
    const search = (filter: Record<string, unknown>) =>
      node.search.search(alice, { query: 'the', first: 9, filter });
    expect(new Set((await search({ team: 'blue' })).map((passage) => passage.documentTitle))).toEqual(
      new Set(['Plants']),
    );
    expect(await search({ year: { gte: 2021 }, team: { in: ['red'] } })).toHaveLength(2);
    await expect(search({ team: { like: 'b%' } })).rejects.toEqual(code('BAD_USER_INPUT'));
    const [foreign] = await world.collections.list({ workspaceId: bob.workspaceId });
    const elsewhere = { query: 'cat', first: 1, collectionIds: foreign ? [foreign.id] : [] };
    await expect(node.search.search(alice, elsewhere)).rejects.toEqual(code('NOT_FOUND'));
  });

  it('asks the legs that the mode names', async () => {
    const found = async (query: string, mode: 'LEXICAL' | 'VECTOR') =>
      (await node.search.search(alice, { query, first: 1, mode }))[0];
    expect(await found('kitten', 'LEXICAL')).toBeUndefined();
    expect(await found('kitten', 'VECTOR')).toMatchObject({
      lexicalScore: 0,
      chunk: { headingPath: ['Cats'] },
    });
    expect(await found('barks', 'LEXICAL')).toMatchObject({ vectorScore: 0, score: 1 });
  });

  it('shows the best passage of each document when asked to', async () => {
    const titles = async (onePerDocument: boolean) => {
      const found = await node.search.search(alice, { query: 'the dog barks', first: 9, onePerDocument });
      return found.map((passage) => passage.documentTitle);
    };
    expect((await titles(false)).filter((title) => title === 'Animals')).toHaveLength(2);
    expect(await titles(true)).toEqual(['Animals', 'Plants']);
  });

  it('tells what each stage knew, and follows the cross-encoder', async () => {
    const reranker = {
      score: async (_: string, texts: readonly string[]) => texts.map((text) => text.length),
    };
    const stages: RetrievalStage[] = [];
    const reranking = createNode(world, { reranker });
    const found = await reranking.search.search(alice, {
      ...{ query: 'the dog barks', first: 9 },
      onStage: (stage) => stages.push(stage),
    });
    const lengths = found.map(({ chunk }) => chunk.text.length);
    expect(lengths).toEqual(lengths.toSorted((left, right) => right - left));
    expect(stages.map(({ name }) => name)).toEqual(['LEXICAL', 'VECTOR', 'FUSION', 'RERANKING']);
    expect(stages.at(-1)?.candidates.map(({ chunkId }) => chunkId)).toEqual(
      found.map(({ chunk }) => chunk.id),
    );
    const byWords = await node.search.search(alice, { query: 'the dog barks', first: 1, mode: 'LEXICAL' });
    expect(stages[0]?.candidates[0]?.chunkId).toBe(byWords[0]?.chunk.id);
  });

  it('keeps the fused order when the cross-encoder fails, and refuses to ask one that is not there', async () => {
    const reranker = { score: () => Promise.reject(new Error('down')) };
    const command = { query: 'the dog barks', first: 9 };
    const expected = await node.search.search(alice, command);
    expect(await createNode(world, { reranker }).search.search(alice, command)).toEqual(expected);
    await expect(node.search.search(alice, { ...command, reranking: 'CROSS_ENCODER' })).rejects.toEqual(
      code('BAD_USER_INPUT'),
    );
    const diverse = await node.search.search(alice, { ...command, reranking: 'DIVERSITY', fusion: 'RRF' });
    expect(diverse).toHaveLength(expected.length);
  });

  it.each([
    { query: ' ', first: 1 },
    { query: 'a\0', first: 1 },
    { query: 'x'.repeat(4_001), first: 1 },
    { query: 'x', first: 0 },
    { query: 'x', first: 101 },
    { query: 'x', first: 1.5 },
  ])('refuses %j', async (command) => {
    await expect(node.search.search(alice, command)).rejects.toEqual(code('BAD_USER_INPUT'));
  });

  it('drops what the index still holds of a document that is gone or not published yet', async () => {
    const carol = await createUser(world);
    const scope = { workspaceId: carol.workspaceId };
    const text = 'A parrot repeats what it hears.';
    const gone = await addDocument(world, carol, { title: 'Gone', text });
    const found = () => node.search.search(carol, { query: 'parrot', first: 5 });
    expect(await found()).toHaveLength(1);
    await world.documents.remove(scope, gone);
    expect(await found()).toEqual([]);
    await addDocument(world, carol, { title: 'New', text: `${text} Again.`, unpublished: true });
    expect(await found()).toEqual([]);
  });

  it('shows a new version as soon as the index does, and an old one never', async () => {
    const carol = await createUser(world);
    const text = 'A parrot repeats what it hears.';
    const documentId = await addDocument(world, carol, { title: 'Bird', text });
    const scope = { workspaceId: carol.workspaceId };
    const [passage] = await node.search.search(carol, { query: 'parrot', first: 5 });
    const chunks = passage ? [passage.chunk] : [];
    const indexed = chunks.map((chunk) => ({
      ...chunk,
      id: ids.next('chk'),
      documentVersion: 2,
      vector: world.embedder.embed(text),
      tokenIds: world.embedder.tokenIds(text),
    }));
    await world.chunkIndex.upsert(scope, world.embedder.model, indexed);
    await world.chunkIndex.publish(scope, documentId, 2);
    const ahead = await node.search.search(carol, { query: 'parrot', first: 5 });
    expect(ahead.map(({ chunk }) => chunk.documentVersion)).toEqual([2]);
  });
});
