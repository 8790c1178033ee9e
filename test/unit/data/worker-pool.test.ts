import { afterEach, describe, expect, it } from 'vitest';
import { StaticEmbedder } from '../../../src/adapters/builtin/static-embedder.ts';
import { loadStaticModel } from '../../../src/adapters/builtin/static-model.ts';
import { ThreadedEmbedder } from '../../../src/adapters/builtin/threaded-embedder.ts';
import { WorkerPool, type WorkerPoolOptions } from '../../../src/adapters/worker/worker-pool.ts';
import { DomainError } from '../../../src/domain/errors.ts';
import type { TaskFailure, TaskModule } from '../../../src/domain/ports/tasks.ts';
import type { Behaviour } from '../../fixtures/tasks/misbehave.ts';

const MISBEHAVE: TaskModule<Behaviour, unknown> = {
  url: new URL('../../fixtures/tasks/misbehave.ts', import.meta.url).href,
};
const never = new AbortController().signal;
const options = { timeoutMs: 20_000, signal: never };

let pool: WorkerPool | undefined;
afterEach(() => pool?.close());

const failure = (reason: TaskFailure['reason']) =>
  expect.objectContaining({ name: 'TaskFailure', reason }) as unknown as TaskFailure;

describe.each(['thread', 'process'] as const)('the worker pool (%s)', (isolation) => {
  function open(settings: WorkerPoolOptions = { threadCount: 1 }): WorkerPool {
    pool = new WorkerPool({ isolation, ...settings });
    return pool;
  }

  it('performs tasks one after another on a kept thread, without the settings of the process', async () => {
    const threads = open();
    const first = await threads.run(MISBEHAVE, 'answer', options);
    expect(first).toBeTypeOf('number');
    expect(await threads.run(MISBEHAVE, 'answer', options)).toBe(first);
    expect(await threads.run(MISBEHAVE, 'env', options)).toEqual([]);
  });

  it('brings a typed refusal back as it was thrown', async () => {
    const refusal = await open()
      .run(MISBEHAVE, 'refuse', options)
      .catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(DomainError);
    expect(refusal).toMatchObject({ code: 'BAD_USER_INPUT', message: 'not this one', retryable: false });
    await expect(pool?.run(MISBEHAVE, 'throw', options)).rejects.toMatchObject({ name: 'TypeError' });
  });

  it.each([
    ['exit', 'crashed'],
    ['eat', 'out-of-memory'],
  ] as const)('replaces a thread that dies (%s)', async (behaviour, reason) => {
    const threads = open({ threadCount: 1, heapMegabytes: 32 });
    const [failed, next] = await Promise.allSettled([
      threads.run(MISBEHAVE, behaviour, options),
      threads.run(MISBEHAVE, 'answer', options),
    ]);
    expect(failed).toMatchObject({ status: 'rejected', reason: failure(reason) });
    expect(next).toMatchObject({ status: 'fulfilled' });
  });

  it('ends a task that takes too long', async () => {
    const threads = open();
    await expect(threads.run(MISBEHAVE, 'spin', { timeoutMs: 50, signal: never })).rejects.toEqual(
      failure('timeout'),
    );
    expect(await threads.run(MISBEHAVE, 'answer', options)).toBeTypeOf('number');
  });

  it('ends an aborted task, running or waiting', async () => {
    const threads = open();
    const [running, waiting] = [new AbortController(), new AbortController()];
    const outcomes = Promise.allSettled([
      threads.run(MISBEHAVE, 'spin', { timeoutMs: 20_000, signal: running.signal }),
      threads.run(MISBEHAVE, 'answer', { timeoutMs: 20_000, signal: waiting.signal }),
      threads.run(MISBEHAVE, 'answer', options),
    ]);
    waiting.abort(new Error('second'));
    running.abort(new Error('first'));
    expect(await outcomes).toMatchObject([
      { status: 'rejected', reason: { message: 'first' } },
      { status: 'rejected', reason: { message: 'second' } },
      { status: 'fulfilled' },
    ]);
  });

  it('refuses what does not fit into its queue', async () => {
    const threads = open({ threadCount: 1, queueLengthMax: 1 });
    const outcomes = await Promise.allSettled([
      threads.run(MISBEHAVE, 'answer', options),
      threads.run(MISBEHAVE, 'answer', options),
      threads.run(MISBEHAVE, 'answer', options),
    ]);
    expect(outcomes.map((outcome) => outcome.status)).toEqual(['fulfilled', 'fulfilled', 'rejected']);
    expect(outcomes[2]).toMatchObject({ reason: failure('queue-full') });
  });

  it('rejects everything when it closes', async () => {
    const threads = open();
    const outcomes = Promise.allSettled([
      threads.run(MISBEHAVE, 'spin', options),
      threads.run(MISBEHAVE, 'answer', options),
    ]);
    await threads.close();
    expect(await outcomes).toMatchObject([{ reason: failure('closed') }, { reason: failure('closed') }]);
    await expect(threads.run(MISBEHAVE, 'answer', options)).rejects.toEqual(failure('closed'));
  });

  it('embeds beside the serving thread exactly as on it', async () => {
    const local = new StaticEmbedder(await loadStaticModel());
    const threaded = new ThreadedEmbedder(local, open());
    const texts = ['Redis keeps rate limits.', 'naïve café', ''];
    expect(await threaded.embedDocuments(texts, never)).toEqual(await local.embedDocuments(texts, never));
    expect(await threaded.tokenIdsOf(texts, never)).toEqual(await local.tokenIdsOf(texts, never));
    expect(await threaded.tokenIdsOf([], never)).toEqual([]);
  });
});
