import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { claimSpan } from '../../../src/planes/serving/agent/claim.ts';
import { planQuery } from '../../../src/planes/serving/agent/plan.ts';
import { sentenceSpans } from '../../../src/planes/serving/agent/sentences.ts';
import { cutAt, WellFormedText } from '../../../src/planes/serving/agent/well-formed.ts';
import { titleOf } from '../../../src/planes/serving/run/send-message.ts';
import { newMessage } from '../../support/fixtures.ts';

describe('WellFormedText', () => {
  it('puts pairs together that two deltas split, and repairs what stays half', () => {
    const text = new WellFormedText();
    expect(text.push('a\ud83d')).toBe('a');
    expect(text.push('\ude00b')).toBe('😀b');
    expect(text.push('\ud83d')).toBe('');
    expect(text.push('x\0y')).toBe('\ufffdxy');
    expect(text.push('\ud83d')).toBe('');
    expect(text.end()).toBe('\ufffd');
  });

  it('never lets half a pair out, and loses nothing of well-formed text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.array(fc.nat(40)), (whole, cuts) => {
        const clean = whole.toWellFormed().replaceAll('\0', '');
        const text = new WellFormedText();
        const places = [0, ...cuts.map((cut) => cut % (clean.length + 1)), clean.length].sort(
          (a, b) => a - b,
        );
        const pieces = places.slice(1).map((place, index) => text.push(clean.slice(places[index], place)));
        pieces.push(text.end());
        expect(pieces.every((piece) => piece.isWellFormed())).toBe(true);
        expect(pieces.join('')).toBe(clean);
      }),
    );
  });

  it('cuts before a pair, not inside', () => {
    expect(cutAt('ab😀', 3)).toBe('ab');
    expect(cutAt('ab😀', 4)).toBe('ab😀');
  });
});

describe('sentenceSpans', () => {
  const quotes = (text: string) => sentenceSpans(text).map((span) => text.slice(span.start, span.end));

  it('splits prose, keeps abbreviations, numbers and wrapped lines whole', () => {
    const text = 'Dr. Smith uses node.js, e.g. version 2.5 of it. It works!\nA second\nline here? Yes.';
    expect(quotes(text)).toEqual([
      'Dr. Smith uses node.js, e.g. version 2.5 of it.',
      'It works!',
      'A second\nline here?',
      'Yes.',
    ]);
  });

  it('knows lists, tables, quotations, headings and code', () => {
    const text =
      '# Title\n\n- First item. With two.\n- [x] second\n\n> Quoted.\n\n| a | b |\n|---|---|\n| c | d |\n\n```\nno. code.\n```\n1. third';
    expect(quotes(text)).toEqual([
      'First item.',
      'With two.',
      'second',
      'Quoted.',
      '| a | b |',
      '| c | d |',
      'third',
    ]);
  });

  it('ends sentences of other scripts', () => {
    expect(quotes('これは文です。次の文です。')).toEqual(['これは文です。', '次の文です。']);
  });

  it('gives ordered, disjoint, trimmed spans for any text', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom('a', 'B', '.', ' ', '\n', '-', '#', '|', '`', '?') }),
        (text) => {
          let last = 0;
          for (const { start, end } of sentenceSpans(text)) {
            expect(start).toBeGreaterThanOrEqual(last);
            expect(end).toBeGreaterThan(start);
            expect(text.slice(start, end)).toBe(text.slice(start, end).trim());
            last = end;
          }
        },
      ),
    );
  });
});

describe('claimSpan', () => {
  const claim = (text: string, after = 0) => {
    const { start, end } = claimSpan(text, after);
    return text.slice(start, end);
  };
  it.each([
    ['One thing. Another thing', 'Another thing'],
    ['One thing. Another thing.', 'Another thing.'],
    ['Intro:\n- an item', 'an item'],
    ['Only this', 'Only this'],
  ])('finds the claim at the end of %j', (text, expected) => {
    expect(claim(text)).toBe(expected);
  });
  it('begins after the marker before it', () => {
    expect(claim('A is red, and B is blue', 'A is red'.length)).toBe('and B is blue');
  });
});

describe('planQuery', () => {
  const history = [
    newMessage({ position: 0, role: 'USER', text: 'How does ScyllaDB store messages?' }),
    newMessage({ position: 1, role: 'ASSISTANT', text: 'In partitions.' }),
  ];
  it.each(['Hi!', 'hello there', 'Thanks a lot!', 'ok', 'Guten Morgen'])('does not search for %j', (text) => {
    expect(planQuery(text, history).retrieve).toBe(false);
  });
  it.each(['Hi, what is RAG?', 'ok but why?', 'thanks to whom?'])('searches for %j', (text) => {
    expect(planQuery(text, []).retrieve).toBe(true);
  });
  it('gives a follow-up the subject it refers to', () => {
    expect(planQuery('Why is it fast?', history).query).toContain('ScyllaDB');
    expect(planQuery('And Redis?', history).query).toContain('ScyllaDB');
  });
  it('leaves a question alone that stands for itself', () => {
    const question = 'Which embedding model does the built-in embedder use?';
    expect(planQuery(question, history).query).toBe(question);
  });
});

describe('titleOf', () => {
  it('is the first line, short, and never ends inside a pair', () => {
    expect(titleOf('  Hello\nworld')).toBe('Hello');
    expect(titleOf('word '.repeat(40))).toMatch(/^(word ){14,15}word…$/);
    const title = titleOf('😀'.repeat(60));
    expect(title.isWellFormed()).toBe(true);
    expect(title.length).toBeLessThanOrEqual(80);
  });
});
