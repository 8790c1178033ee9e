import { basename, dirname } from 'node:path';
import { BatchEncoder, type TokenSource } from './encoding.ts';
import type { ModelDescription } from './model-description.ts';
import { normalise, poolAll } from './pooling.ts';

/** Computes unit vectors of a few texts at a time, one after another in one flat array. */
export type Inference = (texts: readonly string[]) => Promise<Float32Array>;

/** Reads only the model's folder: what is not there is not fetched. */
export async function loadInference(model: ModelDescription, threadCount: number): Promise<Inference> {
  const { AutoModel, AutoTokenizer, Tensor, env } = await import('@huggingface/transformers');
  env.allowRemoteModels = false;
  env.localModelPath = `${dirname(model.folder)}/`;
  const name = basename(model.folder);
  const tokenizer = await AutoTokenizer.from_pretrained(name, { local_files_only: true });
  const encoder = await AutoModel.from_pretrained(name, {
    local_files_only: true,
    device: 'cpu',
    dtype: model.graph.dtype,
    subfolder: model.graph.subfolder,
    session_options: {
      // 0: ONNX Runtime counts the cores itself.
      intraOpNumThreads: threadCount,
      // Threads that wait in a loop took a quarter of all CPU time here, from those who had work to do.
      extra: { session: { intra_op: { allow_spinning: '0' } } },
    },
  });
  const source: TokenSource = {
    ids: (text, add_special_tokens) => tokenizer.encode(text, { add_special_tokens }),
  };
  const encoding = new BatchEncoder(source, model.tokenCountMax, tokenizer.pad_token_id ?? 0);
  return async (texts) => {
    const { ids, mask, tokenCount } = encoding.encode(texts);
    const shape = [texts.length, tokenCount];
    // The model takes of these what its graph asks for, and adds the type ids itself.
    const output: unknown = await encoder({
      input_ids: new Tensor('int64', ids, shape),
      attention_mask: new Tensor('int64', mask, shape),
    });
    const sentence = tensorOf(output, 'sentence_embedding');
    const tokens = tensorOf(output, 'last_hidden_state') ?? tensorOf(output, 'token_embeddings');
    if (tokens === undefined && sentence !== undefined) return unitRows(sentence, model.dimensions);
    if (tokens === undefined) throw new Error('the ONNX graph gives no last_hidden_state');
    return poolAll(
      { values: tokens.data, mask, textCount: texts.length, tokenCount, dimensions: model.dimensions },
      model.pooling,
    );
  };
}

interface FloatTensor {
  readonly data: Float32Array;
  readonly dims: readonly number[];
}

function tensorOf(output: unknown, name: string): FloatTensor | undefined {
  if (typeof output !== 'object' || output === null) return undefined;
  const tensor: unknown = Object.entries(output).find(([key]) => key === name)?.[1];
  if (typeof tensor !== 'object' || tensor === null || !('data' in tensor) || !('dims' in tensor))
    return undefined;
  const { data, dims } = tensor;
  return data instanceof Float32Array && Array.isArray(dims) ? { data, dims } : undefined;
}

function unitRows({ data }: FloatTensor, dimensions: number): Float32Array {
  const rows = Float32Array.from(data);
  for (let start = 0; start < rows.length; start += dimensions)
    normalise(rows.subarray(start, start + dimensions));
  return rows;
}
