import { MEDIA_TYPES } from '../../domain/media-type.ts';
import type { LoadedText } from '../../domain/ports/documents.ts';
import { csvRecords, findDelimiter, UnclosedQuote } from './csv-records.ts';
import { decodeText } from './decode-text.ts';
import type { LoadInput } from './load-input.ts';
import { writeRecord } from './record-text.ts';
import { refusal } from './refusal.ts';
import { TextBuilder } from './text-builder.ts';

const NUMERIC = /^[-+]?[\d.,\s%]*\d[\d.,\s%]*$/;

/** Each row is a line of its own that repeats the names of the columns. */
export function loadCsv({ bytes, fileName, mediaType, limits }: LoadInput): LoadedText {
  const text = decodeText(bytes, fileName).replace(/^\ufeff/, '');
  const delimiter = mediaType === MEDIA_TYPES.tsv ? '\t' : findDelimiter(text);
  const records = readAll(text, delimiter, fileName);
  const [first] = records;
  const names = first !== undefined && records.length > 1 && isHeader(first) ? first : undefined;
  const out = new TextBuilder(limits.textLengthMax);
  for (const record of names === undefined ? records : records.slice(1)) {
    writeRecord(
      out,
      record.map((value, index) => [names?.[index]?.trim() ?? `Column ${index + 1}`, value]),
    );
  }
  return { text: out.text(), title: null, pageStarts: [], headings: [], blocks: out.blocks };
}

function readAll(text: string, delimiter: string, fileName: string | null): string[][] {
  try {
    return csvRecords(text, delimiter);
  } catch (error) {
    if (!(error instanceof UnclosedQuote)) throw error;
    throw refusal(fileName, 'a quoted field in it is never closed', error);
  }
}

/** Names differ, are there, and are not numbers. */
function isHeader(record: readonly string[]): boolean {
  const names = record.map((name) => name.trim());
  return new Set(names).size === names.length && names.every((name) => name !== '' && !NUMERIC.test(name));
}
