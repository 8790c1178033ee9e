import { bytes, float, integer, type Message, message, nested, text } from './protobuf.ts';

const IR_VERSION = 8;
const OPSET_VERSION = 17;
/** ONNX Runtime's own operators: one node for what standard ONNX needs a dozen. */
const CONTRIB = 'com.microsoft';
const FLOAT = 1;
const ATTRIBUTE_FLOAT = 1;
const ATTRIBUTE_INTEGER = 2;

export const ElementType = { FLOAT, INT32: 6, INT64: 7 } as const;
type ElementType = (typeof ElementType)[keyof typeof ElementType];

export interface GraphNode {
  readonly op: string;
  readonly inputs: readonly string[];
  readonly output: string;
  /** Results that the operator must have and nobody reads. */
  readonly unread?: readonly string[];
  readonly integers?: Readonly<Record<string, number>>;
  readonly floats?: Readonly<Record<string, number>>;
  /** One of ONNX Runtime's own. */
  readonly contrib?: boolean;
}
export interface GraphTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly values: Float32Array;
}
export interface GraphValue {
  readonly name: string;
  readonly type: ElementType;
  /** A string names a dimension that differs from call to call. */
  readonly shape: readonly (number | string)[];
}
export interface Graph {
  readonly nodes: readonly GraphNode[];
  readonly tensors: readonly GraphTensor[];
  readonly inputs: readonly GraphValue[];
  readonly outputs: readonly GraphValue[];
}

/** Field numbers are those of onnx.proto3. */
export function modelProto(graph: Graph): Message {
  const opset = (domain: string, version: number): Message =>
    nested(8, message(text(1, domain), integer(2, version)));
  return message(
    integer(1, IR_VERSION),
    text(2, 'multidb-ai'),
    nested(7, graphProto(graph)),
    opset('', OPSET_VERSION),
    opset(CONTRIB, 1),
  );
}

function graphProto({ nodes, tensors, inputs, outputs }: Graph): Message {
  return message(
    ...nodes.map((node) => nested(1, nodeProto(node))),
    text(2, 'encoder'),
    ...tensors.map((tensor) => nested(5, tensorProto(tensor))),
    ...inputs.map((value) => nested(11, valueProto(value))),
    ...outputs.map((value) => nested(12, valueProto(value))),
  );
}

function nodeProto(node: GraphNode): Message {
  const { op, inputs, output, unread = [], integers = {}, floats = {}, contrib = false } = node;
  return message(
    ...inputs.map((name) => text(1, name)),
    ...[output, ...unread].map((name) => text(2, name)),
    text(3, output),
    text(4, op),
    ...Object.entries(integers).map(([name, value]) =>
      nested(5, message(text(1, name), integer(3, value), integer(20, ATTRIBUTE_INTEGER))),
    ),
    ...Object.entries(floats).map(([name, value]) =>
      nested(5, message(text(1, name), float(2, value), integer(20, ATTRIBUTE_FLOAT))),
    ),
    text(7, contrib ? CONTRIB : ''),
  );
}

function tensorProto({ name, shape, values }: GraphTensor): Message {
  return message(
    ...shape.map((size) => integer(1, size)),
    integer(2, FLOAT),
    text(8, name),
    bytes(9, new Uint8Array(values.buffer, values.byteOffset, values.byteLength)),
  );
}

function valueProto({ name, type, shape }: GraphValue): Message {
  const dimensions = shape.map((size) =>
    nested(1, typeof size === 'number' ? integer(1, size) : text(2, size)),
  );
  const tensorType = message(integer(1, type), nested(2, message(...dimensions)));
  return message(text(1, name), nested(2, nested(1, tensorType)));
}
