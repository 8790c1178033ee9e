import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { LoadedText } from '../../../src/domain/ports/documents.ts';
import { PIECE_LENGTH_MAX, splitText } from '../../../src/planes/data/splitter.ts';

const isLow = (unit: number) => unit >= 0xdc00 && unit <= 0xdfff;
const isHigh = (unit: number) => unit >= 0xd800 && unit <= 0xdbff;
const plain = (text: string): LoadedText => ({ text, title: null, pageStarts: [], headings: [], blocks: [] });

const word = fc.oneof(
  fc.string({ minLength: 1, maxLength: 12 }),
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 }),
  fc.constantFrom(
    'कमल।',
    '漢字かな交じり文。',
    'שלום',
    'Ἑλλάς',
    '👩‍👩‍👧‍👦',
    'e\u0301e\u0301',
    '\u00a0',
    '.',
    '!?"',
  ),
);
const gap = fc.constantFrom(' ', ' ', ' ', '', '\n', '\r\n', '\n\n', '\r\n\r\n', '\n \n', ' '.repeat(3000));
const longRun = fc
  .tuple(fc.constantFrom('x', '語', '😀', 'a\u0301', '. ', '.'), fc.integer({ min: 0, max: 3000 }))
  .map(([unit, times]) => unit.repeat(times));
const anyText = fc
  .array(fc.tuple(fc.oneof({ weight: 20, arbitrary: word }, { weight: 1, arbitrary: longRun }), gap), {
    maxLength: 400,
    size: 'max',
  })
  .map((parts) => parts.flat().join(''));
/** A text with any structure that a loader may report. */
const anyLoaded: fc.Arbitrary<LoadedText> = anyText.chain((text) => {
  // Loaders report offsets between characters.
  const offset = fc
    .integer({ min: 0, max: text.length })
    .map((wanted) =>
      isLow(text.charCodeAt(wanted)) && isHigh(text.charCodeAt(wanted - 1)) ? wanted - 1 : wanted,
    );
  return fc.record({
    text: fc.constant(text),
    title: fc.constant(null),
    pageStarts: fc
      .uniqueArray(offset, { maxLength: 5 })
      .map((starts) =>
        starts.length === 0 ? [] : [0, ...starts.filter((start) => start > 0).sort((a, b) => a - b)],
      ),
    headings: fc
      .array(
        fc.record({
          level: fc.integer({ min: 1, max: 6 }),
          title: fc.string({ maxLength: 5 }),
          start: offset,
        }),
        { maxLength: 8 },
      )
      .map((headings) => headings.sort((a, b) => a.start - b.start)),
    blocks: fc.uniqueArray(offset, { maxLength: 8 }).map((cuts) => {
      const sorted = cuts.sort((a, b) => a - b);
      return sorted.flatMap((start, index) => {
        const end = sorted[index + 1];
        return index % 2 === 0 && end !== undefined ? [{ start, end }] : [];
      });
    }),
  });
});

describe('the splitter', () => {
  it('covers every non-blank character within bounds, in order, for any text and structure', () => {
    fc.assert(
      fc.property(anyLoaded, (loaded) => {
        const { text } = loaded;
        const pieces = splitText(loaded);
        let covered = 0;
        let lastStart = -1;
        for (const [index, { start, end, ordinal, page }] of pieces.entries()) {
          expect(ordinal).toBe(index);
          expect(start).toBeGreaterThan(lastStart);
          expect(end).toBeGreaterThan(start);
          expect(end - start).toBeLessThanOrEqual(PIECE_LENGTH_MAX);
          const chunk = text.slice(start, end);
          expect(chunk.trim()).toBe(chunk);
          if (start > covered) expect(text.slice(covered, start).trim()).toBe('');
          for (const cut of [start, end]) {
            expect(isHigh(text.charCodeAt(cut - 1)) && isLow(text.charCodeAt(cut))).toBe(false);
          }
          if (loaded.pageStarts.length > 0) {
            expect(loaded.pageStarts.some((pageStart) => pageStart > start && pageStart < end)).toBe(false);
            expect(page).toBe(loaded.pageStarts.filter((pageStart) => pageStart <= start).length);
          } else expect(page).toBeNull();
          covered = Math.max(covered, end);
          lastStart = start;
        }
        expect(text.slice(covered).trim()).toBe('');
      }),
      { numRuns: 300 },
    );
  });

  it('never lets a piece cross a heading with text of its own', () => {
    const body = 'Some words of the section. '.repeat(5);
    const text = `Intro.\n\n# One\n\n${body}\n\n## Two\n\n${body}`;
    const one = text.indexOf('# One');
    const two = text.indexOf('## Two');
    const pieces = splitText({
      ...plain(text),
      headings: [
        { level: 1, title: 'One', start: one },
        { level: 2, title: 'Two', start: two },
      ],
    });
    expect(pieces.map(({ start, headingPath }) => ({ start, headingPath }))).toEqual([
      { start: 0, headingPath: [] },
      { start: one, headingPath: ['One'] },
      { start: two, headingPath: ['One', 'Two'] },
    ]);
  });

  it('lets a heading without text join its first subsection', () => {
    const text = '# Book\n\nBook\n====\n## Chapter\n\nText.\n\n## Empty\n\n# Next\nMore.';
    const heading = (level: number, title: string, line: string) => ({
      level,
      title,
      start: text.indexOf(line),
    });
    const pieces = splitText({
      ...plain(text),
      headings: [
        heading(1, 'Book', 'Book\n='),
        heading(2, 'Chapter', '## Ch'),
        heading(2, 'Empty', '## Em'),
        heading(1, 'Next', '# Ne'),
      ],
    });
    expect(pieces.map(({ start, end, headingPath }) => [text.slice(start, end), headingPath])).toEqual([
      ['# Book', []],
      ['Book\n====\n## Chapter\n\nText.', ['Book', 'Chapter']],
      ['## Empty', ['Book', 'Empty']],
      ['# Next\nMore.', ['Next']],
    ]);
  });

  it('keeps a block whole where it fits and divides a longer one at line ends', () => {
    const block = (lines: number) => `\`\`\`\n${'const value = 1;\n'.repeat(lines)}\`\`\``;
    const [fitting, tooLong] = [block(60), block(300)];
    const lead = 'A sentence of ordinary length. '.repeat(20);
    const text = `${lead}\n\n${fitting}\n\n${lead}\n\n${tooLong}`;
    const first = text.indexOf(fitting);
    const second = text.lastIndexOf(tooLong);
    const pieces = splitText({
      ...plain(text),
      blocks: [
        { start: first, end: first + fitting.length },
        { start: second, end: second + tooLong.length },
      ],
    });
    expect(pieces.map(({ start, end }) => text.slice(start, end))).toContain(fitting);
    const parts = pieces.filter(({ start }) => start >= second);
    expect(parts.length).toBeGreaterThan(4);
    for (const { end } of parts) expect(text[end] ?? '\n').toBe('\n');
  });

  it('keeps a short lead-in with its table', () => {
    const table = `| a | b |\n${'| value | other value |\n'.repeat(40)}`.trimEnd();
    const text = `The settings are:\n\n${table}`;
    const pieces = splitText({ ...plain(text), blocks: [{ start: text.indexOf(table), end: text.length }] });
    expect(pieces).toMatchObject([{ start: 0, end: text.length }]);
  });

  it('overlaps by the last sentence only', () => {
    const sentences = Array.from(
      { length: 40 },
      (_, index) => `This is sentence number ${index} of the text.`,
    );
    const text = sentences.join(' ');
    const pieces = splitText(plain(text));
    expect(pieces.length).toBeGreaterThan(1);
    for (const [index, piece] of pieces.entries()) {
      const next = pieces[index + 1];
      if (next === undefined) continue;
      expect(sentences).toContain(text.slice(next.start, piece.end));
    }
  });

  it('takes time in proportion to the text, whatever it is made of', () => {
    for (const unit of ['.', 'a', ' ', '\n', '."', '. ', 'é\u0301', '😀']) {
      const text = `x${unit.repeat(2_000_000 / unit.length)}x`;
      expect(splitText(plain(text)).at(-1)?.end).toBe(text.length);
    }
  });

  it('finds nothing in white space', () => {
    expect(splitText(plain(' \r\n\u3000\ufeff'))).toEqual([]);
  });
});
