import { type TextBuilder, TooDeep } from './text-builder.ts';

/** Not shown, or not of the document. */
const SKIPPED = new Set(
  'SCRIPT STYLE NOSCRIPT TEMPLATE SVG MATH IFRAME OBJECT EMBED CANVAS VIDEO AUDIO BUTTON SELECT TEXTAREA INPUT HEAD TITLE'.split(
    ' ',
  ),
);
/** Around the document, when no better guess of its main part is at hand. */
const BOILERPLATE = new Set('NAV FOOTER ASIDE FORM DIALOG'.split(' '));
const PARAGRAPHS = new Set(
  'P DIV SECTION ARTICLE MAIN HEADER FOOTER NAV ASIDE BLOCKQUOTE FIGURE FIGCAPTION DL FIELDSET FORM DETAILS ADDRESS HR BODY'.split(
    ' ',
  ),
);
const LINES = new Set('DT DD TR SUMMARY OPTION CAPTION'.split(' '));
const INLINE = new Set(
  'A ABBR B BDI CITE CODE DEL DFN EM I INS KBD MARK Q S SAMP SMALL SPAN STRONG SUB SUP U VAR WBR'.split(' '),
);
const HEADING = /^H([1-6])$/;
/** Deeper documents are made to break readers. */
const DEPTH_MAX = 1000;
const ELEMENT = 1;
const TEXT = 3;

export interface DomTextOptions {
  readonly skipBoilerplate: boolean;
}

/** Writes the text below a node: headings, tables, lists and code keep their structure. */
export function writeDomText(out: TextBuilder, root: Node, options: DomTextOptions): void {
  new DomWriter(out, options).children(root);
}

class DomWriter {
  readonly #out: TextBuilder;
  readonly #skipBoilerplate: boolean;
  #depth = 0;

  constructor(out: TextBuilder, { skipBoilerplate }: DomTextOptions) {
    this.#out = out;
    this.#skipBoilerplate = skipBoilerplate;
  }

  children(node: Node): void {
    this.#depth += 1;
    if (this.#depth > DEPTH_MAX) throw new TooDeep();
    for (let child = node.firstChild; child !== null; child = child.nextSibling) {
      if (child.nodeType === TEXT) this.#out.append(child.textContent ?? '');
      else if (child.nodeType === ELEMENT) this.#element(child as Element);
    }
    this.#depth -= 1;
  }

  #element(element: Element): void {
    const name = element.tagName.toUpperCase();
    if (this.#isHidden(element, name)) return;
    const level = HEADING.exec(name)?.[1];
    if (level !== undefined) this.#out.heading(Number(level), () => this.children(element));
    else if (name === 'BR') this.#out.break('\n');
    else if (name === 'PRE') this.#code(element);
    else if (name === 'TABLE') this.#table(element);
    else if (name === 'UL' || name === 'OL') this.#list(element, name === 'OL');
    else if (PARAGRAPHS.has(name)) this.#between(this.#out.inBlock ? '\n' : '\n\n', element);
    else if (LINES.has(name)) this.#between('\n', element);
    else this.children(element);
  }

  #between(kind: '\n' | '\n\n', element: Element): void {
    this.#out.break(kind);
    this.children(element);
    this.#out.break(kind);
  }

  #code(element: Element): void {
    this.#out.openBlock();
    this.#out.appendVerbatim(element.textContent ?? '');
    this.#out.closeBlock();
  }

  #list(list: Element, numbered: boolean): void {
    this.#out.openBlock();
    let number = 1;
    for (let child = list.firstChild; child !== null; child = child.nextSibling) {
      if (child.nodeType !== ELEMENT) continue;
      this.#out.markedLine(numbered ? `${number}. ` : '- ');
      number += 1;
      this.children(child);
    }
    this.#out.closeBlock();
  }

  /** One line a row, cells divided by bars. A table with a table inside is a layout, read cell by cell. */
  #table(table: Element): void {
    if (table.querySelector('table') !== null) {
      this.#between('\n\n', table);
      return;
    }
    this.#out.openBlock();
    for (const row of table.querySelectorAll('caption, tr')) {
      this.#out.break('\n');
      let isFirst = true;
      for (let cell = row.firstChild; cell !== null; cell = cell.nextSibling) {
        if (!isFirst && cell.nodeType === ELEMENT) this.#out.append(' | ');
        if (cell.nodeType === ELEMENT) isFirst = false;
        this.#cell(cell);
      }
    }
    this.#out.closeBlock();
  }

  /** A cell is one line, whatever it contains. */
  #cell(node: Node): void {
    if (node.nodeType === TEXT) this.#out.append(node.textContent ?? '');
    if (node.nodeType !== ELEMENT) return;
    const element = node as Element;
    const name = element.tagName.toUpperCase();
    if (this.#isHidden(element, name)) return;
    if (!INLINE.has(name)) this.#out.break(' ');
    this.#depth += 1;
    if (this.#depth > DEPTH_MAX) throw new TooDeep();
    for (let child = node.firstChild; child !== null; child = child.nextSibling) this.#cell(child);
    this.#depth -= 1;
    if (!INLINE.has(name)) this.#out.break(' ');
  }

  #isHidden(element: Element, name: string): boolean {
    if (SKIPPED.has(name) || (this.#skipBoilerplate && BOILERPLATE.has(name))) return true;
    return element.hasAttribute('hidden') || element.getAttribute('aria-hidden') === 'true';
  }
}
