import pg from 'pg';

/** The type's number in PostgreSQL's catalogue. */
export const TIMESTAMPTZ = 1184;

const SPACE = 0x20;
const PLUS = 0x2b;
const MINUS = 0x2d;
const ZERO = 0x30;
/** `2026-01-02 03:04:05+00`, and then a point and at most six digits more. */
const LENGTH_MIN = 22;
const LENGTH_MAX = 29;

/**
 * A timestamptz as the server writes it. Ours are always in UTC and ISO style; the driver's own parser, which knows
 * every style, zone and era, costs more than all the rest of a row, and is asked only for what looks otherwise.
 */
export function parseTimestamp(text: string): unknown {
  if (!looksUtc(text)) return pg.types.getTypeParser(TIMESTAMPTZ)(text);
  let milliseconds = 0;
  for (let index = 20; index < 23; index += 1) {
    milliseconds = milliseconds * 10 + (index < text.length - 3 ? text.charCodeAt(index) - ZERO : 0);
  }
  return new Date(
    Date.UTC(
      digits(text, 0, 4),
      digits(text, 5, 7) - 1,
      digits(text, 8, 10),
      digits(text, 11, 13),
      digits(text, 14, 16),
      digits(text, 17, 19),
      milliseconds,
    ),
  );
}

function looksUtc(text: string): boolean {
  const { length } = text;
  return (
    length >= LENGTH_MIN &&
    length <= LENGTH_MAX &&
    text.charCodeAt(4) === MINUS &&
    text.charCodeAt(10) === SPACE &&
    text.charCodeAt(length - 3) === PLUS &&
    text.charCodeAt(length - 2) === ZERO &&
    text.charCodeAt(length - 1) === ZERO
  );
}

function digits(text: string, start: number, end: number): number {
  let value = 0;
  for (let index = start; index < end; index += 1) value = value * 10 + text.charCodeAt(index) - ZERO;
  return value;
}
