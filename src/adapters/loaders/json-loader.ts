import { MEDIA_TYPES } from '../../domain/media-type.ts';
import type { LoadedText } from '../../domain/ports/documents.ts';
import { decodeText } from './decode-text.ts';
import type { LoadInput } from './load-input.ts';
import { type Field, writeRecord } from './record-text.ts';
import { refusal } from './refusal.ts';
import { TextBuilder, TooDeep } from './text-builder.ts';

const DEPTH_MAX = 200;
const HEADING_LEVEL_MAX = 6;
/** Names by which people would call a record. */
const TITLE_KEYS = ['title', 'name', 'heading', 'subject'];

/**
 * Lists of records become lines like those of a table, objects become sections under their keys. Numbers stay as they are
 * written: a double would change the last digits of a long one.
 */
export function loadJson({ bytes, fileName, mediaType, limits }: LoadInput): LoadedText {
  const source = decodeText(bytes, fileName).replace(/^\ufeff/, '');
  const value = mediaType === MEDIA_TYPES.jsonLines ? parseLines(source, fileName) : parse(source, fileName);
  const out = new TextBuilder(limits.textLengthMax);
  new JsonWriter(out).value(value, 1);
  const { headings, blocks } = out;
  return { text: out.text(), title: titleOf(value), pageStarts: [], headings, blocks };
}

function parseLines(source: string, fileName: string | null): unknown[] {
  return source
    .split('\n')
    .flatMap((line, index) => (line.trim() === '' ? [] : [parse(line, fileName, index + 1)]));
}

function parse(source: string, fileName: string | null, line?: number): unknown {
  try {
    const keep = (_key: string, value: unknown, context?: { readonly source?: string }): unknown =>
      typeof value === 'number' ? (context?.source ?? String(value)) : value;
    return JSON.parse(source, keep);
  } catch (error) {
    if (error instanceof RangeError) throw error;
    const reason = line === undefined ? 'it is not valid JSON' : `its line ${line} is not valid JSON`;
    throw refusal(fileName, reason, error);
  }
}

class JsonWriter {
  readonly #out: TextBuilder;

  constructor(out: TextBuilder) {
    this.#out = out;
  }

  value(value: unknown, depth: number): void {
    if (depth > DEPTH_MAX) throw new TooDeep();
    if (Array.isArray(value)) this.#list(value);
    else if (isObject(value)) this.#object(value, depth);
    else writeRecord(this.#out, [['', scalar(value)]]);
  }

  #list(items: readonly unknown[]): void {
    for (const item of items) writeRecord(this.#out, fieldsOf('', item, 1));
  }

  /** Its own values in one line, then a section for each key that holds more. */
  #object(object: Readonly<Record<string, unknown>>, depth: number): void {
    const entries = Object.entries(object);
    writeRecord(
      this.#out,
      entries.flatMap(([key, value]): Field[] => (isScalar(value) ? [[key, scalar(value)]] : [])),
    );
    for (const [key, value] of entries) {
      if (isScalar(value)) continue;
      this.#out.heading(Math.min(depth, HEADING_LEVEL_MAX), () => this.#out.append(key));
      this.value(value, depth + 1);
    }
  }
}

/** A record's values by their paths: `address.city`. Lists of plain values are joined. */
function fieldsOf(path: string, value: unknown, depth: number): Field[] {
  if (depth > DEPTH_MAX) throw new TooDeep();
  if (isScalar(value)) return [[path, scalar(value)]];
  if (Array.isArray(value)) {
    if (value.every(isScalar)) return [[path, value.map(scalar).join(', ')]];
    return value.flatMap((item, index) => fieldsOf(`${path}[${index}]`, item, depth + 1));
  }
  if (!isObject(value)) return [];
  return Object.entries(value).flatMap(([key, inner]) =>
    fieldsOf(path === '' ? key : `${path}.${key}`, inner, depth + 1),
  );
}

function titleOf(value: unknown): string | null {
  if (!isObject(value)) return null;
  const found = TITLE_KEYS.map((key) => value[key]).find((name) => typeof name === 'string' && name.trim());
  return typeof found === 'string' ? found.trim() : null;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isScalar(value: unknown): boolean {
  return typeof value !== 'object' || value === null;
}

function scalar(value: unknown): string {
  return value === null ? '' : String(value);
}
