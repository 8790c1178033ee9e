import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const src = fileURLToPath(new URL('../../src', import.meta.url));
const IMPORT =
  /(?:^|\n)\s*(?:import|export)\s(?:[^'";]*?\sfrom\s)?['"]([^'"]+)['"]|import\(\s*['"]([^'"]+)['"]\s*\)/g;

interface Import {
  readonly from: string;
  readonly to: string;
}

const files = readdirSync(src, { recursive: true, encoding: 'utf8' })
  .filter((name) => /\.tsx?$/.test(name) && !name.includes('/generated/'))
  .map((name) => name.replaceAll('\\', '/'));

function importsOf(file: string): Import[] {
  const text = readFileSync(join(src, file), 'utf8');
  return [...text.matchAll(IMPORT)].map((match) => {
    const target = match[1] ?? match[2] ?? '';
    const to = target.startsWith('.') ? relative(src, resolve(src, dirname(file), target)) : `npm:${target}`;
    return { from: file, to: to.replaceAll('\\', '/') };
  });
}

const imports = files.flatMap(importsOf);
const within = (folder: string) => (path: string) => path.startsWith(`${folder}/`);
const offenders = (from: (path: string) => boolean, to: (path: string) => boolean): string[] =>
  imports.filter((edge) => from(edge.from) && to(edge.to)).map((edge) => `${edge.from} → ${edge.to}`);
const isPackage =
  (...names: string[]) =>
  (path: string) =>
    names.some((name) => path === `npm:${name}` || path.startsWith(`npm:${name}/`));

describe('the architecture', () => {
  it('reads imports at all', () => {
    expect(imports.length).toBeGreaterThan(100);
  });

  it('lets the domain depend on nothing but itself and the text stemmer', () => {
    const allowed = (to: string) => to.startsWith('domain/') || isPackage('snowball-stemmers')(to);
    expect(offenders(within('domain'), (to) => !allowed(to))).toEqual([]);
  });

  it('keeps planes away from adapters, GraphQL and the composition root', () => {
    const forbidden = (to: string) =>
      ['adapters/', 'graphql/', 'app/', 'cli/', 'client/'].some((f) => to.startsWith(f));
    expect(offenders(within('planes'), forbidden)).toEqual([]);
  });

  it('keeps one plane out of another', () => {
    for (const plane of ['control', 'data', 'serving']) {
      const others = (to: string) =>
        to.startsWith('planes/') &&
        !to.startsWith(`planes/${plane}/`) &&
        to !== 'planes/services.ts' &&
        to !== 'planes/feed.ts';
      expect(offenders(within(`planes/${plane}`), others)).toEqual([]);
    }
  });

  it('keeps adapters away from planes and the edge', () => {
    const forbidden = (to: string) =>
      ['planes/', 'graphql/', 'app/', 'cli/', 'client/'].some((f) => to.startsWith(f));
    expect(offenders(within('adapters'), forbidden)).toEqual([]);
  });

  it('lets GraphQL see the domain and the planes only', () => {
    const forbidden = (to: string) => ['adapters/', 'app/', 'cli/', 'client/'].some((f) => to.startsWith(f));
    expect(offenders(within('graphql'), forbidden)).toEqual([]);
  });

  it('lets the SDK import nothing of the server', () => {
    expect(offenders(within('client'), (to) => !to.startsWith('npm:') && !to.startsWith('client/'))).toEqual(
      [],
    );
    expect(offenders(within('client'), (to) => to.startsWith('npm:node:'))).toEqual([]);
  });

  it('keeps drivers in adapters', () => {
    const drivers = isPackage(
      'pg',
      'pg-boss',
      '@prisma/client',
      '@prisma/adapter-pg',
      'mongoose',
      'cassandra-driver',
      'redis',
      'node:sqlite',
      'jose',
      '@node-rs/argon2',
    );
    expect(offenders((from) => !from.startsWith('adapters/'), drivers)).toEqual([]);
  });

  it('keeps GraphQL packages at the edge', () => {
    const graphql = isPackage(
      'graphql',
      'type-graphql',
      'graphql-ws',
      'graphql-sse',
      '@apollo/server',
      '@as-integrations/fastify',
      'graphql-scalars',
    );
    const edge = (from: string) => ['graphql/', 'app/', 'client/'].some((folder) => from.startsWith(folder));
    expect(offenders((from) => !edge(from), graphql)).toEqual([]);
  });

  it('keeps LangChain in the agent and the adapters', () => {
    const langchain = (to: string) => to.startsWith('npm:@langchain/');
    const allowed = (from: string) =>
      from.startsWith('planes/serving/agent/') || from.startsWith('adapters/');
    expect(offenders((from) => !allowed(from), langchain)).toEqual([]);
  });

  it('has no import cycles', () => {
    expect(findCycle()).toBeUndefined();
  });

  it('reads the environment in one place', () => {
    const readers = files.filter((file) => /process\.env\b/.test(readFileSync(join(src, file), 'utf8')));
    expect(readers.filter((file) => !file.startsWith('cli/') && file !== 'app/config.ts')).toEqual([]);
  });

  it('keeps files short enough to read', () => {
    const lengths = files.map((file) => ({
      file,
      lines: readFileSync(join(src, file), 'utf8').split('\n').length - 1,
    }));
    expect(lengths.filter(({ lines }) => lines > 350)).toEqual([]);
  });
});

function findCycle(): string[] | undefined {
  const edges = new Map<string, string[]>();
  for (const { from, to } of imports)
    if (!to.startsWith('npm:')) edges.set(from, [...(edges.get(from) ?? []), to]);
  const done = new Set<string>();
  const visit = (file: string, path: readonly string[]): string[] | undefined => {
    if (path.includes(file)) return [...path.slice(path.indexOf(file)), file];
    if (done.has(file)) return undefined;
    for (const next of edges.get(file) ?? []) {
      const cycle = visit(next, [...path, file]);
      if (cycle) return cycle;
    }
    done.add(file);
    return undefined;
  };
  for (const file of files) {
    const cycle = visit(file, []);
    if (cycle) return cycle;
  }
  return undefined;
}
