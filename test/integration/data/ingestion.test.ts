import { afterEach, describe, expect, it } from 'vitest';
import { DomainError } from '../../../src/domain/errors.ts';
import type { DocumentId } from '../../../src/domain/ids.ts';
import type { IngestOutcome } from '../../../src/planes/services.ts';
import {
  type DataPlaneHarness,
  drain,
  leftovers,
  openDataPlane,
  type Tenant,
  textCommand,
} from '../../support/data-plane.ts';

const section = (name: string) =>
  `## ${name}\n\n${`The ${name} store keeps what ${name} is good at. `.repeat(15)}\n\n`;
const BOOK = `# Stores\n\n${['Redis', 'PostgreSQL', 'MongoDB', 'ScyllaDB'].map(section).join('')}`;

let harness: DataPlaneHarness;
let tenant: Tenant;
async function open(...settings: Parameters<typeof openDataPlane>): Promise<void> {
  harness = await openDataPlane(...settings);
  tenant = await harness.tenant();
}
afterEach(() => harness.worker.close());

function ingested(outcome: IngestOutcome) {
  if (outcome.kind !== 'ingested') throw new Error(`not ingested: ${JSON.stringify(outcome)}`);
  return outcome;
}
const submit = async (content: string, more: Parameters<typeof textCommand>[1] = {}) =>
  ingested(await harness.documents.ingest(tenant.owner, textCommand(content, more)));
const chunksOf = (documentId: DocumentId, version = 1) =>
  harness.deps.chunks.listVersion(tenant.scope, documentId, version);
const seen = async (documentId: DocumentId) => {
  const chunks = [...(await chunksOf(documentId, 1)), ...(await chunksOf(documentId, 2))];
  const visible = await harness.deps.chunks.get(
    tenant.scope,
    chunks.map(({ id }) => id),
  );
  return new Set(visible.map(({ documentVersion }) => documentVersion));
};

describe('a document', () => {
  it('goes from text to READY, is told of stage by stage, and keeps its text', async () => {
    await open();
    harness.worker.start();
    const { document, duplicate } = await submit(BOOK, { metadata: { year: 2026 } });
    expect({ duplicate, status: document.status, title: document.title }).toEqual({
      duplicate: false,
      status: 'QUEUED',
      title: 'Stores',
    });
    const events = await drain(await harness.documents.watch(tenant.owner, document.id, -1));
    expect(events.map(({ sequence }) => sequence)).toEqual(events.map((_, index) => index));
    expect([...new Set(events.map(({ stage }) => stage))]).toEqual([
      ...['queued', 'load', 'split', 'embed', 'index', 'verify', 'done'],
    ]);
    const shares = events.map(({ progress }) => progress);
    expect(shares).toEqual([...shares].sort((a, b) => a - b));
    const chunks = await chunksOf(document.id);
    expect(await harness.documents.get(tenant.owner, document.id)).toMatchObject({
      ...{ status: 'READY', activeVersion: 1, chunkCount: chunks.length, error: null },
    });
    expect(chunks.map(({ headingPath }) => headingPath)).toContainEqual(['Stores', 'Redis']);
    for (const { text, start, end, metadata } of chunks) {
      expect(await harness.documents.text(tenant.owner, document.id, { start, end })).toBe(text);
      expect(metadata).toEqual({ year: 2026 });
    }
    expect(await harness.documents.text(tenant.owner, document.id, { start: 0 })).toBe(BOOK);
  });

  it('is not embedded again when the same bytes come twice', async () => {
    await open();
    harness.worker.start();
    const first = await submit(BOOK);
    await harness.settle();
    const embedded = harness.embedder.embedded.length;
    expect(embedded).toBeGreaterThan(3);
    const second = await submit(BOOK, { title: 'Another title' });
    expect(second).toMatchObject({ duplicate: true, document: { id: first.document.id } });
    await harness.settle();
    expect(harness.embedder.embedded).toHaveLength(embedded);
  });

  it('sends only what changed of a new version to the model, and shows the old one until the new is whole', async () => {
    await open();
    harness.worker.start();
    const { document } = await submit(BOOK, { externalId: 'book' });
    await harness.settle();
    harness.embedder.embedded.length = 0;
    const held = Promise.withResolvers<void>();
    const reached = Promise.withResolvers<void>();
    harness.embedder.before = () => {
      reached.resolve();
      return held.promise;
    };
    const changed = BOOK.replace(section('MongoDB'), section('Valkey'));
    const next = await submit(changed, { externalId: 'book' });
    expect(next.document).toMatchObject({ id: document.id, version: 2, activeVersion: 1 });
    await reached.promise;
    expect(await seen(document.id)).toEqual(new Set([1]));
    expect(await harness.documents.text(tenant.owner, document.id, { start: 0 })).toBe(BOOK);
    held.resolve();
    await harness.settle();
    expect(await seen(document.id)).toEqual(new Set([2]));
    expect(await chunksOf(document.id, 1)).toEqual([]);
    expect(harness.embedder.embedded.every((text) => text.includes('Valkey'))).toBe(true);
    expect(await harness.documents.text(tenant.owner, document.id, { start: 0 })).toBe(changed);
    expect(await harness.documents.text(tenant.owner, document.id, { start: 0, version: 1 })).toBe(BOOK);
  });

  it('takes its title from the submitter, else the file, else the name or first words', async () => {
    await open();
    harness.worker.start();
    const titles = [
      await submit('# Heading\n\none', { title: ' Given\ntitle ' }),
      await submit('Plain words\nand more'),
      await submit(`${'word '.repeat(50)}`),
    ];
    await harness.settle();
    expect(titles.map(({ document }) => document.title)).toEqual([
      'Given title',
      'Plain words',
      expect.stringMatching(/^(word )+.*…$/),
    ]);
  });
});

describe('what goes wrong', () => {
  it('fails at once what will never be readable, and keeps nothing of it in the index', async () => {
    await open();
    harness.worker.start();
    const command = { source: { kind: 'text', content: '<p hidden>x</p>', mediaType: 'text/html' } } as const;
    const { document } = ingested(await harness.documents.ingest(tenant.owner, command));
    const events = await drain(await harness.documents.watch(tenant.owner, document.id, -1));
    expect(events.at(-1)).toMatchObject({
      stage: 'failed',
      status: 'FAILED',
      message: expect.stringContaining('no text'),
    });
    expect(await harness.documents.get(tenant.owner, document.id)).toMatchObject({
      status: 'FAILED',
      error: { code: 'BAD_USER_INPUT', retryable: false },
    });
    expect(await chunksOf(document.id)).toEqual([]);
    await harness.settle();
    // What failed may be submitted again.
    expect(ingested(await harness.documents.ingest(tenant.owner, command)).duplicate).toBe(false);
  });

  it('tries again what may pass, and gives up after its last attempt', async () => {
    await open();
    harness.worker.start();
    let failures = 2;
    harness.embedder.before = () => {
      failures -= 1;
      if (failures >= 0) throw new DomainError('RATE_LIMITED', 'not now');
    };
    const { document } = await submit(BOOK);
    await harness.settle();
    expect((await harness.documents.get(tenant.owner, document.id)).status).toBe('READY');

    harness.embedder.before = () => {
      throw new Error('a secret inside');
    };
    const hopeless = await submit(`${BOOK} and more`);
    await harness.settle();
    expect(await harness.documents.get(tenant.owner, hopeless.document.id)).toMatchObject({
      status: 'FAILED',
      error: { code: 'INTERNAL', message: 'The document could not be processed.' },
    });
    expect(await chunksOf(hopeless.document.id)).toEqual([]);
  });

  it('takes over from a worker that died', async () => {
    await open();
    const { document } = await submit(BOOK);
    const [abandoned] = await harness.jobs.claim({ system: true }, 1);
    expect(abandoned?.job).toMatchObject({ documentId: document.id });
    harness.worker.start();
    await harness.settle();
    expect((await harness.documents.get(tenant.owner, document.id)).status).toBe('READY');
  });

  it('hands its job back when it has to stop', async () => {
    await open({}, { drainTimeoutMs: 0 });
    const reached = Promise.withResolvers<void>();
    harness.embedder.before = (signal) => {
      reached.resolve();
      return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    };
    harness.worker.start();
    const { document } = await submit(BOOK);
    await reached.promise;
    const closing = harness.worker.close();
    await new Promise((resolve) => setImmediate(resolve));
    harness.clock.advance(1);
    await closing;
    expect(await harness.jobs.counts({ system: true })).toEqual({ queued: 1, active: 0, dead: 0 });
    expect((await harness.documents.get(tenant.owner, document.id)).status).toBe('PROCESSING');
  });
});

describe('a removed document', () => {
  it.each(['queued', 'load', 'split', 'embed', 'index', 'verify', 'done'] as const)(
    'leaves nothing, removed at stage %s',
    async (stage) => {
      await open({}, {}, (deps) => ({
        ...deps,
        progress: {
          read: (...args) => deps.progress.read(...args),
          subscribe: (...args) => deps.progress.subscribe(...args),
          append: async (scope, documentId, progress) => {
            const appended = await deps.progress.append(scope, documentId, progress);
            if (progress.stage === stage) await deps.documents.remove(scope, documentId);
            return appended;
          },
        },
      }));
      const { document } = await submit(BOOK);
      if (stage === 'queued') await harness.documents.remove(tenant.owner, document.id);
      harness.worker.start();
      await harness.settle();
      await expect(harness.documents.get(tenant.owner, document.id)).rejects.toMatchObject({
        code: 'NOT_FOUND',
      });
      expect(await leftovers(harness, tenant.scope, document.id)).toEqual([]);
      expect(await harness.jobs.counts({ system: true })).toEqual({ queued: 0, active: 0, dead: 0 });
    },
  );
});
