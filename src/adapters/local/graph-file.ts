import { stat } from 'node:fs/promises';
import { join } from 'node:path';

/** How the library calls a graph of a given precision, and what it appends to the file's name. */
const PRECISIONS = [
  { dtype: 'fp32', suffix: '' },
  { dtype: 'fp16', suffix: '_fp16' },
  { dtype: 'q8', suffix: '_quantized' },
  { dtype: 'int8', suffix: '_int8' },
  { dtype: 'uint8', suffix: '_uint8' },
] as const;
const SUBFOLDERS = ['onnx', ''];

export interface GraphFile {
  /** Relative to the model's folder. */
  readonly path: string;
  readonly subfolder: string;
  readonly dtype: (typeof PRECISIONS)[number]['dtype'];
}

/** The most precise graph that is there. */
export async function findGraph(folder: string): Promise<GraphFile | undefined> {
  for (const { dtype, suffix } of PRECISIONS) {
    for (const subfolder of SUBFOLDERS) {
      const path = join(subfolder, `model${suffix}.onnx`);
      if ((await stat(join(folder, path)).catch(() => undefined))?.isFile())
        return { path, subfolder, dtype };
    }
  }
  return undefined;
}
