import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { analyze } from '../../../src/domain/text-analyzer.ts';

describe('analyze', () => {
  it.each([
    ['The runtime’s databases don’t RUN', ['the', 'runtim', 'databas', 'don', 't', 'run']],
    ['running ran runs', ['run', 'ran', 'run']],
    ['C++ and C# on node.js', ['c++', 'and', 'c#', 'on', 'node', 'js']],
    ['snake_case, kebab-case, 7.10.0', ['snake', 'case', 'kebab', 'case', '7', '10', '0']],
    ['naïve café ﬁle ２０２４', ['naiv', 'cafe', 'file', '2024']],
    ['Строй ёлка', ['строи', 'елка']],
    ['constructor __proto__', ['constructor', 'proto']],
    ['  \n\t.,;!? — 😀', []],
    ['', []],
  ])('%j', (text, terms) => {
    expect(analyze(text)).toEqual(terms);
  });

  it.each([
    ['东京塔', ['东京', '京塔']],
    ['水', ['水']],
    ['使用Redis缓存', ['使用', 'redi', '缓存']],
    ['データ', ['デー', 'ータ']],
    ['데이터는', ['데이', '이터', '터는']],
    ['กินข้าว', ['กิน', 'นข้', 'ข้า', 'าว']],
    ['𠮷野家', ['𠮷野', '野家']],
  ])('pairs of unsegmented script: %s', (text, terms) => {
    expect(analyze(text)).toEqual(terms);
  });

  it('a question finds a text whatever its case, accents or composition', () => {
    const texts = fc.string({ unit: 'grapheme', maxLength: 60 });
    fc.assert(
      fc.property(texts, (text) => {
        expect(analyze(text.normalize('NFD'))).toEqual(analyze(text.normalize('NFC')));
      }),
    );
    expect(analyze('CRÈME BRÛLÉE')).toEqual(analyze('creme brulee'));
  });

  it('terms are never empty and bounded in length', () => {
    const texts = fc.string({ unit: 'binary', maxLength: 300 });
    fc.assert(
      fc.property(texts, (text) => {
        for (const term of analyze(text)) expect(term.length).toBeGreaterThan(0);
      }),
    );
    expect(analyze('x'.repeat(10_000))).toEqual(['x'.repeat(64)]);
  });

  it('joining two texts by a space joins their terms', () => {
    const texts = fc.string({ unit: 'grapheme', maxLength: 40 });
    fc.assert(
      fc.property(texts, texts, (left, right) => {
        expect(analyze(`${left} . ${right}`)).toEqual([...analyze(left), ...analyze(right)]);
      }),
    );
  });

  it('keeps its answers when more distinct words pass than it remembers', () => {
    const before = analyze('generations of databases');
    for (let index = 0; index < 70_000; index += 1) analyze(`${alphabetic(index)}`);
    expect(analyze('generations of databases')).toEqual(before);
  });
});

/** A three-letter-or-longer word without digits, one per number. */
function alphabetic(value: number): string {
  let word = 'q';
  for (let rest = value; word.length < 6; rest = Math.floor(rest / 26))
    word += String.fromCharCode(97 + (rest % 26));
  return word;
}
