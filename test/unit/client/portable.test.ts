import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const require = createRequire(import.meta.url);
const entry = fileURLToPath(new URL('../../../src/client/index.ts', import.meta.url));
const IMPORT =
  /^(?:import|export)\s+(type\s)?[^'"]*?from\s+['"]([^'"]+)['"]|import\(\s*['"]([^'"]+)['"]\s*\)/gms;
const NODE_ONLY = /\b(?:process|Buffer|require|__dirname|__filename|setImmediate)\s*[.(]/;

/** Every file that a bundler would take along, with the packages that they name. Types are left out, as it does. */
function reach(file: string, files = new Map<string, string>(), packages = new Set<string>()) {
  if (files.has(file)) return { files, packages };
  const source = readFileSync(file, 'utf8');
  files.set(file, source);
  for (const [, typeOnly, fromStatic, fromDynamic] of source.matchAll(IMPORT)) {
    const target = fromStatic ?? fromDynamic ?? '';
    if (typeOnly) continue;
    if (target.startsWith('.')) reach(resolve(dirname(file), target), files, packages);
    else packages.add(target);
  }
  return { files, packages };
}

test('the SDK takes along its own files and one package', () => {
  const { files, packages } = reach(entry);
  expect(files.size).toBeGreaterThan(15);
  const folder = dirname(entry);
  expect([...files.keys()].filter((file) => !file.startsWith(folder))).toEqual([]);
  expect([...packages]).toEqual(['graphql-ws/client']);
});

test('neither they nor that package need Node', () => {
  const graphqlWs = require.resolve('graphql-ws/client').replace(/\.cjs$/, '.js');
  const own = reach(entry);
  const theirs = reach(graphqlWs);
  expect([...theirs.packages]).toEqual([]);
  for (const [file, source] of [...own.files, ...theirs.files]) {
    const code = source.replace(/\/\*[\s\S]*?\*\/|\/\/.*|`[^`]*`/g, '');
    expect(NODE_ONLY.exec(code)?.[0], file).toBeUndefined();
  }
});
