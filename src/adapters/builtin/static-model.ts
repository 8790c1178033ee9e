import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { endianness } from 'node:os';
import { z } from 'zod';

/** Relative to the package's root, which lies three folders up both from src/adapters/builtin and from dist/. */
const MODEL_FOLDER = new URL('../../../src/adapters/builtin/model/', import.meta.url);

const sha256Schema = z.string().regex(/^[0-9a-f]{64}$/);
const metaSchema = z.object({
  id: z.string().min(1),
  rows: z.int().positive(),
  dim: z.int().positive(),
  sha256: z.object({ 'vectors.i8': sha256Schema, 'scales.f32': sha256Schema, 'vocab.txt': sha256Schema }),
});

export interface StaticModel {
  readonly modelId: string;
  readonly dimensions: number;
  /** Row i begins at i × dimensions. */
  readonly vectors: Int8Array;
  /** A row's values are its bytes times its scale. */
  readonly scales: Float32Array;
  readonly vocabulary: string;
}

/** Reads the model's files and checks their hashes (about 20 ms). Throws if a file is missing or altered. */
export async function loadStaticModel(folder: URL = MODEL_FOLDER): Promise<StaticModel> {
  const meta = metaSchema.parse(JSON.parse(await readFile(new URL('meta.json', folder), 'utf8')));
  const [vectors, scales, vocabulary] = await Promise.all([
    readChecked(folder, 'vectors.i8', meta.sha256['vectors.i8']),
    readChecked(folder, 'scales.f32', meta.sha256['scales.f32']),
    readChecked(folder, 'vocab.txt', meta.sha256['vocab.txt']),
  ]);
  if (
    vectors.length !== meta.rows * meta.dim ||
    scales.length !== meta.rows * Float32Array.BYTES_PER_ELEMENT
  ) {
    throw new Error(`embedding model ${meta.id}: the files do not have ${meta.rows} rows of ${meta.dim}`);
  }
  return {
    modelId: meta.id,
    dimensions: meta.dim,
    vectors: new Int8Array(vectors.buffer, vectors.byteOffset, vectors.length),
    scales: littleEndianFloats(scales),
    vocabulary: vocabulary.toString('utf8'),
  };
}

async function readChecked(folder: URL, name: string, sha256: string): Promise<Buffer> {
  const bytes = await readFile(new URL(name, folder));
  if (createHash('sha256').update(bytes).digest('hex') !== sha256) {
    throw new Error(`embedding model: ${name} is not the file that meta.json describes`);
  }
  return bytes;
}

/** A copy, because a Buffer may begin at an address that a Float32Array cannot. */
function littleEndianFloats(bytes: Buffer): Float32Array {
  const copy = Uint8Array.from(bytes);
  if (endianness() === 'BE') Buffer.from(copy.buffer).swap32();
  return new Float32Array(copy.buffer);
}
