import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { bertConfigSchema, bertGraph } from '../../src/adapters/local/onnx/bert-graph.ts';
import { modelProto } from '../../src/adapters/local/onnx/model-proto.ts';
import { SafeTensors } from '../../src/adapters/local/onnx/safetensors.ts';
import { SeededRandom } from './random.ts';

const WORDS = [
  '[PAD]',
  '[UNK]',
  '[CLS]',
  '[SEP]',
  '[MASK]',
  'query',
  ':',
  'passage',
  'red',
  'green',
  'blue',
  'sea',
  'sky',
];
const SPECIAL = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'];
const HIDDEN = 8;
const INNER = 16;
const POSITIONS = 32;

const CONFIG = {
  model_type: 'bert',
  hidden_act: 'gelu',
  hidden_size: HIDDEN,
  intermediate_size: INNER,
  num_attention_heads: 2,
  num_hidden_layers: 2,
  layer_norm_eps: 1e-12,
  max_position_embeddings: POSITIONS,
  type_vocab_size: 2,
  vocab_size: WORDS.length,
};

/** A real encoder of a few kilobytes with random weights: what a sentence-transformers folder looks like. */
export async function writeTinyModel(
  folder: string,
  files: Readonly<Record<string, unknown>> = {},
): Promise<void> {
  const proto = modelProto(bertGraph(bertConfigSchema.parse(CONFIG), new SafeTensors(randomWeights())));
  const all = {
    'config.json': CONFIG,
    'tokenizer.json': tokenizer(),
    'tokenizer_config.json': { tokenizer_class: 'BertTokenizer', model_max_length: 512, do_lower_case: true },
    'sentence_bert_config.json': { max_seq_length: 16 },
    'modules.json': [
      { idx: 0, name: '0', path: '', type: 'sentence_transformers.models.Transformer' },
      { idx: 1, name: '1', path: '1_Pooling', type: 'sentence_transformers.models.Pooling' },
    ],
    '1_Pooling/config.json': { word_embedding_dimension: HIDDEN, pooling_mode_mean_tokens: true },
    'onnx/model.onnx': Buffer.concat(proto.pieces),
    ...files,
  };
  for (const [name, content] of Object.entries(all)) {
    if (content === undefined) continue;
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), Buffer.isBuffer(content) ? content : JSON.stringify(content));
  }
}

function tokenizer(): unknown {
  const special = (id: string, typeId: number) => ({ SpecialToken: { id, type_id: typeId } });
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: SPECIAL.map((content, id) => ({
      id,
      content,
      special: true,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
    })),
    normalizer: {
      type: 'BertNormalizer',
      clean_text: true,
      handle_chinese_chars: true,
      strip_accents: null,
      lowercase: true,
    },
    pre_tokenizer: { type: 'BertPreTokenizer' },
    post_processor: {
      type: 'TemplateProcessing',
      single: [special('[CLS]', 0), { Sequence: { id: 'A', type_id: 0 } }, special('[SEP]', 0)],
      pair: [special('[CLS]', 0), { Sequence: { id: 'A', type_id: 0 } }, special('[SEP]', 0)],
      special_tokens: {
        '[CLS]': { id: '[CLS]', ids: [2], tokens: ['[CLS]'] },
        '[SEP]': { id: '[SEP]', ids: [3], tokens: ['[SEP]'] },
      },
    },
    decoder: { type: 'WordPiece', prefix: '##', cleanup: true },
    model: {
      type: 'WordPiece',
      unk_token: '[UNK]',
      continuing_subword_prefix: '##',
      max_input_chars_per_word: 100,
      vocab: Object.fromEntries(WORDS.map((word, id) => [word, id])),
    },
  };
}

function randomWeights(): Uint8Array {
  const random = new SeededRandom(7);
  const header: Record<string, unknown> = {};
  const parts: Float32Array[] = [];
  let offset = 0;
  for (const [name, shape] of Object.entries(shapes())) {
    const length = shape.reduce((product, size) => product * size, 1);
    const base = name.endsWith('LayerNorm.weight') ? 1 : 0;
    parts.push(Float32Array.from({ length }, () => base + random.fraction() - 0.5));
    header[name] = { dtype: 'F32', shape, data_offsets: [offset, offset + length * 4] };
    offset += length * 4;
  }
  const json = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  return Buffer.concat([length, json, ...parts.map((part) => Buffer.from(part.buffer))]);
}

function shapes(): Record<string, number[]> {
  const norm = (name: string) => ({
    [`${name}.LayerNorm.weight`]: [HIDDEN],
    [`${name}.LayerNorm.bias`]: [HIDDEN],
  });
  const dense = (name: string, rows: number, columns: number) => ({
    [`${name}.weight`]: [rows, columns],
    [`${name}.bias`]: [rows],
  });
  const layers = [0, 1].map((index) => {
    const layer = `encoder.layer.${index}`;
    return {
      ...dense(`${layer}.attention.self.query`, HIDDEN, HIDDEN),
      ...dense(`${layer}.attention.self.key`, HIDDEN, HIDDEN),
      ...dense(`${layer}.attention.self.value`, HIDDEN, HIDDEN),
      ...dense(`${layer}.attention.output.dense`, HIDDEN, HIDDEN),
      ...norm(`${layer}.attention.output`),
      ...dense(`${layer}.intermediate.dense`, INNER, HIDDEN),
      ...dense(`${layer}.output.dense`, HIDDEN, INNER),
      ...norm(`${layer}.output`),
    };
  });
  return Object.assign(
    {
      'embeddings.word_embeddings.weight': [WORDS.length, HIDDEN],
      'embeddings.position_embeddings.weight': [POSITIONS, HIDDEN],
      'embeddings.token_type_embeddings.weight': [2, HIDDEN],
    },
    norm('embeddings'),
    ...layers,
  );
}
