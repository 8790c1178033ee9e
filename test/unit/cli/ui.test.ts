import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { StreamWrapper, wrap } from '../../../src/cli/ui/stream-wrapper.ts';
import { wantsColor } from '../../../src/cli/ui/style.ts';
import { Terminal } from '../../../src/cli/ui/terminal.ts';
import { graphemes, graphemeWidth, oneLine, printable } from '../../../src/cli/ui/text.ts';

const ESCAPE = '\u001b';
function newTerminal(stream: { isTTY?: boolean; columns?: number } = {}, env = {}) {
  const written: string[] = [];
  const terminal = new Terminal({ ...stream, write: (text) => written.push(text) }, env);
  return { terminal, written, output: () => written.join('') };
}

describe('colours', () => {
  test.each([
    [{}, true, true],
    [{}, false, false],
    [{ TERM: 'dumb' }, true, false],
    [{ NO_COLOR: '1' }, true, false],
    [{ NO_COLOR: '' }, true, true],
    [{ FORCE_COLOR: '1' }, false, true],
    [{ FORCE_COLOR: '0' }, true, false],
    [{ FORCE_COLOR: '1', NO_COLOR: '1' }, false, true],
    [{ FORCE_COLOR: '' }, false, false],
  ])('with %j on a terminal (%s): %s', (env, isTerminal, expected) => {
    expect(wantsColor(env, isTerminal)).toBe(expected);
    const { terminal } = newTerminal({ isTTY: isTerminal }, env);
    expect(terminal.style.red('x').includes(ESCAPE)).toBe(expected);
  });
});

describe('text of others', () => {
  test('cannot command the terminal', () => {
    const hostile = `a${ESCAPE}]0;owned\u0007b${ESCAPE}[2Jc\u009b31md\re\u0000f`;
    expect(printable(hostile)).toBe('a]0;ownedb[2Jc31md\nef');
    const { terminal, output } = newTerminal({ isTTY: true, columns: 80 }, { NO_COLOR: '1' });
    const stream = terminal.startStream();
    for (const character of hostile) stream.write(character);
    stream.end();
    terminal.citations([
      { index: 1, documentTitle: hostile, headingPath: [hostile], page: null, quote: hostile },
    ]);
    expect(output()).not.toMatch(/(?!\n)\p{Cc}/u);
  });

  test('is cut between characters', () => {
    expect(oneLine('  a\n b\t c ', 80)).toBe('a b c');
    expect(oneLine('abc', 3)).toBe('abc');
    expect(oneLine('漢字漢字', 5)).toBe('漢字…');
    expect(oneLine('漢字漢字', 4)).toBe('漢…');
    expect(oneLine('👩‍👩‍👧e\u0301xyz', 4)).toBe('👩‍👩‍👧e\u0301…');
  });
});

describe('wrapping', () => {
  const widthOf = (line: string) => graphemes(line).reduce((sum, each) => sum + graphemeWidth(each), 0);

  test('breaks at words, keeps line feeds and indents, cuts what is longer than a line', () => {
    expect(wrap('the quick brown fox', 10)).toBe('the quick\nbrown fox');
    expect(wrap('a\n\n  b c', 10)).toBe('a\n\n  b c');
    expect(wrap('abcdefghijkl mn', 5)).toBe('abcde\nfghij\nkl mn');
    expect(wrap('一二三四五', 4)).toBe('一二\n三四\n五');
  });

  test('prints a word as soon as it is complete', () => {
    const wrapper = new StreamWrapper(80);
    expect(wrapper.write('Hel')).toBe('');
    expect(wrapper.write('lo wor')).toBe('Hello');
    expect(wrapper.write('ld')).toBe('');
    expect(wrapper.end()).toBe(' world');
  });

  test('is the same however the text is cut, fits, and loses nothing but spaces', () => {
    const text = fc.string({
      unit: fc.constantFrom('a', 'bc', ' ', '\n', '\r\n', '漢', '🦀', 'e\u0301', '-'),
    });
    fc.assert(
      fc.property(
        text,
        fc.integer({ min: 2, max: 12 }),
        fc.array(fc.nat(), { maxLength: 5 }),
        (whole, columns, cuts) => {
          const expected = wrap(whole, columns);
          const wrapper = new StreamWrapper(columns);
          const places = cuts.map((cut) => cut % (whole.length + 1)).toSorted((one, other) => one - other);
          const pieces = [0, ...places].map((start, index) =>
            whole.slice(start, places[index] ?? whole.length),
          );
          const streamed = pieces.map((piece) => wrapper.write(piece)).join('') + wrapper.end();
          expect(streamed).toBe(expected);
          for (const line of expected.split('\n')) expect(widthOf(line)).toBeLessThanOrEqual(columns);
          expect(expected.replace(/\s/g, '')).toBe(whole.replace(/\s/g, ''));
        },
      ),
    );
  });

  test('is as wide as usual on a terminal that has no window', () => {
    const { terminal, output } = newTerminal({ isTTY: true, columns: 0 }, { NO_COLOR: '1' });
    const stream = terminal.startStream();
    stream.write('one short line');
    stream.end();
    expect(output()).toBe('one short line\n');
  });

  test('is left to whatever reads a pipe', () => {
    const { terminal, written } = newTerminal({ columns: 10 });
    const stream = terminal.startStream();
    stream.write('a line longer than ten columns');
    stream.end();
    expect(written).toEqual(['a line longer than ten columns', '\n']);
  });
});

describe('the progress bar', () => {
  test('grows on one line of a terminal, which it never fills', () => {
    const { terminal, written, output } = newTerminal({ isTTY: true, columns: 40 }, { NO_COLOR: '1' });
    const bar = terminal.progress('Ingesting');
    bar.update(0.5, 'a very long name of a file that does not fit');
    bar.update(0.5, 'a very long name of a file that does not fit');
    bar.update(7);
    bar.succeed('3 documents');
    bar.update(0.1);
    expect(written).toHaveLength(4);
    for (const line of written.slice(0, 3)) {
      expect(line.startsWith(`\r${ESCAPE}[K`)).toBe(true);
      expect(line).not.toContain('\n');
      expect(line.length - 4).toBeLessThan(40);
    }
    expect(written[1]).toContain('  50% ');
    expect(written[2]).toContain(' 100% ');
    expect(output().endsWith('✓ Ingesting: 3 documents\n')).toBe(true);
  });

  test('is a few plain lines in a pipe', () => {
    const { terminal, output } = newTerminal();
    const bar = terminal.progress('Ingesting');
    for (let percent = 0; percent <= 100; percent += 1) bar.update(percent / 100, 'note');
    bar.fail('broken PDF');
    const steps = [0, 25, 50, 75, 100].map((percent) => `Ingesting: ${percent}%\n`).join('');
    expect(output()).toBe(`${steps}✗ Ingesting: broken PDF\n`);
  });
});

describe('citations', () => {
  const citation = {
    index: 2,
    documentTitle: 'Handbook',
    headingPath: ['Handbook', 'Stores', 'Vectors'],
    page: 7,
    quote: 'Each kind of data\n lives in the store made for it.',
  };

  test('show number, document, headings, page and quote', () => {
    const { terminal, output } = newTerminal({ columns: 34 });
    terminal.citations([citation, { ...citation, index: 3, headingPath: [], page: null, quote: 'Short.' }]);
    expect(output()).toBe(
      [
        '',
        'Sources',
        '[2] Handbook › Stores › Vectors, page 7',
        '    “Each kind of data lives in',
        '    the store made for it.”',
        '[3] Handbook',
        '    “Short.”',
        '',
      ].join('\n'),
    );
  });

  test('are not announced when there are none', () => {
    const { terminal, output } = newTerminal();
    terminal.citations([]);
    expect(output()).toBe('');
  });
});
