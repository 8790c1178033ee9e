import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { PrismaPg } from '@prisma/adapter-pg';
import { bindMigrationAwareSqlAdapterFactory } from '@prisma/driver-adapter-utils';
import * as bindings from '@prisma/schema-engine-wasm/schema_engine_bg';

/**
 * SQL that makes prisma/schema.prisma out of nothing, written by Prisma's own schema engine in its WebAssembly build:
 * offline and without a binary. A new migration starts from this text. (The engine cannot read a database through
 * the pg adapter, so the comparison with the migrations is made between two databases.)
 */
export async function schemaAsSql(url: string): Promise<string> {
  const engine = await loadEngine(url);
  const path = fileURLToPath(new URL('../../../prisma/schema.prisma', import.meta.url));
  const { stdout } = await engine.diff({
    from: { tag: 'empty' },
    to: { tag: 'schemaDatamodel', files: [{ path, content: await readFile(path, 'utf8') }] },
    script: true,
    exitCode: null,
    filters: { externalTables: [], externalEnums: [] },
  });
  if (stdout === null) throw new Error('the schema engine said nothing');
  return stdout;
}

async function loadEngine(url: string): Promise<bindings.SchemaEngine> {
  const script = createRequire(import.meta.url).resolve('@prisma/schema-engine-wasm/schema_engine_bg');
  const { instance } = await WebAssembly.instantiate(await readFile(script.replace(/\.js$/, '.wasm')), {
    './schema_engine_bg.js': { ...bindings },
  });
  const { __wbindgen_start: start } = instance.exports;
  if (typeof start !== 'function') throw new Error('not the schema engine');
  bindings.__wbg_set_wasm(instance.exports);
  start();
  const adapter = bindMigrationAwareSqlAdapterFactory(new PrismaPg({ connectionString: url }));
  return bindings.SchemaEngine.new({ datamodels: undefined }, () => {}, adapter);
}
