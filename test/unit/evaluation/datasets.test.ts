import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parseConfiguration } from '../../../src/cli/evaluation/configuration.ts';
import { parseCsv } from '../../../src/cli/evaluation/csv.ts';
import { readDataset } from '../../../src/cli/evaluation/read-dataset.ts';

const fixture = (name: string) =>
  fileURLToPath(new URL(`../../fixtures/evaluation/${name}`, import.meta.url));

describe('readDataset', () => {
  it('joins title and text, and keeps only questions that somebody judged', async () => {
    const dataset = await readDataset(fixture('garden'));
    expect(dataset.documents[0]).toMatchObject({
      id: 'pears',
      text: expect.stringMatching(/^Pears\n\nThe orchard/),
    });
    if (dataset.kind !== 'documents') throw new Error('another kind');
    expect(dataset.questions.map(({ id }) => id)).toEqual(['q1', 'q2', 'q3', 'q4']);
    expect(dataset.questions[0]?.judgements).toEqual(new Map([['pears', 2], ['bees', 0]])); // biome-ignore format: pairs
  });

  it('finds each reference at its place, past characters that take two units', async () => {
    const dataset = await readDataset(fixture('notes'));
    if (dataset.kind !== 'spans') throw new Error('another kind');
    const text = dataset.documents[0]?.text ?? '';
    const quotes = dataset.questions.map(({ references }) =>
      references.map(({ start, end }) => text.slice(start, end)),
    );
    expect(quotes).toEqual([['Each bed gets ten litres.'], ['It is turned twice a year.', 'stones do not']]);
  });
});

describe('parseCsv', () => {
  it.each([
    [
      'a,b\nc,d\n',
      [
        ['a', 'b'],
        ['c', 'd'],
      ],
    ],
    [
      'a,b\r\n,\r\n',
      [
        ['a', 'b'],
        ['', ''],
      ],
    ],
    ['"a ""b"", c","d\ne"\n', [['a "b", c', 'd\ne']]],
    ['a,', [['a', '']]],
    ['', []],
  ])('reads %j', (text, rows) => {
    expect(parseCsv(text)).toEqual(rows);
  });

  it('refuses a quote that is not closed', () => {
    expect(() => parseCsv('a\n"b')).toThrow(/row 2/);
  });
});

describe('parseConfiguration', () => {
  it('changes what it names', () => {
    const base = { embedder: 'built-in' };
    expect(parseConfiguration('embedder=local:some/model, mode=vector', base)).toEqual({
      embedder: 'local:some/model',
      mode: 'VECTOR',
    });
    expect(parseConfiguration('', base)).toEqual(base);
  });

  it.each(['embedder', 'embedder=', 'embedder=local:', 'mode=fast', 'mood=lexical'])('refuses %j', (text) => {
    expect(() => parseConfiguration(text, { embedder: 'none' })).toThrow(
      expect.objectContaining({ code: 'BAD_USER_INPUT' }),
    );
  });
});
