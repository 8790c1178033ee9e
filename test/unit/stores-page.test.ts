import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { LEXICAL_INDEX, PLAIN_INDEXES } from '../../src/adapters/mongodb/index-definitions.ts';
import { loadMigrations, relationsOf } from '../../src/adapters/postgres/migrations.ts';
import { INVALIDATIONS, limitKey, sessionKey } from '../../src/adapters/redis/redis-keys.ts';
import { createTable, TABLES } from '../../src/adapters/scylla/schema.ts';
import { makeId } from '../../src/domain/ids.ts';

const page = readFileSync(fileURLToPath(new URL('../../docs/stores.md', import.meta.url)), 'utf8');
const part = (name: string) => page.split(`<!-- ${name} -->`)[1]?.split(`<!-- /${name} -->`)[0] ?? '';
const squeeze = (text: string) => text.replaceAll(/\s+/g, ' ').replaceAll('( ', '(').replaceAll(' )', ')');

describe('docs/stores.md', () => {
  it('has every table of PostgreSQL', async () => {
    const tables = relationsOf(await loadMigrations()).filter(({ kind }) => kind === 'TABLE');
    expect(tables.length).toBeGreaterThan(15);
    const missing = tables.filter(({ name }) => !part('tables').includes(`\`${name}\``));
    expect(missing.map(({ name }) => name)).toEqual([]);
  });

  it('has every index of MongoDB with its fields', () => {
    const rows = part('indexes');
    for (const { name, key } of PLAIN_INDEXES)
      expect(rows).toContain(`| \`${name}\` | \`${Object.keys(key).join(', ')}\` |`);
    expect(rows).toContain(`| \`${LEXICAL_INDEX}\` (\`$search\`) |`);
  });

  it('has the CQL that is run', () => {
    const shown = squeeze(page);
    for (const table of TABLES) {
      const statement = squeeze(createTable(table))
        .replace('IF NOT EXISTS ', '')
        .replace(/ (?:AND|WITH) comment = '[^']*'/, '');
      expect(shown).toContain(`${statement};`);
    }
  });

  it('has the keys of Redis', () => {
    const rows = part('keys');
    const id = makeId('ses', 0, new Uint8Array(10));
    expect(rows).toContain(`\`${INVALIDATIONS}\``);
    expect(rows).toContain(sessionKey(id).replace(id, '<session>'));
    expect(rows).toContain(limitKey('a', 'b').replace(/\{.*\}/, '{<hash>}'));
  });
});
