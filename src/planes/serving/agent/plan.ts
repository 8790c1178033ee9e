import type { Message } from '../../../domain/conversation.ts';
import { analyze } from '../../../domain/text-analyzer.ts';
import { contentTerms, hasContent } from './stop-words.ts';

/** Longer messages say what they are about. */
const FOLLOW_UP_TERMS_MAX = 4;
const CONTEXT_LENGTH_MAX = 400;

const GREETING =
  /^\s*(?:(?:hi|hello|hey|hiya|howdy|greetings|good (?:morning|afternoon|evening|day)|hallo|guten (?:morgen|tag|abend)|bonjour|hola|ciao)(?: there| all| everyone| team)?|thanks?(?: you)?(?: (?:a lot|so much|very much))?|thx|ty|danke(?: schön)?|merci|gracias|bye|goodbye|see you|ok(?:ay)?|great|nice|cool|perfect|how are you|who are you|what can you do)[\s,!.?)]*$/iu;
const THANKS = /^\s*(?:thank|thx|ty\b|danke|merci|gracias)/i;
const BYE = /^\s*(?:bye|goodbye|see you)/i;
/** Points at something said before. */
const POINTS_BACK =
  /\b(?:it|its|they|them|their|theirs|that|those|these|this|he|she|him|her|his|hers|there|one|ones|former|latter|above|previous|same|both|others?)\b/i;
const CONTINUES =
  /^\s*(?:and|but|or|so|then|also|what about|how about|why|how so|which one|for example|more)\b/i;

export interface Plan {
  readonly retrieve: boolean;
  /** What is searched for: the message as it would stand alone. */
  readonly query: string;
}

/**
 * Decides without asking a model: small talk is not searched for, and a follow-up carries the subject of the turn
 * before it. An answer is worth more than a saved search, so everything that may be a question is searched.
 */
export function planQuery(question: string, history: readonly Message[]): Plan {
  if (isSmallTalk(question)) return { retrieve: false, query: question };
  const previous = history.findLast((message) => message.role === 'USER' && !isSmallTalk(message.text));
  if (!previous || !isFollowUp(question)) return { retrieve: true, query: question };
  const subject = chain(history, previous);
  return { retrieve: true, query: `${subject}\n${question}` };
}

export function isSmallTalk(text: string): boolean {
  return GREETING.test(text);
}

export function smallTalkReply(text: string): string {
  if (THANKS.test(text)) return 'You are welcome.';
  if (BYE.test(text)) return 'Goodbye.';
  return 'Hello! Ask me anything about the documents of this workspace; I answer with citations.';
}

function isFollowUp(question: string): boolean {
  if (!hasContent(question)) return true;
  if (CONTINUES.test(question)) return true;
  const few = contentTerms(question).length <= FOLLOW_UP_TERMS_MAX;
  return few && POINTS_BACK.test(question);
}

/** The question before; if that one was a follow-up as well, with the one it followed. */
function chain(history: readonly Message[], previous: Message): string {
  const cut = previous.text.slice(0, CONTEXT_LENGTH_MAX).toWellFormed();
  if (!isFollowUp(previous.text)) return cut;
  const earlier = history.findLast(
    (message) => message.role === 'USER' && message.position < previous.position && !isFollowUp(message.text),
  );
  if (!earlier) return cut;
  const known = new Set(analyze(cut));
  const context = earlier.text.slice(0, CONTEXT_LENGTH_MAX).toWellFormed();
  return contentTerms(context).every((term) => known.has(term)) ? cut : `${context}\n${cut}`;
}
