import { analyze } from '../../../domain/text-analyzer.ts';

/** Words that say how something is asked, not what about. Stemmed as the index stems. */
const STOP_WORDS = new Set(
  analyze(
    `a about above after again all also am an and any anyone are as at be because been before being below best
    between both but by can could d did do does doing done down during each ever every few for from further get give
    gives good got had has have having he her here hers him his how i if in into is it its itself just know let like
    list ll m many may me might more most much must my need no nor not now of off on once one only or other our out
    over own please re s same say says shall she should so some such t tell than that the their theirs them then there
    these they thing things this those through to too under until up us use used using ve very want was way we were
    what whats when where whether which while who whom whose why will with would you your yours explain describe
    show find mean means`,
  ),
);

/** The distinct terms of a question that carry its subject; all of its terms if it has no other. */
export function contentTerms(text: string): string[] {
  const distinct = [...new Set(analyze(text))];
  const content = distinct.filter((term) => !STOP_WORDS.has(term));
  return content.length > 0 ? content : distinct;
}

export function hasContent(text: string): boolean {
  return analyze(text).some((term) => !STOP_WORDS.has(term));
}
