import { describe, expect, it } from 'vitest';
import { answerMetrics, foldsOf } from '../../../src/cli/evaluation/answers.ts';

const document = (id: string) => ({ id, text: id, mediaType: 'text/plain' as const });
const question = (id: string, ...relevant: string[]) => ({
  id,
  text: id,
  judgements: new Map([...relevant.map((one) => [one, 1] as const), ['judged-irrelevant', 0] as const]),
});

describe('the folds of an evaluation of answers', () => {
  const documents = ['a', 'b', 'c', 'other', 'judged-irrelevant'].map(document);
  const questions = [question('0', 'a'), question('1', 'b'), question('2', 'a', 'c'), question('3', 'a')];
  const folds = foldsOf({ kind: 'documents', name: 'test', documents, questions });
  const ids = (of: readonly { readonly id: string }[]) => of.map(({ id }) => id);

  it('leave out what answers one half of the questions', () => {
    expect(folds.map((fold) => ids(fold.documents))).toEqual([
      ['b', 'other', 'judged-irrelevant'],
      ['c', 'other', 'judged-irrelevant'],
    ]);
  });

  it('ask a question where all of its documents are there, or none', () => {
    expect(folds.map((fold) => [ids(fold.answerable), ids(fold.unanswerable)])).toEqual([
      [['1'], ['0', '2', '3']],
      [[], ['0', '1', '3']],
    ]);
  });
});

describe('the measures of answers', () => {
  it('count a question that is not answered as not cited right', () => {
    const answered = {
      answerable: true,
      abstained: false,
      citesRight: true,
      citationCount: 2,
      verbatimCount: 2,
    };
    const silent = { ...answered, abstained: true, citesRight: false, citationCount: 0, verbatimCount: 0 };
    const wrong = { ...answered, answerable: false, citesRight: false, verbatimCount: 1 };
    expect(
      answerMetrics([answered, answered, answered, silent, wrong, { ...silent, answerable: false }]),
    ).toEqual({
      'cites-right': 0.75,
      'abstains-wrongly': 0.25,
      'abstains-rightly': 0.5,
      verbatim: 7 / 8,
    });
  });
});
