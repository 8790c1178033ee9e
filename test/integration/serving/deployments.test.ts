import { beforeEach, describe, expect, it } from 'vitest';
import type { CollectionId, EmbeddingDeploymentId } from '../../../src/domain/ids.ts';
import type { EmbeddingModelRef } from '../../../src/domain/ports/chunk-index.ts';
import type { Embedder } from '../../../src/domain/ports/models.ts';
import type { UserPrincipal } from '../../../src/domain/principal.ts';
import { SYSTEM_SCOPE } from '../../../src/domain/scope.ts';
import { DeploymentService } from '../../../src/planes/control/deployment-service.ts';
import { ROUTES_TTL_MS } from '../../../src/planes/serving/retrieval/embedding-routes.ts';
import type { ServingPlane } from '../../../src/planes/serving/serving-plane.ts';
import { TestClock } from '../../support/clock.ts';
import { CountingEmbedder } from '../../support/data-plane.ts';
import { addDocument, createNode, createUser, createWorld, ids, type World } from './world.ts';

const MINUTE_MS = 60_000;
const gate = { queryCountMin: 3, recallMin: 0.3 };

/** Texts of any kind, all in one direction: finds nothing in particular. */
class BlindEmbedder extends CountingEmbedder {
  override readonly model = { modelId: 'blind', dimensions: 4 };
  fails = false;

  override async embedDocuments(texts: readonly string[]): Promise<readonly Float32Array[]> {
    return texts.map(() => Float32Array.of(1, 0, 0, 0));
  }

  override async embedQuery(): Promise<Float32Array> {
    if (this.fails) throw new Error('gone');
    return Float32Array.of(0, 1, 0, 0);
  }
}

let clock: TestClock;
let world: World;
let node: ServingPlane;
let owner: UserPrincipal;
let service: DeploymentService;
let standardCollection: CollectionId;
let collectionId: CollectionId;
const letters = new CountingEmbedder();
let blind: BlindEmbedder;

beforeEach(async () => {
  clock = new TestClock();
  world = await createWorld(clock);
  blind = new BlindEmbedder();
  world.embedders.add('letters', letters).add('blind', blind);
  node = createNode(world, {}, { shadowSharePercent: 100 });
  service = new DeploymentService(
    { ...world, onChange: (scope) => node.routes.invalidate(scope) },
    {
      createRate: { name: 'create', limit: 5, windowMs: MINUTE_MS },
      soakMs: MINUTE_MS,
      reclaimGraceMs: 0,
      gate,
    },
  );
  owner = await createUser(world);
  const [first] = await world.collections.list(owner);
  standardCollection = first?.id as CollectionId;
  await addDocument(world, owner, { title: 'Harbour', text: 'The harbour opens at nine in the morning.' });
  await addDocument(world, owner, { title: 'Orchard', text: 'Apples and pears ripen in the orchard.' });
  collectionId = standardCollection;
});

/** What a worker would do. */
async function build(embedder: Embedder, id: EmbeddingDeploymentId): Promise<void> {
  const rest = await world.chunkIndex.listUnembedded(owner, embedder.model, {
    of: { collectionId },
    limit: 100,
  });
  const vectors = await embedder.embedDocuments(
    rest.map(({ text }) => text),
    new AbortController().signal,
  );
  await world.chunkIndex.putVectors(
    owner,
    embedder.model,
    rest.map((chunk, index) => ({
      ...{ chunkId: chunk.id, contentHash: chunk.contentHash, tokenIds: new Uint32Array() },
      vector: vectors[index] ?? new Float32Array(embedder.model.dimensions),
    })),
  );
  for (;;) {
    const lease = { now: clock.now(), until: clock.now() + MINUTE_MS };
    const claimed = await world.deployments.claim(SYSTEM_SCOPE, lease);
    if (claimed === undefined) break;
    await world.deployments.report(SYSTEM_SCOPE, claimed, { kind: 'whole', now: clock.now() });
  }
  expect(await world.deployments.find(owner, id)).toMatchObject({ state: 'SHADOW', whole: true });
  node.routes.invalidate(owner);
}

async function deploy(name: string, embedder: Embedder): Promise<EmbeddingDeploymentId> {
  const outcome = await service.create(owner, { collectionId, embedder: name, gate: {} });
  if (outcome.kind !== 'done') throw new Error(`expected a deployment, got ${outcome.kind}`);
  await build(embedder, outcome.deployment.id);
  return outcome.deployment.id;
}

const search = (query: string) => node.search.search(owner, { query, first: 10, mode: 'VECTOR' });
const titles = async (query: string) => (await search(query)).map(({ documentTitle }) => documentTitle);
/** The models that searches by vector were made with since. */
function watchModels(): EmbeddingModelRef[] {
  const models: EmbeddingModelRef[] = [];
  const searchVector = world.chunkIndex.searchVector.bind(world.chunkIndex);
  world.chunkIndex.searchVector = (scope, model, vector, selection, limit) => {
    expect(vector.length).toBe(model.dimensions);
    models.push(model);
    return searchVector(scope, model, vector, selection, limit);
  };
  return models;
}

describe('searches of a collection with embedding deployments', () => {
  it('go by the active model, at once after a promotion and after a roll-back', async () => {
    const id = await deploy('letters', letters);
    const models = watchModels();
    await service.promote({ ...owner, role: 'OWNER' }, id, { force: true });
    expect((await titles('The harbour opens at nine in the morning.'))[0]).toBe('Harbour');
    expect(new Set(models)).toEqual(new Set([letters.model]));
    await service.rollBack(owner, id);
    models.length = 0;
    expect((await titles('The harbour opens at nine in the morning.'))[0]).toBe('Harbour');
    expect(models[0]).toEqual(world.embedder.model);
  });

  it('see a promotion of another node within a second', async () => {
    const id = await deploy('letters', letters);
    await titles('harbour');
    const other = { force: true, now: clock.now(), retireAt: clock.now() + MINUTE_MS };
    await world.deployments.promote(owner, id, other);
    clock.advance(ROUTES_TTL_MS);
    const models = watchModels();
    await titles('harbour');
    expect(models[0]).toEqual(letters.model);
  });

  it('go by each collection’s own model across collections, and never mix dimensions', async () => {
    const id = await deploy('letters', letters);
    await service.promote(owner, id, { force: true });
    const other = ids.next('col');
    await world.collections.create(owner, { id: other, name: 'other', createdAt: clock.now() });
    const [chunk] = await world.chunkIndex.get(
      owner,
      (await search('harbour')).map((one) => one.chunk.id),
    );
    if (chunk === undefined) throw new Error('no chunk');
    const documentId = ids.next('doc');
    await world.documents.submit(owner, {
      ...{
        documentId,
        collectionId: other,
        externalId: null,
        title: 'Ferry',
        mediaType: 'text/plain',
        fileName: null,
      },
      ...{
        metadata: {},
        contentHash: 'f',
        byteLength: 1,
        blobKey: 'b',
        createdBy: owner.userId,
        now: clock.now(),
      },
    });
    const text = 'The ferry leaves the harbour every hour.';
    await world.chunkIndex.upsert(owner, world.embedder.model, [
      {
        ...{ ...chunk, id: ids.next('chk'), documentId, collectionId: other, text, contentHash: 'f' },
        ...{ vector: world.embedder.embed(text), tokenIds: world.embedder.tokenIds(text) },
      },
    ]);
    await world.chunkIndex.publish(owner, documentId, 1);
    await world.documents.publish(owner, documentId, { version: 1, chunkCount: 1, now: clock.now() });
    const models = watchModels();
    const found = await titles('the harbour');
    expect(new Set(models)).toEqual(new Set([letters.model, world.embedder.model]));
    expect(found).toEqual(expect.arrayContaining(['Harbour', 'Orchard', 'Ferry']));
    for (const { vectorScore } of await search('the harbour')) {
      expect(vectorScore).toBeGreaterThanOrEqual(0);
      expect(vectorScore).toBeLessThanOrEqual(1);
    }
  });

  it('send a canary its share of the questions, each always the same way, and survive its failure', async () => {
    const id = await deploy('blind', blind);
    await service.setCanary(owner, id, 50);
    const questions = Array.from({ length: 40 }, (_, index) => `question ${index}`);
    const routed = await Promise.all(questions.map((text) => node.routes.of(owner, text, { filter: [] })));
    const again = await Promise.all(questions.map((text) => node.routes.of(owner, text, { filter: [] })));
    expect(again).toEqual(routed);
    const toCanary = routed.filter(({ routes }) => routes[0]?.embedder === 'blind').length;
    expect(toCanary).toBeGreaterThan(5);
    expect(toCanary).toBeLessThan(35);
    await service.setCanary(owner, id, 100);
    blind.fails = true;
    expect((await titles('The harbour opens at nine in the morning.'))[0]).toBe('Harbour');
  });

  it('are measured on a candidate; the gate opens for one that finds the same, not for one that is blind', async () => {
    const good = await deploy('letters', letters);
    const bad = await deploy('blind', blind);
    blind.fails = true;
    const shadow = async (id: EmbeddingDeploymentId) => (await service.get(owner, id)).shadow;
    expect((await service.promote(owner, good, { force: false })).kind).toBe('gate-closed');
    for (let count = 0; count < gate.queryCountMin; count += 1)
      await titles(`when does the harbour open? ${count}`);
    await expect.poll(async () => (await shadow(good)).queryCount).toBe(gate.queryCountMin);
    await expect.poll(async () => (await shadow(bad)).failureCount).toBe(gate.queryCountMin);
    const closed = await service.promote(owner, bad, { force: false });
    expect(closed).toMatchObject({ kind: 'gate-closed', deployment: { state: 'SHADOW' } });
    expect(await service.promote(owner, good, { force: false })).toMatchObject({
      ...{ kind: 'done', deployment: { state: 'ACTIVE' } },
    });
    expect((await shadow(good)).recallSum).toBeCloseTo(gate.queryCountMin, 5);
  });
});

describe('who may deploy', () => {
  it('is an owner or an administrator; the gate is an owner’s to force', async () => {
    const id = await deploy('letters', letters);
    const as = (role: UserPrincipal['role']): UserPrincipal => ({ ...owner, role });
    const forbidden = expect.objectContaining({ code: 'FORBIDDEN' });
    for (const role of ['EDITOR', 'VIEWER'] as const) {
      await expect(service.create(as(role), { collectionId, embedder: 'blind', gate: {} })).rejects.toEqual(
        forbidden,
      );
      await expect(service.promote(as(role), id, { force: false })).rejects.toEqual(forbidden);
      await expect(service.rollBack(as(role), id)).rejects.toEqual(forbidden);
      await expect(service.setCanary(as(role), id, 1)).rejects.toEqual(forbidden);
      await expect(service.retire(as(role), id)).rejects.toEqual(forbidden);
    }
    await expect(service.promote(as('ADMIN'), id, { force: true })).rejects.toEqual(forbidden);
    expect((await service.setCanary(as('ADMIN'), id, 10)).kind).toBe('done');
    expect((await service.promote(owner, id, { force: true })).kind).toBe('done');
  });

  it('names an embedder that is offered and answers', async () => {
    const create = (embedder: string) => service.create(owner, { collectionId, embedder, gate: {} });
    expect(await create('local:/etc')).toMatchObject({ kind: 'not-offered' });
    blind.embedDocuments = async () => {
      throw new Error('no answer');
    };
    expect(await create('blind')).toMatchObject({ kind: 'embedder-failed' });
    expect((await create('standard')).kind).toBe('refused');
    expect((await create('standard')).kind).toBe('refused');
    expect((await create('standard')).kind).toBe('refused');
    await expect(create('standard')).rejects.toMatchObject({ code: 'RATE_LIMITED' });
  });
});
