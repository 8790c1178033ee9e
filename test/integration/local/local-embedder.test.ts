import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { LocalEmbedder } from '../../../src/adapters/local/local-embedder.ts';
import { describeModel } from '../../../src/adapters/local/model-description.ts';
import { writeTinyModel } from '../../support/tiny-model.ts';

const never = new AbortController().signal;
const noStatistics = async () => ({ chunkCount: 0, chunkFrequencies: [] });
const WORDS = ['red', 'green', 'blue', 'sea', 'sky'];
/** Of many lengths, no two alike. */
const TEXTS = Array.from({ length: 70 }, (_, index) =>
  Array.from({ length: 1 + (index % 13) }, (_, at) => WORDS[(index + at * index) % WORDS.length]).join(' '),
);

let root: string;
const opened: LocalEmbedder[] = [];

async function open(name: string, files: Readonly<Record<string, unknown>> = {}): Promise<LocalEmbedder> {
  const folder = join(root, name);
  await writeTinyModel(folder, files);
  const model = await describeModel(folder);
  const embedder = await LocalEmbedder.open({ model, modelId: name, vectorWeight: 0.5, threadCount: 1 });
  opened.push(embedder);
  return embedder;
}

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'multidb-local-'));
});
afterEach(() => {
  for (const embedder of opened.splice(0)) embedder.close();
});
afterAll(() => rm(root, { recursive: true }));

describe('a local model', () => {
  it('gives each text its own unit vector, in order, whatever stands beside it', async () => {
    const embedder = await open('tiny');
    const together = await embedder.embedDocuments(TEXTS, never);
    for (const [place, text] of TEXTS.entries()) {
      const [alone] = await embedder.embedDocuments([text], never);
      const vector = together[place] ?? new Float32Array();
      expect(Math.hypot(...vector)).toBeCloseTo(1, 5);
      expect(distance(vector, alone)).toBeLessThan(1e-5);
    }
    expect(distance(together[3], together[4])).toBeGreaterThan(0.01);
  });

  it('gives the zero vector to a text without words, and nothing to nothing', async () => {
    const embedder = await open('tiny');
    const [blank, word] = await embedder.embedDocuments([' \n', 'red'], never);
    expect([...(blank ?? [])]).toEqual(Array(8).fill(0));
    expect(Math.hypot(...(word ?? []))).toBeCloseTo(1, 5);
    expect([...(await embedder.embedQuery('', noStatistics, never))]).toEqual(Array(8).fill(0));
    expect(await embedder.embedDocuments([], never)).toEqual([]);
  });

  it('cuts what is longer than its limit', async () => {
    const embedder = await open('tiny');
    const long = 'sea '.repeat(14).trim();
    const [cut, longer] = await embedder.embedDocuments([long, `${long} red green blue`], never);
    expect(distance(cut, longer)).toBeLessThan(1e-6);
  });

  it('puts the prefixes of its model before questions and documents', async () => {
    const prompts = {
      'config_sentence_transformers.json': { prompts: { query: 'query: ', passage: 'passage: ' } },
    };
    const plain = await open('plain');
    const prefixed = await open('prefixed', prompts);
    const [question, passage] = await plain.embedDocuments(['query: red sky', 'passage: red sky'], never);
    expect(distance(await prefixed.embedQuery('red sky', noStatistics, never), question)).toBeLessThan(1e-6);
    const [document] = await prefixed.embedDocuments(['red sky'], never);
    expect(distance(document, passage)).toBeLessThan(1e-6);
  });

  it('rejects an aborted call at once and computes the next', async () => {
    const embedder = await open('tiny');
    const abort = new AbortController();
    const call = embedder.embedDocuments(TEXTS, abort.signal);
    abort.abort(new Error('enough'));
    await expect(call).rejects.toThrow('enough');
    await expect(embedder.embedDocuments(['red'], abort.signal)).rejects.toThrow('enough');
    expect(await embedder.embedDocuments(['red'], never)).toHaveLength(1);
  });

  it('loses nothing when its process is killed in the middle', async () => {
    const embedder = await open('tiny');
    const before = await embedder.embedDocuments(TEXTS, never);
    const killed = embedder.pid ?? 0;
    const call = embedder.embedDocuments(TEXTS, never);
    process.kill(killed, 'SIGKILL');
    const after = await call;
    expect(embedder.pid).not.toBe(killed);
    expect(after.map((vector) => [...vector])).toEqual(before.map((vector) => [...vector]));
  });

  it('comes back after its process died at rest', async () => {
    const embedder = await open('tiny');
    const killed = embedder.pid ?? 0;
    process.kill(killed, 'SIGKILL');
    expect(await embedder.embedDocuments(['red'], never)).toHaveLength(1);
    expect(embedder.pid).not.toBe(killed);
  });

  it('refuses more waiting calls than its bound, and those that wait when it closes', async () => {
    const embedder = await open('tiny');
    const calls = Array.from({ length: 300 }, () => embedder.embedDocuments(['red'], never));
    const settled = Promise.allSettled(calls);
    embedder.close();
    const reasons = (await settled).map((call) => call.status === 'rejected' && call.reason.code);
    expect(new Set(reasons)).toEqual(new Set(['SHUTTING_DOWN', 'RATE_LIMITED']));
    await expect(embedder.embedDocuments(['red'], never)).rejects.toThrow(/closed/);
  });

  it('that cannot be loaded says so in one sentence', async () => {
    const broken = open('broken', { 'onnx/model.onnx': Buffer.from('no graph') });
    await expect(broken).rejects.toThrow(/^\S+broken cannot be loaded: [^\n]+$/);
  });
});

function distance(a: Float32Array | undefined, b: Float32Array | undefined): number {
  if (a === undefined || b === undefined || a.length !== b.length) return Number.POSITIVE_INFINITY;
  return Math.max(...a.map((value, index) => Math.abs(value - (b[index] ?? 0))));
}
