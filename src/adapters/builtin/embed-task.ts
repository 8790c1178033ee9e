/** Runs in a worker thread: the built-in model's two ways of reading documents. */
import { StaticEmbedder } from './static-embedder.ts';
import { loadStaticModel } from './static-model.ts';

export interface EmbedInput {
  readonly want: 'vectors' | 'token-ids';
  readonly texts: readonly string[];
}
/** One vector, or the distinct token ids, of each text. */
export type EmbedOutput = readonly Float32Array[] | readonly Uint32Array[];

/** Loaded once a thread, when its first batch comes. */
let embedder: Promise<StaticEmbedder> | undefined;

export async function run({ want, texts }: EmbedInput): Promise<EmbedOutput> {
  embedder ??= loadStaticModel().then((model) => new StaticEmbedder(model));
  const loaded = await embedder;
  return want === 'vectors'
    ? texts.map((text) => loaded.embed(text))
    : texts.map((text) => loaded.tokenIds(text));
}
