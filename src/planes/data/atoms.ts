import { safeCut, sentenceEnds, skipBlanks, trimBlanks } from './sentences.ts';

interface Span {
  readonly start: number;
  readonly end: number;
}
/** A stretch that the splitter does not divide further: a block, a paragraph, a sentence or a part of a long one. */
export interface Atom extends Span {
  readonly isBlock: boolean;
}
export interface AtomLimits {
  readonly textLengthMax: number;
  readonly blockLengthMax: number;
}

const PARAGRAPH_END = /\n[ \t\r]*\n/g;

/** The non-blank stretches of a section in order, each within its limit. `blocks`: ordered and disjoint. */
export function atomsOf(text: string, section: Span, blocks: readonly Span[], limits: AtomLimits): Atom[] {
  const atoms: Atom[] = [];
  let from = section.start;
  for (const block of blocks) {
    const start = Math.max(block.start, from);
    const end = Math.min(block.end, section.end);
    if (end <= start) continue;
    addParagraphs(atoms, text, { start: from, end: start }, limits);
    if (end - start <= limits.blockLengthMax) addTrimmed(atoms, text, { start, end }, true);
    else addParts(atoms, text, { start, end, isBlock: true }, limits.textLengthMax);
    from = end;
  }
  addParagraphs(atoms, text, { start: from, end: section.end }, limits);
  return atoms;
}

function addParagraphs(atoms: Atom[], text: string, span: Span, limits: AtomLimits): void {
  let start = span.start;
  const add = (end: number): void => {
    addParagraph(atoms, text, { start, end }, limits.textLengthMax);
    start = end;
  };
  for (const gap of text.slice(span.start, span.end).matchAll(PARAGRAPH_END)) add(span.start + gap.index);
  add(span.end);
}

function addParagraph(atoms: Atom[], text: string, { start, end }: Span, lengthMax: number): void {
  if (end - start <= lengthMax) {
    addTrimmed(atoms, text, { start, end }, false);
    return;
  }
  let sentenceStart = start;
  for (const sentenceEnd of sentenceEnds(text, start, end)) {
    addParts(atoms, text, { start: sentenceStart, end: sentenceEnd, isBlock: false }, lengthMax);
    sentenceStart = sentenceEnd;
  }
}

/** Cuts what is too long at a line end, else at white space, else between two characters. */
function addParts(atoms: Atom[], text: string, span: Atom, lengthMax: number): void {
  let start = skipBlanks(text, span.start, span.end);
  while (span.end - start > lengthMax) {
    const cut = bestCut(text, start, start + lengthMax);
    addTrimmed(atoms, text, { start, end: cut }, span.isBlock);
    start = skipBlanks(text, cut, span.end);
  }
  addTrimmed(atoms, text, { start, end: span.end }, span.isBlock);
}

function bestCut(text: string, start: number, wanted: number): number {
  const middle = start + Math.floor((wanted - start) / 2);
  const half = text.slice(middle, wanted);
  const lineEnd = half.lastIndexOf('\n');
  if (lineEnd >= 0) return middle + lineEnd + 1;
  const blank = half.lastIndexOf(' ');
  return blank >= 0 ? middle + blank + 1 : safeCut(text, start, wanted);
}

function addTrimmed(atoms: Atom[], text: string, span: Span, isBlock: boolean): void {
  const start = skipBlanks(text, span.start, span.end);
  const end = trimBlanks(text, start, span.end);
  if (end > start) atoms.push({ start, end, isBlock });
}
