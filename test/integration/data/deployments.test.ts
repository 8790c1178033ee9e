import { describe, expect, it } from 'vitest';
import { DomainError } from '../../../src/domain/errors.ts';
import { DeploymentWorker } from '../../../src/planes/data/deployments/deployment-worker.ts';
import { CountingEmbedder, openDataPlane, textCommand } from '../../support/data-plane.ts';
import type { TestEmbedders } from '../../support/embedders.ts';
import { ids } from '../../support/fixtures.ts';

class SecondEmbedder extends CountingEmbedder {
  override readonly model = { modelId: 'second', dimensions: 32 };
}

async function open() {
  const harness = await openDataPlane();
  const tenant = await harness.tenant();
  const second = new SecondEmbedder();
  (harness.deps.embedders as TestEmbedders).add('second', second);
  const { deployments, chunks } = harness.deps;
  const { defaultCollectionId: collectionId } = (await harness.deps.workspaces.find(tenant.scope)) ?? {};
  if (collectionId === undefined) throw new Error('no collection');
  const worker = new DeploymentWorker(harness.deps, { reclaimGraceMs: 0 });
  harness.worker.start();
  worker.start();
  const create = async () => {
    const { standard } = harness.deps.embedders;
    const incumbent = { id: ids.next('dep'), embedder: standard.name, model: standard.embedder.model };
    const outcome = await deployments.create(tenant.scope, {
      ...{ id: ids.next('dep'), collectionId, embedder: 'second', model: second.model, incumbent },
      ...{
        gate: { queryCountMin: 1, recallMin: 0 },
        createdBy: tenant.owner.userId,
        now: harness.clock.now(),
      },
    });
    if (outcome.kind === 'too-many') throw new Error('too many');
    return outcome.deployment.id;
  };
  const counted = () => chunks.countEmbedded(tenant.scope, second.model, collectionId);
  const ingest = async (text: string) => {
    const outcome = await harness.documents.ingest(tenant.owner, textCommand(text));
    if (outcome.kind !== 'ingested') throw new Error(outcome.kind);
    await harness.settle();
    return outcome.document.id;
  };
  /** The clock a thousand times as fast as real time, until it holds. */
  const until = async (holds: () => Promise<boolean>) => {
    for (let round = 0; round < 5_000; round += 1) {
      if (await holds()) return;
      await new Promise((resolve) => setTimeout(resolve, 1));
      harness.clock.advance(1_000);
    }
    throw new Error('it never came to hold');
  };
  const close = async () => {
    await Promise.all([worker.close(), harness.worker.close()]);
  };
  return { ...harness, ...{ tenant, second, collectionId, create, counted, ingest, until, close } };
}

describe('an embedding deployment', () => {
  it('is built from what is there, and what comes after is written with both models', async () => {
    const world = await open();
    await world.ingest('The first note.');
    const id = await world.create();
    const find = () => world.deps.deployments.find(world.tenant.scope, id);
    await world.until(async () => (await find())?.state === 'SHADOW');
    expect(await find()).toMatchObject({
      ...{ whole: true, progress: { chunkCount: 1, embeddedCount: 1 }, error: null },
      cost: { textCount: 1, characterCount: 'The first note.'.length },
    });
    await world.ingest('The second note.');
    expect(await world.counted()).toEqual({ chunkCount: 2, embeddedCount: 2 });
    expect(world.second.embedded).toEqual(['The first note.', 'The second note.']);
    await world.close();
  });

  it('that begins while a document is on its way misses nothing of it', async () => {
    const world = await open();
    const begun = Promise.withResolvers<void>();
    const go = Promise.withResolvers<void>();
    world.embedder.before = async () => {
      begun.resolve();
      await go.promise;
    };
    const ingested = world.ingest('A note on its way.');
    await begun.promise;
    const id = await world.create();
    const find = () => world.deps.deployments.find(world.tenant.scope, id);
    await world.until(async () => (await find())?.state === 'SHADOW');
    go.resolve();
    await ingested;
    expect(await world.counted()).toEqual({ chunkCount: 1, embeddedCount: 1 });
    await world.close();
  });

  it('that cannot be written stops no document, and is caught up afterwards', async () => {
    const world = await open();
    const id = await world.create();
    const find = () => world.deps.deployments.find(world.tenant.scope, id);
    await world.until(async () => (await find())?.state === 'SHADOW');
    world.second.before = () => {
      throw new DomainError('STORE_UNAVAILABLE', 'The model is away.');
    };
    const documentId = await world.ingest('A note meanwhile.');
    expect(await world.deps.documents.find(world.tenant.scope, documentId)).toMatchObject({
      status: 'READY',
    });
    expect(await find()).toMatchObject({ state: 'SHADOW', whole: false });
    world.second.before = () => undefined;
    await world.until(async () => (await find())?.whole === true);
    expect(await world.counted()).toEqual({ chunkCount: 1, embeddedCount: 1 });
    await world.close();
  });

  it('fails with the reason when its model refuses the texts, and goes on when it is created again', async () => {
    const world = await open();
    await world.ingest('A note.');
    world.second.before = () => {
      throw new DomainError('BAD_USER_INPUT', 'The model wants no notes.');
    };
    const id = await world.create();
    const find = () => world.deps.deployments.find(world.tenant.scope, id);
    await world.until(async () => (await find())?.state === 'FAILED');
    expect((await find())?.error?.message).toBe('The model wants no notes.');
    world.second.before = () => undefined;
    expect(await world.create()).toBe(id);
    await world.until(async () => (await find())?.state === 'SHADOW');
    await world.close();
  });

  it('that is retired leaves no vector behind', async () => {
    const world = await open();
    await world.ingest('A note.');
    const id = await world.create();
    const { deployments } = world.deps;
    await world.until(async () => (await deployments.find(world.tenant.scope, id))?.state === 'SHADOW');
    const now = world.clock.now();
    await deployments.retire(world.tenant.scope, id, { now, dueAt: now });
    await world.until(async () => (await deployments.find(world.tenant.scope, id))?.state === 'RECLAIMED');
    expect(await world.counted()).toEqual({ chunkCount: 1, embeddedCount: 0 });
    await world.close();
  });
});
