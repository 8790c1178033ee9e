import { chmod, mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openDataFolder } from '../../../src/adapters/embedded/folder.ts';
import { inspectFolder } from '../../../src/adapters/embedded/inspect-folder.ts';
import { cleanUp, silentLog, temporaryFolder } from './support/temporary.ts';

const inspect = (path: string) => inspectFolder({ path, hasPostgres: true });

describe('looking at a data folder', () => {
  it('makes nothing of one that is not there yet', async () => {
    const parent = await temporaryFolder();
    const { summary, findings } = await inspect(join(parent, 'below', 'data'));
    expect(summary).toContain('to be made by the first start');
    expect(findings.filter(({ level }) => level === 'problem')).toEqual([]);
    expect(await readdir(parent)).toEqual([]);
  });

  it('looks at one that is served without disturbing it', async () => {
    const path = join(await temporaryFolder(), 'data');
    const folder = await openDataFolder({ path, role: 'serve', log: silentLog });
    cleanUp(() => folder.close());
    expect((await inspect(path)).summary).toBe(`${path}, layout 1`);
    await expect(openDataFolder({ path, role: 'serve', log: silentLog })).rejects.toThrow('already served');
  });

  it('says what a start would refuse, in its words', async () => {
    const path = await temporaryFolder();
    await writeFile(join(path, 'format'), '{"layout":999}');
    await expect(inspect(path)).rejects.toThrow(/newer version of this program \(layout 999\)/);
    await writeFile(join(path, 'format'), '{"layout":1}');
    await expect(inspect(join(path, 'format'))).rejects.toThrow('is not a folder');
    const cluster = join(path, 'postgres', 'cluster', 'data');
    await mkdir(cluster, { recursive: true });
    await writeFile(join(cluster, 'PG_VERSION'), '12\n');
    await expect(inspect(path)).rejects.toThrow('was written by PostgreSQL 12');
  });

  it('warns of keys that others can read', async () => {
    const path = join(await temporaryFolder(), 'data');
    const folder = await openDataFolder({ path, role: 'work', log: silentLog });
    cleanUp(() => folder.close());
    const key = join(path, 'secrets', 'access-token-key.json');
    await writeFile(key, '{}', { mode: 0o600 });
    expect((await inspect(path)).findings).toEqual([]);
    await chmod(key, 0o644);
    expect((await inspect(path)).findings.map(({ message }) => message)).toEqual([
      expect.stringMatching(/^others may read access-token-key\.json in .*chmod 600/),
    ]);
  });
});
