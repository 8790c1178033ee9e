import type { LoadedText } from '../../domain/ports/documents.ts';
import { type Atom, atomsOf } from './atoms.ts';
import { cutAtPages, sectionsOf } from './sections.ts';
import { lastSentenceStart } from './sentences.ts';

/** A chunk's place: `text.slice(start, end)` is its text, without white space at either end. UTF-16 units. */
export interface Piece {
  readonly start: number;
  readonly end: number;
  readonly headingPath: readonly string[];
  /** From 1: where the piece begins; null for formats without pages. */
  readonly page: number | null;
  /** From 0. */
  readonly ordinal: number;
}

/** Measured: a few characters of prompt buy the most answers here, and whole documents still rank well; 180 tokens. */
const LENGTH_TARGET = 850;
/** A fence, table or list up to this length stays whole; no piece is longer. */
export const PIECE_LENGTH_MAX = 1200;
/** Shorter than this a stretch says little by itself: it may join its neighbour beyond the target. */
const LENGTH_SMALL = 200;
/** A piece repeats the last sentence before it, if that is not longer. */
const OVERLAP_LENGTH_MAX = 160;

const LIMITS = { textLengthMax: LENGTH_TARGET, blockLengthMax: PIECE_LENGTH_MAX };

/**
 * Pieces in document order that together hold every non-blank character. No piece crosses a heading or a page, none ends inside a
 * surrogate pair, neighbours within a section overlap by at most a sentence. Linear in the length of the text.
 */
export function splitText(loaded: LoadedText): Piece[] {
  const { text, pageStarts } = loaded;
  const pieces: Piece[] = [];
  let blockIndex = 0;
  let page = 0;
  for (const section of cutAtPages(sectionsOf(loaded), pageStarts)) {
    const blocks = blocksFrom(loaded.blocks, blockIndex, section.end);
    // A block that reaches into the next section is looked at again there.
    blockIndex += blocks.filter((block) => block.end <= section.end).length;
    for (const { start, end } of pack(text, atomsOf(text, section, blocks, LIMITS))) {
      while ((pageStarts[page] ?? Number.POSITIVE_INFINITY) <= start) page += 1;
      const { headingPath } = section;
      pieces.push({ start, end, headingPath, page: page === 0 ? null : page, ordinal: pieces.length });
    }
  }
  return pieces;
}

function blocksFrom(blocks: LoadedText['blocks'], from: number, end: number): LoadedText['blocks'] {
  let to = from;
  while ((blocks[to]?.start ?? end) < end) to += 1;
  return blocks.slice(from, to);
}

interface Pack {
  start: number;
  end: number;
  last: Atom;
  hasBlock: boolean;
}

/** Fills pieces with neighbouring atoms up to the target. */
function pack(text: string, atoms: readonly Atom[]): Pack[] {
  const packs: Pack[] = [];
  for (const atom of atoms) {
    const open = packs.at(-1);
    if (open !== undefined && fits(open, atom)) {
      open.end = atom.end;
      open.last = atom;
      open.hasBlock ||= atom.isBlock;
    } else {
      const start = open === undefined ? atom.start : overlapStart(text, open, atom);
      packs.push({ start, end: atom.end, last: atom, hasBlock: atom.isBlock });
    }
  }
  return packs;
}

function fits(open: Pack, atom: Atom): boolean {
  const length = atom.end - open.start;
  if (length <= LENGTH_TARGET) return true;
  const smaller = Math.min(open.end - open.start, atom.end - atom.start);
  if (smaller > LENGTH_SMALL) return false;
  return length <= (open.hasBlock || atom.isBlock ? PIECE_LENGTH_MAX : LENGTH_TARGET + LENGTH_SMALL);
}

/** Where a new piece begins: at its first atom, or at the sentence before it. Blocks are never repeated in part. */
function overlapStart(text: string, open: Pack, atom: Atom): number {
  const { last } = open;
  if (last.isBlock || atom.isBlock) return atom.start;
  const start = lastSentenceStart(text, last.start, last.end);
  const isShort = last.end - start <= OVERLAP_LENGTH_MAX && atom.end - start <= LENGTH_TARGET + LENGTH_SMALL;
  return isShort && start > open.start ? start : atom.start;
}
