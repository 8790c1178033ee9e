import { existsSync, readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

const FENCE = /^(```|~~~)[^\n]*\n[\s\S]*?^\1\s*$/gm;
const INLINE_CODE = /`[^`\n]*`/g;
const LINK = /\[[^\]]*\]\(\s*<?([^)\s>]+)>?(?:\s+"[^"]*")?\s*\)/g;
const HEADING = /^#{1,6}\s+(.+?)\s*#*\s*$/gm;
const EXTERNAL = /^(?:[a-z][a-z0-9+.-]*:|\/\/)/i;

/** Link targets of a page in order, those inside code left out. */
export function linksOf(markdown: string): string[] {
  // A code span may be a link's text: it is blanked, not removed, so that the link around it stays a link.
  const prose = markdown.replace(FENCE, '').replace(INLINE_CODE, 'code');
  return [...prose.matchAll(LINK)].map(([, target]) => target ?? '');
}

/** Anchors of a page's headings, made as GitHub makes them. */
export function anchorsOf(markdown: string): Set<string> {
  const anchors = new Set<string>();
  for (const [, title = ''] of markdown.replace(FENCE, '').matchAll(HEADING)) {
    const slug = title
      .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .toLowerCase()
      .replace(/[^\p{Letter}\p{Number}\p{Mark}\s_-]/gu, '')
      .replaceAll(' ', '-');
    let anchor = slug;
    for (let repeat = 1; anchors.has(anchor); repeat += 1) anchor = `${slug}-${repeat}`;
    anchors.add(anchor);
  }
  return anchors;
}

/** Relative links of a file that lead nowhere: no such file, or no such heading in it. */
export function brokenLinks(file: string): string[] {
  const source = readFileSync(file, 'utf8');
  return linksOf(source).filter((link) => {
    if (EXTERNAL.test(link)) return false;
    const [path = '', anchor] = link.split('#');
    const target = path === '' ? file : resolve(dirname(file), decodeURIComponent(path));
    if (!existsSync(target)) return true;
    return anchor !== undefined && !anchorsOf(readFileSync(target, 'utf8')).has(anchor);
  });
}
