import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { MultiDbClient, RunEvent } from '../../src/client/index.ts';
import { startTestSystem, type TestSystem } from '../support/system.ts';

const QUESTION = 'What databases are best for AI applications?';

let system: TestSystem;
let client: MultiDbClient;
let documentId: string;

beforeAll(async () => {
  system = await startTestSystem();
  client = await system.client();
  const text = await readFile(new URL('../../docs/choosing-databases.md', import.meta.url), 'utf8');
  const document = await client.ingest({ text, mediaType: 'text/markdown' }).ready();
  documentId = document.id;
});
afterAll(() => system.close());

const textOf = (events: readonly RunEvent[]): string =>
  events.map((event) => (event.__typename === 'TokenDelta' ? event.text : '')).join('');

async function collect(events: AsyncIterable<RunEvent>): Promise<RunEvent[]> {
  const all: RunEvent[] = [];
  for await (const event of events) all.push(event);
  return all;
}

describe('the main job, on one data folder', () => {
  it('answers from the documents with citations that are verbatim', async () => {
    const events = await collect(client.ask(QUESTION));
    expect(events.map((event) => event.sequence)).toEqual(events.map((_, index) => index));
    const end = events.at(-1);
    if (end?.__typename !== 'RunEnd') throw new Error(`ended with ${end?.__typename}`);
    expect(end.finishReason).toBe('COMPLETED');
    expect(end.message.text).toBe(textOf(events));
    expect(end.message.text).toContain('PostgreSQL');
    expect(end.message.citations.length).toBeGreaterThan(0);
    for (const citation of end.message.citations) {
      const source = await client.documents.text(documentId, {
        start: citation.sourceStart,
        end: citation.sourceEnd,
      });
      expect(source).toBe(citation.quote);
      expect(end.message.text.slice(citation.answerStart, citation.answerEnd)).not.toBe('');
    }
  });

  it('gives the same events from any cursor, also after a restart', async () => {
    const answer = client.ask('Which database is good for chat history?');
    const first = await collect(answer);
    const { run } = await answer.sent;
    for (const [index, event] of first.entries()) {
      expect(await collect(client.watch(run.id, { after: event.cursor }))).toEqual(first.slice(index + 1));
    }
    await system.restart();
    client = await system.client();
    expect(await collect(client.watch(run.id))).toEqual(first);
  });

  it('says so when the documents do not hold the answer', async () => {
    const { finishReason, citations } = await client
      .ask('Who won the football world cup in 1954?')
      .finished();
    expect(finishReason).toBe('ABSTAINED');
    expect(citations).toEqual([]);
  });

  it('makes one run of one idempotency key', async () => {
    const ask = () => client.ask(QUESTION, { idempotencyKey: 'the-same-key' }).sent;
    const sent = await Promise.all(Array.from({ length: 20 }, ask));
    expect(new Set(sent.map(({ run }) => run.id)).size).toBe(1);
    expect(sent.filter(({ replayed }) => !replayed)).toHaveLength(1);
    await expect(client.ask('Another text', { idempotencyKey: 'the-same-key' }).sent).rejects.toMatchObject({
      code: 'IDEMPOTENCY_CONFLICT',
    });
  });
});
