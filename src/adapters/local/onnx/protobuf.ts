/** Just enough of the Protocol Buffers wire format to write an ONNX file. */
const VARINT = 0;
const LENGTH_DELIMITED = 2;
const FIXED_32 = 5;

/** Bytes in several pieces: large tensors are never copied into the messages around them. */
export interface Message {
  readonly byteLength: number;
  readonly pieces: readonly Uint8Array[];
}

export function message(...fields: readonly Message[]): Message {
  return {
    byteLength: fields.reduce((sum, field) => sum + field.byteLength, 0),
    pieces: fields.flatMap((field) => field.pieces),
  };
}

/** `value` is a safe, non-negative integer. */
export function integer(field: number, value: number): Message {
  return piece(Uint8Array.from([...varint(field * 8 + VARINT), ...varint(value)]));
}

export function float(field: number, value: number): Message {
  const bytes = Buffer.alloc(4);
  bytes.writeFloatLE(value);
  return piece(Uint8Array.from([...varint(field * 8 + FIXED_32), ...bytes]));
}

export function text(field: number, value: string): Message {
  return bytes(field, Buffer.from(value, 'utf8'));
}

export function bytes(field: number, value: Uint8Array): Message {
  return nested(field, piece(value));
}

export function nested(field: number, value: Message): Message {
  const head = Uint8Array.from([...varint(field * 8 + LENGTH_DELIMITED), ...varint(value.byteLength)]);
  return { byteLength: head.length + value.byteLength, pieces: [head, ...value.pieces] };
}

function piece(value: Uint8Array): Message {
  return { byteLength: value.byteLength, pieces: [value] };
}

/** Divides instead of shifting: lengths and shapes may exceed 32 bits. */
function varint(value: number): number[] {
  const groups: number[] = [];
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) groups.push((rest % 128) + 128);
  return [...groups, rest];
}
