import { expect } from 'vitest';
import { trustedId } from '../../../src/domain/ids.ts';
import type { ChunkIndex } from '../../../src/domain/ports/chunk-index.ts';
import { EMBEDDING_DIMENSIONS, WORDS_DIMENSIONS, WORDS_MODEL } from '../../support/scripted-embeddings.ts';
import { DEMO, type TestSystem } from '../../support/system.ts';
import { Operator } from './operator.ts';
import { Traffic } from './traffic.ts';

export const GOOD = `openai:${WORDS_MODEL}@${WORDS_DIMENSIONS}`;
export const BAD = `openai:noise@${EMBEDDING_DIMENSIONS}`;
export const SETTINGS = {
  EMBEDDERS_OFFERED: `${GOOD},${BAD}`,
  EMBEDDING_SHADOW_PERCENT: '100',
  EMBEDDING_GATE_QUERIES_MIN: '20',
  EMBEDDING_SOAK_MS: '45000',
  SEARCHES_PER_MINUTE: '1000000',
  INGESTIONS_PER_MINUTE: '100000',
};
/** Enough that ten taken blindly are a small part of it. */
const FIRST_DOCUMENTS = 96;
const AT_ONCE = 8;

/**
 * A collection goes from one model to another of another size and back and there again, until the old one is gone, while
 * searches go on and documents come and go. `openIndex` is a second look at what is stored.
 */
export async function exercise(system: TestSystem, openIndex: () => Promise<ChunkIndex>): Promise<void> {
  const operator = await Operator.signIn(system.url, DEMO);
  const { workspaceId, collectionId } = await operator.place();
  const traffic = new Traffic(await system.client());
  for (let count = 0; count < FIRST_DOCUMENTS; count += AT_ONCE) {
    await Promise.all(Array.from({ length: AT_ONCE }, () => traffic.ingest()));
  }
  traffic.start();
  try {
    const created = await operator.create(collectionId, GOOD);
    const id = created.deployment?.id ?? '';
    expect(created).toMatchObject({ __typename: 'EmbeddingDeploymentSuccess', deployment: { version: 2 } });
    const bad = (await operator.create(collectionId, BAD)).deployment?.id ?? '';
    expect(await operator.change('promoteEmbeddingDeployment', bad)).toMatchObject({
      code: 'DEPLOYMENT_GATE_CLOSED',
    });

    await operator.waitFor(id, ({ state, whole }) => state === 'SHADOW' && whole);
    const shadowed = await operator.waitFor(id, ({ gate }) => gate.problems.length === 0);
    expect(shadowed.shadow.recallAt10).toBeGreaterThan(0.3);
    const refused = await operator.waitFor(bad, ({ shadow }) => shadow.queryCount >= 20);
    expect(refused.shadow.recallAt10).toBeLessThan(0.3);
    const promotedBad = await operator.change('promoteEmbeddingDeployment', bad);
    expect(promotedBad).toMatchObject({ __typename: 'DeploymentGateClosed' });
    expect(promotedBad.problems?.join(' ')).toMatch(/recall@10 is 0\.\d+; needed is 0\.3/);
    expect(await operator.change('retireEmbeddingDeployment', bad)).toMatchObject({
      deployment: { state: 'RECLAIMING' },
    });

    const canary = await operator.change('setEmbeddingCanary', id, 'percent: 50');
    expect(canary).toMatchObject({ deployment: { state: 'CANARY' } });
    await searches(traffic, 30);
    const states = async () =>
      (await operator.list(collectionId))
        .filter(({ id: one }) => one !== bad)
        .map(({ dimensions, state }) => `${dimensions} ${state}`);
    expect(await operator.change('promoteEmbeddingDeployment', id)).toMatchObject({
      deployment: { state: 'ACTIVE' },
    });
    expect(await states()).toEqual([`${WORDS_DIMENSIONS} ACTIVE`, '256 SOAKING']);
    await searches(traffic, 30);
    expect(await operator.change('rollBackEmbeddingDeployment', id)).toMatchObject({
      deployment: { state: 'ROLLED_BACK' },
    });
    expect(await states()).toEqual([`${WORDS_DIMENSIONS} ROLLED_BACK`, '256 ACTIVE']);
    await searches(traffic, 30);
    await operator.waitFor(id, ({ whole }) => whole);
    expect(await operator.change('promoteEmbeddingDeployment', id)).toMatchObject({
      deployment: { state: 'ACTIVE' },
    });
    const [, incumbent] = (await operator.list(collectionId)).filter(({ id: one }) => one !== bad);
    await operator.waitFor(incumbent?.id ?? '', ({ state }) => state === 'RECLAIMED');
    await operator.waitFor(bad, ({ state }) => state === 'RECLAIMED');
    await searches(traffic, 30);
  } finally {
    await traffic.stop();
  }
  await traffic.searchAll();
  expect(traffic.problems).toEqual([]);
  expect(traffic.searchCount).toBeGreaterThan(200);

  const index = await openIndex();
  const scope = { workspaceId: trustedId('wsp', workspaceId) };
  const counted = (modelId: string, dimensions: number) =>
    index.countEmbedded(scope, { modelId, dimensions }, trustedId('col', collectionId));
  const chunkCount = traffic.documentCount;
  expect(await counted(WORDS_MODEL, WORDS_DIMENSIONS)).toEqual({ chunkCount, embeddedCount: chunkCount });
  expect(await counted('noise', EMBEDDING_DIMENSIONS)).toEqual({ chunkCount, embeddedCount: 0 });
  for (const { modelId, dimensions, state } of await operator.list(collectionId)) {
    if (state === 'RECLAIMED') expect((await counted(modelId, dimensions)).embeddedCount).toBe(0);
  }
}

/** Goes on when that many more were answered. */
async function searches(traffic: Traffic, count: number): Promise<void> {
  const wanted = traffic.searchCount + count;
  await expect
    .poll(() => traffic.searchCount, { timeout: 240_000, interval: 100 })
    .toBeGreaterThanOrEqual(wanted);
}
