import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { settingsSchema } from '../../src/app/config.ts';
import { anchorsOf, brokenLinks, linksOf } from '../support/markdown-links.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const pagesBelow = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => join(folder, name));
const docs = pagesBelow(join(root, 'docs'));
const pages = [
  ...readdirSync(root)
    .filter((name) => name.endsWith('.md'))
    .map((name) => join(root, name)),
  ...pagesBelow(join(root, '.github')),
  ...docs,
];
const readme = readFileSync(join(root, 'README.md'), 'utf8');
const names = Object.keys(settingsSchema.shape);

describe('links', () => {
  it('finds what is broken and leaves code alone', () => {
    const folder = mkdtempSync(join(tmpdir(), 'multidb-docs-'));
    try {
      const page = join(folder, 'page.md');
      const links = '[a](gone.md) [b](#here-it-is) [c](#nowhere) [`d`](page.md#here-it-is) `[e](gone.md)`';
      writeFileSync(
        page,
        `# Here it is!\n\n${links} [f](https://example.com)\n\`\`\`\n[g](gone.md)\n\`\`\`\n`,
      );
      expect(brokenLinks(page)).toEqual(['gone.md', '#nowhere']);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('numbers repeated headings as GitHub does', () => {
    expect([...anchorsOf("# A message's life\n## Words\n## Words\n")]).toEqual([
      'a-messages-life',
      'words',
      'words-1',
    ]);
  });

  it('of every page lead somewhere', () => {
    const broken = pages.map((page) => [relative(root, page), brokenLinks(page)] as const);
    expect(broken.length).toBeGreaterThan(10);
    expect(broken.filter(([, links]) => links.length > 0)).toEqual([]);
  });

  it('reach every page of docs from the README', () => {
    const reached = new Set<string>();
    const waiting = [join(root, 'README.md')];
    for (let page = waiting.pop(); page !== undefined; page = waiting.pop()) {
      if (reached.has(page)) continue;
      reached.add(page);
      for (const link of linksOf(readFileSync(page, 'utf8'))) {
        const [path = ''] = link.split('#');
        if (path.endsWith('.md') && !path.includes(':')) waiting.push(resolve(dirname(page), path));
      }
    }
    expect(docs.filter((page) => !reached.has(page)).map((page) => relative(root, page))).toEqual([]);
  });
});

describe('settings', () => {
  const table = [...readme.matchAll(/^\| `([A-Z][A-Z0-9_]*)` \| (.+?) \| .+ \|$/gm)].map(
    ([, name, fallback]) => `${name} ${fallback}`,
  );

  it('stand in the README, each once, with their defaults', () => {
    const defaults = new Map<string, unknown>(Object.entries(settingsSchema.parse({})));
    const expected = names.map((name) => {
      // An empty list is what an unset variable gives.
      const fallback = String(defaults.get(name) ?? '');
      return `${name} ${fallback === '' ? 'unset' : `\`${fallback}\``}`;
    });
    expect([...table].sort()).toEqual(expected.sort());
  });

  it('in .env.example exist', () => {
    const example = readFileSync(join(root, '.env.example'), 'utf8');
    const used = [...example.matchAll(/^# ([A-Z][A-Z0-9_]*)=/gm)].map(([, name]) => name ?? '');
    expect(used.length).toBeGreaterThan(5);
    expect(used.filter((name) => !names.includes(name))).toEqual([]);
  });
});
