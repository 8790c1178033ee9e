/** Runs in a worker thread: texts in, one flat array of their vectors out. */
import { StaticEmbedder } from './static-embedder.ts';
import { loadStaticModel } from './static-model.ts';

/** Loaded once a thread, when its first batch comes. */
let embedder: Promise<StaticEmbedder> | undefined;

export async function run(texts: readonly string[]): Promise<Float32Array> {
  embedder ??= loadStaticModel().then((model) => new StaticEmbedder(model));
  const loaded = await embedder;
  const { dimensions } = loaded.model;
  const vectors = new Float32Array(texts.length * dimensions);
  for (const [index, text] of texts.entries()) vectors.set(loaded.embed(text), index * dimensions);
  return vectors;
}
