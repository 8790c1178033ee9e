import { z } from 'zod';

const HEADER_LENGTH_BYTES = 8;
const FLOAT_BYTES = 4;

const headerSchema = z.record(
  z.string(),
  z.object({
    dtype: z.string(),
    shape: z.array(z.int().nonnegative()),
    data_offsets: z.tuple([z.int().nonnegative(), z.int().nonnegative()]),
  }),
);

export interface Tensor {
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

/** Weights by name, in the layout of the safetensors format: a JSON header, then little-endian numbers. */
export class SafeTensors {
  readonly #bytes: Uint8Array;
  readonly #header: z.output<typeof headerSchema>;
  readonly #dataStart: number;

  /** Throws on a file that is not of this format. */
  constructor(bytes: Uint8Array) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#bytes = bytes;
    this.#dataStart = HEADER_LENGTH_BYTES + Number(view.getBigUint64(0, true));
    const header = Buffer.from(bytes.subarray(HEADER_LENGTH_BYTES, this.#dataStart)).toString('utf8');
    const { __metadata__: _, ...tensors } = z.record(z.string(), z.unknown()).parse(JSON.parse(header));
    this.#header = headerSchema.parse(tensors);
  }

  /** A copy. Throws if there is no such tensor of 32-bit floats. */
  tensor(name: string): Tensor {
    const entry = this.#header[name];
    if (entry?.dtype !== 'F32') throw new Error(`the weights have no 32-bit tensor ${name}`);
    const [start, end] = entry.data_offsets;
    // A Buffer's own slice would share its memory, at an address that floats cannot have.
    const bytes = new Uint8Array(this.#bytes.subarray(this.#dataStart + start, this.#dataStart + end));
    if (bytes.length !== entry.shape.reduce((product, size) => product * size, FLOAT_BYTES)) {
      throw new Error(`the weights end in the middle of ${name}`);
    }
    return { shape: entry.shape, values: new Float32Array(bytes.buffer) };
  }
}
