import type { IndexedChunk } from '../../domain/ports/chunk-index.ts';
import { tokenPathOf, vectorPathOf } from './index-definitions.ts';
import { hasDirection, packVector } from './vector-codec.ts';

/** The update that gives a chunk its vector and token ids of one model, beside whatever else is set of it. */
export function vectorUpdate(
  modelKey: string,
  { vector, tokenIds }: Pick<IndexedChunk, 'vector' | 'tokenIds'>,
  { row = {}, isBinary }: { readonly row?: Readonly<Record<string, unknown>>; readonly isBinary: boolean },
) {
  const path = vectorPathOf(modelKey);
  const fields = { ...row, [tokenPathOf(modelKey)]: [...new Set(tokenIds)] };
  const change = hasDirection(vector)
    ? { $set: { ...fields, [path]: packVector(vector, isBinary) } }
    : { $set: fields, $unset: { [path]: 1 } };
  return { ...change, $addToSet: { models: modelKey } };
}
