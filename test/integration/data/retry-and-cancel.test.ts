import { afterEach, describe, expect, it } from 'vitest';
import { DomainError } from '../../../src/domain/errors.ts';
import type { LoadRequest } from '../../../src/domain/ports/documents.ts';
import {
  type DataPlaneHarness,
  drain,
  inlineLoader,
  leftovers,
  openDataPlane,
  type Tenant,
  textCommand,
} from '../../support/data-plane.ts';

const section = (name: string) =>
  `## ${name}\n\n${`The ${name} store keeps what ${name} is good at. `.repeat(20)}\n\n`;
/** More than two batches. */
const BOOK = `# Stores\n\n${Array.from({ length: 150 }, (_, index) => section(`number ${index}`)).join('')}`;

let harness: DataPlaneHarness;
let tenant: Tenant;
let loaded: LoadRequest[];
async function open(): Promise<void> {
  loaded = [];
  const loader: typeof inlineLoader = {
    supports: inlineLoader.supports,
    load: (request, signal) => {
      loaded.push(request);
      return inlineLoader.load(request, signal);
    },
  };
  harness = await openDataPlane({ loader });
  tenant = await harness.tenant();
  harness.worker.start();
}
afterEach(() => harness.worker.close());

async function submit(content: string, externalId?: string) {
  const outcome = await harness.documents.ingest(tenant.owner, textCommand(content, { externalId }));
  if (outcome.kind !== 'ingested') throw new Error(outcome.kind);
  return outcome.document;
}
/** The model takes one batch, then refuses for good until it is repaired. */
function breakAfterOneBatch(): void {
  let left = 1;
  harness.embedder.before = () => {
    left -= 1;
    if (left < 0) throw new DomainError('MODEL_FAILED', 'The key was revoked.');
  };
}
const repair = () => {
  harness.embedder.before = () => undefined;
};
const get = (id: Awaited<ReturnType<typeof submit>>['id']) => harness.documents.get(tenant.owner, id);

describe('a retry', () => {
  it('goes on from the stage that failed: nothing is read or embedded twice', async () => {
    await open();
    breakAfterOneBatch();
    const { id } = await submit(BOOK);
    await harness.settle();
    expect(await get(id)).toMatchObject({ status: 'FAILED', error: { code: 'MODEL_FAILED' } });
    expect(harness.embedder.embedded.length).toBe(64);
    repair();
    expect(await harness.documents.retry(tenant.owner, id, undefined)).toMatchObject({ status: 'QUEUED' });
    await harness.settle();
    const { status, chunkCount } = await get(id);
    expect(status).toBe('READY');
    expect(chunkCount).toBeGreaterThan(128);
    expect(harness.embedder.embedded).toHaveLength(chunkCount);
    expect(new Set(harness.embedder.embedded).size).toBe(chunkCount);
    expect(loaded).toHaveLength(1);
    for (const { text, start, end } of await harness.deps.chunks.listVersion(tenant.scope, id, 1)) {
      expect(BOOK.slice(start, end)).toBe(text);
    }
  });

  it('from an earlier stage reads the file again, and still embeds nothing twice', async () => {
    await open();
    breakAfterOneBatch();
    const { id } = await submit(BOOK);
    await harness.settle();
    repair();
    await harness.documents.retry(tenant.owner, id, 'load');
    await harness.settle();
    const { status, chunkCount } = await get(id);
    expect(status).toBe('READY');
    expect(loaded).toHaveLength(2);
    expect(harness.embedder.embedded).toHaveLength(chunkCount);
  });

  it('is told to watchers, who see queued again, and is refused where nothing failed', async () => {
    await open();
    breakAfterOneBatch();
    const { id } = await submit(BOOK);
    await harness.settle();
    const failed = await drain(await harness.documents.watch(tenant.owner, id, -1));
    expect(failed.at(-1)).toMatchObject({ stage: 'failed', message: 'The key was revoked.' });
    repair();
    await harness.documents.retry(tenant.owner, id, undefined);
    await harness.settle();
    const after = await drain(
      await harness.documents.watch(tenant.owner, id, (failed.at(-1)?.sequence ?? 0) + 1),
    );
    expect(after.map(({ stage }) => stage)).not.toContain('load');
    expect(after.at(-1)).toMatchObject({ stage: 'done', status: 'READY' });
    await expect(harness.documents.retry(tenant.owner, id, undefined)).rejects.toMatchObject({
      code: 'CONFLICT',
    });
    await expect(harness.documents.retry(tenant.principal('VIEWER'), id, undefined)).rejects.toMatchObject({
      code: 'FORBIDDEN',
    });
  });
});

describe('cancelling', () => {
  async function cancelInEmbedding(externalId?: string, content = BOOK) {
    const reached = Promise.withResolvers<void>();
    const held = Promise.withResolvers<void>();
    harness.embedder.before = () => {
      reached.resolve();
      return held.promise;
    };
    const document = await submit(content, externalId);
    await reached.promise;
    const cancelled = await harness.documents.cancel(tenant.owner, document.id);
    held.resolve();
    await harness.settle();
    repair();
    return cancelled;
  }

  it('ends the work on the way, shows nothing, and can be taken back', async () => {
    await open();
    const cancelled = await cancelInEmbedding();
    expect(cancelled).toMatchObject({ status: 'FAILED', error: { code: 'CANCELLED', retryable: true } });
    const { id } = cancelled;
    expect(await get(id)).toMatchObject({ status: 'FAILED', activeVersion: 0 });
    const [some] = await harness.deps.chunks.listVersion(tenant.scope, id, 1);
    expect(some && (await harness.deps.chunks.get(tenant.scope, [some.id]))).toEqual([]);
    await harness.documents.retry(tenant.owner, id, undefined);
    await harness.settle();
    const { status, chunkCount } = await get(id);
    expect(status).toBe('READY');
    expect(harness.embedder.embedded).toHaveLength(chunkCount);
  });

  it('leaves readers the older version', async () => {
    await open();
    const { id } = await submit(`${BOOK}\n\nfirst`, 'book');
    await harness.settle();
    const before = await get(id);
    const cancelled = await cancelInEmbedding('book', BOOK.replaceAll('number', 'figure'));
    expect(cancelled).toMatchObject({ id, version: 2, activeVersion: 1 });
    expect(await get(id)).toMatchObject({ activeVersion: 1, chunkCount: before.chunkCount });
    expect(await harness.documents.text(tenant.owner, id, { start: 0 })).toBe(`${BOOK}\n\nfirst`);
  });

  it('then removing leaves nothing', async () => {
    await open();
    const { id } = await cancelInEmbedding();
    await harness.documents.remove(tenant.owner, id);
    await harness.settle();
    expect(await leftovers(harness, tenant.scope, id)).toEqual([]);
  });

  it('is refused once it is ready, and to those who may not write', async () => {
    await open();
    const { id } = await submit('Short.');
    await harness.settle();
    await expect(harness.documents.cancel(tenant.owner, id)).rejects.toMatchObject({ code: 'CONFLICT' });
    await expect(harness.documents.cancel(tenant.principal('VIEWER'), id)).rejects.toMatchObject({
      code: 'FORBIDDEN',
    });
  });
});
