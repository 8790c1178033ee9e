import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { z } from 'zod';
import { findGraph, type GraphFile } from './graph-file.ts';
import { type PoolingMode, poolingModeOf, poolingSchema } from './pooling.ts';
import { type Prefixes, prefixesOf } from './prefixes.ts';

/** Where a model's files contradict nothing and name nothing. */
const TOKEN_COUNT_FALLBACK = 512;
const FINGERPRINT_LENGTH = 12;
/** Positions that RoBERTa's descendants keep for themselves at the front of their table. */
const RESERVED_POSITIONS = 2;
const RESERVING_TYPES = new Set(['mpnet', 'roberta', 'xlm-roberta', 'camembert']);
const MODULES = new Set(['Transformer', 'Pooling', 'Normalize']);

/** Everything that is needed to compute with a sentence-transformers model, read from its own files. */
export interface ModelDescription {
  readonly folder: string;
  readonly graph: GraphFile;
  readonly dimensions: number;
  /** Special tokens included. */
  readonly tokenCountMax: number;
  readonly pooling: PoolingMode;
  readonly prefixes: Prefixes;
  /** Differs for models that give different vectors. */
  readonly fingerprint: string;
}

/** The folder holds no model that can be used. The message is one sentence that names the file and what is wrong. */
export class ModelFolderError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'ModelFolderError';
  }
}

const configSchema = z.looseObject({
  model_type: z.string().default(''),
  hidden_size: z.int().positive().optional(),
  dim: z.int().positive().optional(),
  d_model: z.int().positive().optional(),
  max_position_embeddings: z.int().positive().optional(),
  _name_or_path: z.string().optional(),
});
const modulesSchema = z.array(z.looseObject({ type: z.string(), path: z.string() }));
const sentenceSchema = z.looseObject({ max_seq_length: z.int().positive().nullish() });
/** Unlimited tokenizers say 1e30. */
const tokenizerSchema = z.looseObject({ model_max_length: z.number().positive().nullish() });

/** Throws ModelFolderError. */
export async function describeModel(folder: string): Promise<ModelDescription> {
  if (!(await stat(folder).catch(() => undefined))?.isDirectory()) {
    throw new ModelFolderError(`${folder} is not a folder`);
  }
  const config = await readJson(folder, 'config.json', configSchema);
  const tokenizer = await readJson(folder, 'tokenizer_config.json', tokenizerSchema);
  if (config === undefined) throw new ModelFolderError(`${folder} has no config.json`);
  if (tokenizer === undefined) throw new ModelFolderError(`${folder} has no tokenizer_config.json`);
  const graph = await findGraph(folder);
  if (graph === undefined) throw new ModelFolderError(`${folder} has no ONNX graph (onnx/model.onnx)`);
  const pooling = await readPooling(folder);
  const sentence = await readJson(folder, 'sentence_bert_config.json', sentenceSchema);
  const dimensions = pooling?.word_embedding_dimension ?? config.hidden_size ?? config.dim ?? config.d_model;
  if (dimensions === undefined) throw new ModelFolderError(`${folder}/config.json names no hidden_size`);
  const limits = [positionsOf(config), sentence?.max_seq_length, tokenizer.model_max_length];
  const prefixes = await prefixesOf(folder, config._name_or_path);
  return {
    folder,
    graph,
    dimensions,
    tokenCountMax: Math.min(...limits.filter((limit) => limit !== undefined && limit !== null)),
    pooling: modeOf(folder, pooling),
    prefixes,
    fingerprint: await fingerprintOf(folder, graph, JSON.stringify([pooling, prefixes])),
  };
}

function positionsOf({
  max_position_embeddings: positions,
  model_type,
}: z.output<typeof configSchema>): number {
  if (positions === undefined) return TOKEN_COUNT_FALLBACK;
  return RESERVING_TYPES.has(model_type) ? positions - RESERVED_POSITIONS : positions;
}

async function readPooling(folder: string): Promise<z.output<typeof poolingSchema> | undefined> {
  const modules = (await readJson(folder, 'modules.json', modulesSchema)) ?? [];
  const kinds = modules.map(({ type, path }) => ({ kind: type.split('.').at(-1) ?? type, path }));
  const foreign = kinds.find(({ kind }) => !MODULES.has(kind));
  if (foreign !== undefined) {
    throw new ModelFolderError(`${folder} needs the module ${foreign.kind}, which is not supported`);
  }
  const path = kinds.find(({ kind }) => kind === 'Pooling')?.path ?? '1_Pooling';
  return readJson(folder, join(path, 'config.json'), poolingSchema);
}

function modeOf(folder: string, pooling: z.output<typeof poolingSchema> | undefined): PoolingMode {
  const mode = pooling === undefined ? 'mean' : poolingModeOf(pooling);
  if (mode === undefined) throw new ModelFolderError(`${folder} pools in a way that is not supported`);
  return mode;
}

/** Of the small files and the graph's size: reading all weights at each start would cost seconds. */
async function fingerprintOf(folder: string, graph: GraphFile, rules: string): Promise<string> {
  const hash = createHash('sha256').update(rules);
  for (const name of ['config.json', 'tokenizer.json']) {
    hash.update(await readFile(join(folder, name)).catch(() => ''));
  }
  const { size } = await stat(join(folder, graph.path));
  return hash
    .update(`${basename(graph.path)} ${size}`)
    .digest('hex')
    .slice(0, FINGERPRINT_LENGTH);
}

/** undefined: there is no such file. */
async function readJson<T>(folder: string, name: string, schema: z.ZodType<T>): Promise<T | undefined> {
  const text = await readFile(join(folder, name), 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  try {
    return schema.parse(JSON.parse(text));
  } catch {
    throw new ModelFolderError(`${join(folder, name)} is not what a sentence-transformers model has there`);
  }
}
