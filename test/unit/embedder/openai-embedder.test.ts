import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { OpenAiEmbedder, type OpenAiEmbedderOptions } from '../../../src/adapters/openai/openai-embedder.ts';
import type { Clock } from '../../../src/domain/ports/system.ts';

const bodySchema = z.object({
  model: z.string(),
  input: z.array(z.string()),
  encoding_format: z.string(),
  dimensions: z.number().optional(),
});
type Body = z.infer<typeof bodySchema>;
type Answer = (response: ServerResponse, body: Body) => void;

const never = new AbortController().signal;
const noStatistics = () => Promise.reject(new Error('not asked'));
let close: (() => Promise<void>) | undefined;
afterEach(async () => {
  await close?.();
  close = undefined;
});

/** A server that answers each request with the next of `answers`, the last one for ever. */
async function scripted(answers: readonly Answer[]) {
  const seen: { body: Body; headers: IncomingHttpHeaders; url: string | undefined }[] = [];
  const server = createServer(async (request, response) => {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part);
    const body = bodySchema.parse(JSON.parse(Buffer.concat(parts).toString()));
    seen.push({ body, headers: request.headers, url: request.url });
    (answers[seen.length - 1] ?? answers.at(-1))?.(response, body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  close = () =>
    new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  const sleptMs: number[] = [];
  const clock: Clock = {
    now: () => 0,
    sleep: async (ms) => {
      sleptMs.push(ms);
    },
  };
  const { port } = server.address() as AddressInfo;
  const embedder = (options: Partial<OpenAiEmbedderOptions> = {}) =>
    new OpenAiEmbedder(clock, {
      baseUrl: `http://127.0.0.1:${port}/v1`,
      apiKey: 'secret',
      model: 'some-model',
      dimensions: 2,
      ...options,
    });
  return { seen, sleptMs, embedder };
}

const json = (
  response: ServerResponse,
  status: number,
  value: unknown,
  headers: Record<string, string> = {},
) =>
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(value));
/** Vectors of length 5 that tell how long their text is. */
const vectors: Answer = (response, { input }) =>
  json(response, 200, {
    object: 'list',
    model: 'some-model',
    data: input.map((text, index) => ({
      object: 'embedding',
      index,
      embedding: text.length > 1 ? [3, 4] : [4, 3],
    })),
    usage: { prompt_tokens: 1, total_tokens: 1 },
  });
const status =
  (code: number, headers?: Record<string, string>): Answer =>
  (response) =>
    json(response, code, { error: { message: 'key sk-secret is over its limit' } }, headers);
const reset: Answer = (response) => response.destroy();

describe('the embedder of an OpenAI-compatible server', () => {
  it('sends batches, keeps the order, and gives unit vectors', async () => {
    const { embedder, seen } = await scripted([vectors]);
    const found = await embedder({ batchSize: 2 }).embedDocuments(['a', 'long\nline', ' ', 'b', 'c'], never);
    expect(found.map((vector) => [...vector].map((value) => value.toFixed(1)))).toEqual([
      ['0.8', '0.6'],
      ['0.6', '0.8'],
      ['0.0', '0.0'],
      ['0.8', '0.6'],
      ['0.8', '0.6'],
    ]);
    expect(seen.map(({ body }) => body.input)).toEqual([['a', 'long\nline'], ['b'], ['c']]);
    expect(seen[0]).toMatchObject({
      url: '/v1/embeddings',
      headers: { authorization: 'Bearer secret' },
      body: { model: 'some-model', encoding_format: 'float' },
    });
    expect(seen[0]?.body.dimensions).toBeUndefined();
  });

  it('asks for the dimensions when told to, and refuses others', async () => {
    const { embedder, seen } = await scripted([vectors]);
    await embedder({ requestDimensions: true }).embedQuery('a', noStatistics, never);
    expect(seen[0]?.body.dimensions).toBe(2);
    await expect(embedder({ dimensions: 3 }).embedQuery('a', noStatistics, never)).rejects.toMatchObject({
      code: 'MODEL_FAILED',
      retryable: false,
      message: expect.stringContaining('3 dimensions'),
    });
  });

  it('tries 429, 5xx and resets again, no sooner than it may', async () => {
    const { embedder, seen, sleptMs } = await scripted([
      status(429, { 'retry-after': '7' }),
      status(503),
      reset,
      vectors,
    ]);
    expect(await embedder().embedDocuments(['a'], never)).toHaveLength(1);
    expect(seen).toHaveLength(4);
    expect(sleptMs).toEqual([7000, 1000, 2000]);
  });

  it.each([
    [
      '429',
      status(429, { 'retry-after': '1' }),
      4,
      { code: 'RATE_LIMITED', retryable: true, retryAfterMs: 1000 },
    ],
    ['500', status(500), 4, { code: 'MODEL_FAILED', retryable: true }],
    ['401', status(401), 1, { code: 'MODEL_FAILED', retryable: false }],
  ] as const)(
    'gives up on %s within its bound, without the words of the server',
    async (_, answer, attempts, error) => {
      const { embedder, seen } = await scripted([answer]);
      const failure: unknown = await embedder()
        .embedDocuments(['a'], never)
        .catch((thrown: unknown) => thrown);
      expect(failure).toMatchObject(error);
      expect(String(failure)).not.toContain('sk-secret');
      expect(seen).toHaveLength(attempts);
    },
  );

  it('has a deadline for each request', async () => {
    const { embedder, sleptMs } = await scripted([() => undefined]);
    await expect(embedder({ timeoutMs: 20 }).embedDocuments(['a'], never)).rejects.toMatchObject({
      code: 'DEADLINE_EXCEEDED',
    });
    expect(sleptMs).toHaveLength(3);
  });

  it('stops when it is aborted, and closes the connection', async () => {
    const abort = new AbortController();
    const closed = Promise.withResolvers<void>();
    const { embedder, seen } = await scripted([
      (response) => {
        response.once('close', () => closed.resolve());
        abort.abort(new Error('enough'));
      },
    ]);
    await expect(embedder().embedDocuments(['a'], abort.signal)).rejects.toThrow('enough');
    await closed.promise;
    expect(seen).toHaveLength(1);
  });
});
