import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { analyze, writtenIn } from '../../../src/domain/text-analyzer.ts';

describe('analyze', () => {
  it.each([
    ['The runtime’s databases don’t RUN', ['the', 'runtim', 'databas', 'don', 't', 'run']],
    ['running ran runs', ['run', 'ran', 'run']],
    ['C++ and C# on node.js', ['c++', 'and', 'c#', 'on', 'node', 'js']],
    ['snake_case, kebab-case, 7.10.0', ['snake', 'case', 'kebab', 'case', '7', '10', '0']],
    ['naïve café ﬁle ２０２４', ['naiv', 'cafe', 'file', '2024']],
    ['Строй ёлка', ['стро', 'елк']],
    ['мосты моста', ['мост', 'мост']],
    ['المدينة مدينة', ['مدين', 'مدين']],
    ['constructor __proto__', ['constructor', 'proto']],
    ['  \n\t.,;!? — 😀', []],
    ['', []],
  ])('%j', (text, terms) => {
    expect(analyze(text)).toEqual(terms);
  });

  it.each([
    ['Wo sind die Häuser? Das Haus', ['wo', 'sind', 'die', 'haus', 'das', 'haus']],
    ['où sont les maisons de la ville', ['ou', 'sont', 'le', 'maison', 'de', 'la', 'vill']],
    ['los niños y las casas', ['los', 'nin', 'y', 'las', 'cas']],
  ])('stems in the language of the text: %s', (text, terms) => {
    expect(analyze(text).filter((term) => !/~/.test(term))).toEqual(terms);
  });

  it('lets the parts of a compound be found', () => {
    const compound = analyze('Der Wahlkreis ist in der Stadt');
    const part = analyze('Wie viele Wahlen und was ist das');
    expect(compound).toEqual(expect.arrayContaining(['wahlkreis', 'wahl~', '~reis']));
    expect(part).toContain('wahl');
    expect(analyze('Die Wahlhelfer und das')).toContain('wahl~');
  });

  it.each([
    ['Wie viele Punkte gab die Verteidigung ab?', 'german'],
    ['How many points did it give up?', 'english'],
    ['¿Cuántos puntos dio la defensa de los Panthers?', 'spanish'],
    ['Когда был построен мост?', 'other'],
    ['いつ建てられましたか', 'other'],
    ['kubernetes ingress', 'english'],
    ['', 'english'],
  ])('says what a text is written in: %s', (text, language) => {
    expect(writtenIn(text)).toBe(language);
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
        // The language is the whole text's: each part must show the same one.
        const [first, second] = [`it is the ${left}`, `it is the ${right}`];
        expect(analyze(`${first} . ${second}`)).toEqual([...analyze(first), ...analyze(second)]);
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
