/** A piece of a passage that can be quoted: a sentence, or a list item or table row without one. Offsets are UTF-16. */
export interface SentenceSpan {
  readonly start: number;
  readonly end: number;
  readonly kind: 'sentence' | 'item' | 'row';
}

const FENCE = /^\s*(```|~~~)/;
const HEADING = /^\s{0,3}#{1,6}\s/;
const SETEXT_OR_RULE = /^\s*([-=*_]\s*){3,}$/;
const TABLE_ROW = /^\s*\|.*\|\s*$/;
const TABLE_RULE = /^\s*\|[\s:|-]+\|\s*$/;
const MARKER = /^\s*(?:>\s?)*(?:[-*+•]\s+(?:\[[ xX]\]\s+)?|\d{1,3}[.)]\s+)/;
const QUOTED = /^\s*(?:>\s?)+/;
const SENTENCE_END = /[.!?…]+["'”’»)\]*_]*(?=\s)|[。！？｡]+["'”’」』）】]*/gu;
/** What ends in a full stop without ending a sentence. */
const ABBREVIATION =
  /(?:^|[\s(])(?:e\.g|i\.e|etc|cf|vs|ca|approx|resp|Dr|Mr|Mrs|Ms|Prof|St|No|Fig|Sec|Eq|vol|pp?|z\.B|d\.h|\p{Lu})\.$/u;

/** Sentences of a Markdown or plain text in order; fenced code, headings and rules are left out. */
export function sentenceSpans(text: string): SentenceSpan[] {
  const spans: SentenceSpan[] = [];
  let block: Block | undefined;
  let fenced = false;
  const close = () => {
    if (block) addSentences(text, block, spans);
    block = undefined;
  };
  for (const line of lines(text)) {
    const content = text.slice(line.start, line.end);
    if (FENCE.test(content)) {
      close();
      fenced = !fenced;
    } else if (fenced || content.trim() === '' || HEADING.test(content) || SETEXT_OR_RULE.test(content)) {
      close();
    } else if (TABLE_ROW.test(content)) {
      close();
      if (!TABLE_RULE.test(content)) spans.push({ ...trim(text, line.start, line.end), kind: 'row' });
    } else {
      const item = MARKER.exec(content);
      if (item) close();
      if (block) block = { ...block, end: line.end };
      else block = openBlock(line, content, item?.[0]);
    }
  }
  close();
  return spans;
}

interface Block {
  readonly start: number;
  readonly end: number;
  readonly kind: 'sentence' | 'item';
}

function openBlock(line: { start: number; end: number }, content: string, marker: string | undefined): Block {
  if (marker !== undefined) return { start: line.start + marker.length, end: line.end, kind: 'item' };
  const quoted = QUOTED.exec(content)?.[0].length ?? 0;
  return { start: line.start + quoted, end: line.end, kind: 'sentence' };
}

function addSentences(text: string, block: Block, spans: SentenceSpan[]): void {
  const part = text.slice(block.start, block.end);
  let from = 0;
  const push = (to: number) => {
    const span = trim(text, block.start + from, block.start + to);
    if (span.end > span.start) spans.push({ ...span, kind: block.kind });
    from = to;
  };
  for (const match of part.matchAll(SENTENCE_END)) {
    const end = match.index + match[0].length;
    if (ABBREVIATION.test(part.slice(Math.max(from, end - 12), end))) continue;
    // "version 2. of", "node. js": what goes on in lower case has not ended.
    if (/^\s+\p{Ll}/u.test(part.slice(end, end + 3)) && match[0].startsWith('.')) continue;
    push(end);
  }
  push(part.length);
}

function* lines(text: string): Generator<{ start: number; end: number }> {
  let start = 0;
  while (start < text.length) {
    const newline = text.indexOf('\n', start);
    const end = newline === -1 ? text.length : newline;
    yield { start, end };
    start = end + 1;
  }
}

function trim(text: string, start: number, end: number): { start: number; end: number } {
  const part = text.slice(start, end);
  const lead = part.length - part.trimStart().length;
  return { start: start + lead, end: Math.max(start + lead, start + part.trimEnd().length) };
}
