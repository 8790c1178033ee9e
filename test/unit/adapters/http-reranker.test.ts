import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { HttpReranker } from '../../../src/adapters/http/http-reranker.ts';

const never = new AbortController().signal;
let server: Server | undefined;
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

interface Scripted {
  readonly status?: number;
  readonly body: unknown;
}

async function rerankerAt(answer: Scripted | 'silence', timeoutMs = 5_000) {
  const requests: { readonly headers: IncomingMessage['headers']; readonly body: unknown }[] = [];
  const listening = createServer(async (request, response) => {
    const text = (await request.toArray()).join('');
    requests.push({ headers: request.headers, body: JSON.parse(text) });
    if (answer === 'silence') return;
    response.writeHead(answer.status ?? 200, { 'content-type': 'application/json' });
    response.end(JSON.stringify(answer.body));
  });
  server = listening;
  await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(listening.address() as AddressInfo).port}/rerank`;
  return { requests, reranker: new HttpReranker({ url, model: 'm', apiKey: 'key', timeoutMs }) };
}

describe('HttpReranker', () => {
  it('sends question and texts, and gives the scores in the order of the texts', async () => {
    const results = [
      { index: 2, relevance_score: 0.9 },
      { index: 0, relevance_score: 0.2 },
    ];
    const { reranker, requests } = await rerankerAt({ body: { results } });
    expect(await reranker.score('q', ['a', 'b', 'c'], never)).toEqual([0.2, 0.2, 0.9]);
    expect(requests[0]?.body).toEqual({ model: 'm', query: 'q', documents: ['a', 'b', 'c'], top_n: 3 });
    expect(requests[0]?.headers.authorization).toBe('Bearer key');
  });

  it.each([
    ['an error', { status: 500, body: {} }],
    ['something else', { body: { answer: 42 } }],
  ])('throws MODEL_FAILED for %s', async (_what, answer) => {
    const { reranker } = await rerankerAt(answer);
    await expect(reranker.score('q', ['a'], never)).rejects.toEqual(
      expect.objectContaining({ code: 'MODEL_FAILED' }),
    );
  });

  it('waits no longer than its deadline', async () => {
    const { reranker } = await rerankerAt('silence', 50);
    await expect(reranker.score('q', ['a'], never)).rejects.toThrow(/timeout/i);
  });
});
