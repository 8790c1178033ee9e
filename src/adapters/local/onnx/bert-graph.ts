import { z } from 'zod';
import { ElementType, type Graph, type GraphNode, type GraphTensor } from './model-proto.ts';
import type { SafeTensors, Tensor } from './safetensors.ts';

/** What `config.json` says of a BERT encoder; other keys do not change the graph. */
export const bertConfigSchema = z.object({
  model_type: z.literal('bert'),
  hidden_act: z.literal('gelu'),
  position_embedding_type: z.literal('absolute').default('absolute'),
  hidden_size: z.int().positive(),
  num_attention_heads: z.int().positive(),
  num_hidden_layers: z.int().positive(),
  layer_norm_eps: z.number().positive(),
});
export type BertConfig = z.output<typeof bertConfigSchema>;

/**
 * The encoder in 32-bit floats, in ONNX Runtime's fused operators, which its own optimiser would make of an export by
 * PyTorch. Same inputs and output as that export, so every library that runs the one runs the other.
 */
export function bertGraph(config: BertConfig, weights: SafeTensors): Graph {
  const builder = new BertGraphBuilder(config, weights);
  let hidden = builder.embeddings();
  for (let layer = 0; layer < config.num_hidden_layers; layer += 1) {
    hidden = builder.layer(layer, hidden, layer === config.num_hidden_layers - 1);
  }
  const ids = { type: ElementType.INT64, shape: ['batch', 'sequence'] };
  return {
    nodes: builder.nodes,
    tensors: builder.tensors,
    inputs: ['input_ids', 'attention_mask', 'token_type_ids'].map((name) => ({ name, ...ids })),
    outputs: [{ name: hidden, type: ElementType.FLOAT, shape: ['batch', 'sequence', config.hidden_size] }],
  };
}

class BertGraphBuilder {
  readonly nodes: GraphNode[] = [];
  readonly tensors: GraphTensor[] = [];
  readonly #config: BertConfig;
  readonly #weights: SafeTensors;

  constructor(config: BertConfig, weights: SafeTensors) {
    this.#config = config;
    this.#weights = weights;
  }

  embeddings(): string {
    for (const name of ['input_ids', 'attention_mask', 'token_type_ids']) {
      this.#add({ op: 'Cast', inputs: [name], output: `${name}_32`, integers: { to: ElementType.INT32 } });
    }
    const tables = ['word', 'position', 'token_type'].map((of) =>
      this.#keep(`embeddings.${of}_embeddings.weight`),
    );
    return this.#add({
      op: 'EmbedLayerNormalization',
      inputs: ['input_ids_32', 'token_type_ids_32', ...tables, ...this.#norm('embeddings.LayerNorm')],
      output: 'embeddings',
      unread: ['mask_index'],
      floats: { epsilon: this.#config.layer_norm_eps },
      contrib: true,
    });
  }

  layer(index: number, input: string, last: boolean): string {
    const prefix = `encoder.layer.${index}`;
    const attended = this.#attention(`${prefix}.attention`, input);
    const inner = this.#matMul(`${prefix}.intermediate.dense`, attended);
    const active = this.#add({
      op: 'BiasGelu',
      inputs: [inner, this.#keep(`${prefix}.intermediate.dense.bias`)],
      output: `${prefix}.gelu`,
      contrib: true,
    });
    return this.#project(`${prefix}.output`, active, attended, last ? 'last_hidden_state' : `${prefix}.done`);
  }

  #attention(prefix: string, input: string): string {
    const parts = ['query', 'key', 'value'].map((name) => `${prefix}.self.${name}`);
    const matrices = parts.map((name) => transpose(this.#weights.tensor(`${name}.weight`)));
    const biases = parts.map((name) => this.#weights.tensor(`${name}.bias`));
    this.#tensor(`${prefix}.qkv.weight`, sideBySide(matrices));
    this.#tensor(
      `${prefix}.qkv.bias`,
      sideBySide(biases.map((bias) => ({ ...bias, shape: [1, ...bias.shape] }))),
    );
    const context = this.#add({
      op: 'Attention',
      inputs: [input, `${prefix}.qkv.weight`, `${prefix}.qkv.bias`, 'attention_mask_32'],
      output: `${prefix}.context`,
      integers: { num_heads: this.#config.num_attention_heads },
      contrib: true,
    });
    return this.#project(`${prefix}.output`, context, input, `${prefix}.done`);
  }

  /** Dense layer, residual and normalisation. */
  #project(prefix: string, input: string, skip: string, output: string): string {
    const dense = this.#matMul(`${prefix}.dense`, input);
    return this.#add({
      op: 'SkipLayerNormalization',
      inputs: [dense, skip, ...this.#norm(`${prefix}.LayerNorm`), this.#keep(`${prefix}.dense.bias`)],
      output,
      floats: { epsilon: this.#config.layer_norm_eps },
      contrib: true,
    });
  }

  #matMul(prefix: string, input: string): string {
    const weight = this.#tensor(`${prefix}.weight`, transpose(this.#weights.tensor(`${prefix}.weight`)));
    return this.#add({ op: 'MatMul', inputs: [input, weight], output: `${prefix}.product` });
  }

  #norm(prefix: string): string[] {
    return [this.#keep(`${prefix}.weight`), this.#keep(`${prefix}.bias`)];
  }

  #keep(name: string): string {
    return this.#tensor(name, this.#weights.tensor(name));
  }

  #tensor(name: string, { shape, values }: Tensor): string {
    this.tensors.push({ name, shape, values });
    return name;
  }

  #add(node: GraphNode): string {
    this.nodes.push(node);
    return node.output;
  }
}

/** PyTorch keeps a dense layer as [out, in]. */
function transpose({ shape, values }: Tensor): Tensor {
  const [rows = 0, columns = 0] = shape;
  const turned = new Float32Array(values.length);
  for (let row = 0; row < rows; row += 1) {
    for (let column = 0; column < columns; column += 1) {
      turned[column * rows + row] = values[row * columns + column] as number;
    }
  }
  return { shape: [columns, rows], values: turned };
}

/** Joins matrices of equal height along their rows; a height of 1 gives a vector. */
function sideBySide(matrices: readonly Tensor[]): Tensor {
  const height = matrices[0]?.shape[0] ?? 0;
  const width = matrices.reduce((sum, { shape }) => sum + (shape[1] ?? 0), 0);
  const values = new Float32Array(height * width);
  for (let row = 0; row < height; row += 1) {
    let column = 0;
    for (const { shape, values: part } of matrices) {
      const partWidth = shape[1] ?? 0;
      values.set(part.subarray(row * partWidth, (row + 1) * partWidth), row * width + column);
      column += partWidth;
    }
  }
  return { shape: height === 1 ? [width] : [height, width], values };
}
