#!/usr/bin/env node
// Writes src/adapters/postgres/generated from prisma/schema.prisma, offline; does nothing when it is up to date.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const at = (...parts) => join(root, ...parts);
const output = at('src/adapters/postgres/generated');
const stamp = join(output, '.source-hash');

const wanted = createHash('sha256')
  .update(readFileSync(at('prisma/schema.prisma')))
  .update(readFileSync(at('node_modules/prisma/package.json')))
  .digest('hex');

if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== wanted) {
  const result = spawnSync(
    process.execPath,
    [at('node_modules/prisma/build/index.js'), 'generate', '--no-hints'],
    {
      cwd: root,
      encoding: 'utf8',
      env: {
        ...process.env,
        // `generate` never runs the schema engine but wants to download it; any executable in its place prevents that.
        // Not for `prisma migrate`: with a stand-in it reports success and applies nothing.
        PRISMA_SCHEMA_ENGINE_BINARY: process.execPath,
        PRISMA_HIDE_UPDATE_MESSAGE: '1',
        CHECKPOINT_DISABLE: '1',
      },
    },
  );
  if (result.status !== 0) {
    process.stderr.write(`${result.stdout ?? ''}${result.stderr ?? ''}${result.error?.message ?? ''}\n`);
    process.exit(1);
  }
  // Last, so that an interrupted run is repeated.
  writeFileSync(stamp, wanted);
}
