import { afterAll, describe, expect, it } from 'vitest';
import { ThreadedDocumentLoader } from '../../../src/adapters/loaders/threaded-document-loader.ts';
import { WorkerPool } from '../../../src/adapters/worker/worker-pool.ts';
import { MEDIA_TYPES } from '../../../src/domain/media-type.ts';
import { TaskFailure, type TaskRunner } from '../../../src/domain/ports/tasks.ts';
import { splitText } from '../../../src/planes/data/splitter.ts';
import { threadedSplit } from '../../../src/planes/data/threaded-splitter.ts';
import { makePdf, makePdfBomb } from '../../support/documents.ts';

const never = new AbortController().signal;
const pool = new WorkerPool({ threadCount: 1 });
afterAll(() => pool.close());

describe('the threaded loader', () => {
  it('reads and splits beside the serving thread and leaves the caller its bytes', async () => {
    const loader = new ThreadedDocumentLoader(pool);
    const bytes = makePdf([['Redis keeps rate limits.'], ['PostgreSQL keeps users.']]);
    const before = bytes.length;
    const loaded = await loader.load({ bytes, mediaType: MEDIA_TYPES.pdf, fileName: 'stores.pdf' }, never);
    expect(loaded.text).toContain('PostgreSQL');
    expect(bytes).toHaveLength(before);
    expect(await threadedSplit(pool)(loaded, never)).toEqual(splitText(loaded));
  });

  it('brings a refusal back with its sentence', async () => {
    const loader = new ThreadedDocumentLoader(pool);
    const request = { bytes: new Uint8Array(3), mediaType: MEDIA_TYPES.text, fileName: 'zeros.txt' };
    await expect(loader.load(request, never)).rejects.toMatchObject({
      code: 'BAD_USER_INPUT',
      message: '"zeros.txt" cannot be read: it contains NUL characters, so it is not text.',
    });
  });

  it('survives a PDF whose page unpacks to more than memory', { timeout: 120_000 }, async () => {
    // In a thread of this process it would end the process: V8 cannot stop an allocation that large in time.
    const readers = new WorkerPool({ threadCount: 1, heapMegabytes: 64, isolation: 'process' });
    const loader = new ThreadedDocumentLoader(readers);
    const load = (bytes: Uint8Array) =>
      loader.load({ bytes, mediaType: MEDIA_TYPES.pdf, fileName: 'bomb.pdf' }, never);
    const bomb = makePdfBomb(80);
    expect(bomb.length).toBeLessThan(300_000);
    await expect(load(bomb)).rejects.toMatchObject({
      code: 'BAD_USER_INPUT',
      message: '"bomb.pdf" cannot be read: reading it needs more memory than is allowed.',
    });
    expect((await load(makePdf([['Harmless.']]))).text).toBe('Harmless.');
    await readers.close();
  });

  it.each([
    ['timeout', 'BAD_USER_INPUT', false],
    ['out-of-memory', 'BAD_USER_INPUT', false],
    ['crashed', 'STORE_UNAVAILABLE', true],
    ['queue-full', 'STORE_UNAVAILABLE', true],
  ] as const)('says of a failure (%s) whether trying again helps', async (reason, code, retryable) => {
    const failing: TaskRunner = { run: () => Promise.reject(new TaskFailure(reason, 'it ended')) };
    const loader = new ThreadedDocumentLoader(failing, { timeoutMs: 1000 });
    const request = { bytes: new Uint8Array(3), mediaType: MEDIA_TYPES.text, fileName: 'a.txt' };
    await expect(loader.load(request, never)).rejects.toMatchObject({ code, retryable });
  });
});
