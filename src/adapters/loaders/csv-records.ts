/** A quoted field that is never closed: the rest of the file would be its value. */
export class UnclosedQuote extends Error {}

const DELIMITERS = [',', ';', '\t', '|'] as const;
const SAMPLE_LENGTH = 64 * 1024;
const SAMPLE_RECORDS = 20;

/** Records of RFC 4180 text, with any of the usual delimiters; blank lines are left out. Linear. */
export function csvRecords(text: string, delimiter: string): string[][] {
  return readRecords(text, delimiter, Number.POSITIVE_INFINITY, true);
}

/** The delimiter with which the first records agree on most columns; a comma if none divides anything. */
export function findDelimiter(text: string): string {
  const sample = text.slice(0, SAMPLE_LENGTH);
  let best: { readonly delimiter: string; readonly score: number } = { delimiter: ',', score: 0 };
  for (const delimiter of DELIMITERS) {
    const records = readRecords(sample, delimiter, SAMPLE_RECORDS, false);
    const width = records[0]?.length ?? 0;
    const agreeing = records.filter((record) => record.length === width).length;
    const score = width > 1 ? (agreeing / records.length) * 1000 + Math.min(width, 100) : 0;
    if (score > best.score) best = { delimiter, score };
  }
  return best.delimiter;
}

function readRecords(text: string, delimiter: string, recordsMax: number, strict: boolean): string[][] {
  const records: string[][] = [];
  let record: string[] = [];
  let at = 0;
  const endRecord = (): void => {
    if (record.length > 1 || record[0]?.trim()) records.push(record);
    record = [];
  };
  while (at < text.length && records.length < recordsMax) {
    const field = text[at] === '"' ? quoted(text, at, strict) : undefined;
    const start = field?.end ?? at;
    const end = plainEnd(text, start, delimiter);
    record.push(field === undefined ? text.slice(start, end) : field.value + text.slice(start, end));
    at = end + 1;
    if (text[end] === delimiter) {
      // A delimiter at the very end announces one more, empty field.
      if (at >= text.length) record.push('');
      continue;
    }
    if (text[end] === '\r' && text[at] === '\n') at += 1;
    endRecord();
  }
  endRecord();
  return records;
}

/** Where a plain field ends: at a delimiter, a line end or the end of the text. */
function plainEnd(text: string, from: number, delimiter: string): number {
  let end = from;
  while (end < text.length && text[end] !== delimiter && text[end] !== '\n' && text[end] !== '\r') end += 1;
  return end;
}

/** The value of a quoted field, `""` standing for one quote, and where what follows it begins. */
function quoted(text: string, from: number, strict: boolean): { value: string; end: number } {
  const parts: string[] = [];
  let start = from + 1;
  for (;;) {
    const quote = text.indexOf('"', start);
    if (quote < 0) {
      if (strict) throw new UnclosedQuote();
      return { value: parts.join('') + text.slice(start), end: text.length };
    }
    parts.push(text.slice(start, quote));
    if (text[quote + 1] !== '"') return { value: parts.join(''), end: quote + 1 };
    parts.push('"');
    start = quote + 2;
  }
}
