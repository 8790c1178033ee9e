import { readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type FolderRole, openDataFolder } from '../../../src/adapters/embedded/folder.ts';
import { loadSecrets } from '../../../src/adapters/embedded/secrets.ts';
import { Child } from './support/child.ts';
import { cleanUp, silentLog, temporaryFolder, unwritableFolder } from './support/temporary.ts';

const random = { bytes: (count: number) => crypto.getRandomValues(new Uint8Array(count)) };

async function open(path: string, role: FolderRole = 'serve') {
  const folder = await openDataFolder({ path, role, log: silentLog });
  cleanUp(() => folder.close());
  return folder;
}

describe('the data folder', () => {
  it('is made private, and is known again', async () => {
    const path = join(await temporaryFolder(), 'below', 'data');
    const first = await open(path);
    expect(first.isNew).toBe(true);
    expect((await stat(path)).mode & 0o777).toBe(0o700);
    await first.close();
    expect((await open(path)).isNew).toBe(false);
  });

  it('is served by one process at a time, which a second one names; workers may join', async () => {
    const path = join(await temporaryFolder(), 'data');
    const server = new Child('hold-folder.ts', [path]);
    await server.next();
    await expect(open(path)).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
      message: expect.stringContaining(`already served by process ${server.process.pid};`),
    });
    await open(path, 'work');
    await server.kill('SIGKILL');
    await open(path);
  });

  it('refuses a second server of the same process', async () => {
    const path = join(await temporaryFolder(), 'data');
    const first = await open(path);
    await expect(open(path)).rejects.toThrow(`already served by process ${process.pid};`);
    await first.close();
    await open(path);
  });

  it('leaves a folder of other files alone', async () => {
    const path = await temporaryFolder();
    await writeFile(join(path, 'thesis.md'), 'mine');
    await expect(open(path)).rejects.toThrow(/holds other files \(thesis\.md\)/);
    expect(await readdir(path)).toEqual(['thesis.md']);
  });

  it('refuses a newer layout, a damaged format file and a file in its place', async () => {
    const path = await temporaryFolder();
    await writeFile(join(path, 'format'), '{"layout":999}');
    await expect(open(path)).rejects.toThrow(/newer version of this program \(layout 999\)/);
    await writeFile(join(path, 'format'), 'x');
    await expect(open(path)).rejects.toThrow(/format is damaged/);
    await expect(open(join(path, 'format'))).rejects.toThrow(/is not a folder/);
  });

  it('says that it cannot be written to', async () => {
    const path = await unwritableFolder();
    await expect(open(join(path, 'data'))).rejects.toThrow(/cannot be (?:written to|used) \(E[A-Z]+\)/);
  });
});

describe('the secrets of an installation', () => {
  it('are made once, by whichever process comes first, and are private', async () => {
    const folder = await temporaryFolder();
    const [one, other] = await Promise.all([loadSecrets(folder, random), loadSecrets(folder, random)]);
    expect(other).toEqual(one);
    expect(one.uploadSigningKey).toHaveLength(32);
    expect(one.accessTokenJwk).toMatchObject({ kty: 'OKP', crv: 'Ed25519' });
    for (const name of await readdir(folder))
      expect((await stat(join(folder, name))).mode & 0o777).toBe(0o600);
    expect(await loadSecrets(folder, random)).toEqual(one);
    const elsewhere = await loadSecrets(await temporaryFolder(), random);
    expect(elsewhere.accessTokenJwk.kid).not.toBe(one.accessTokenJwk.kid);
  });

  it('are never replaced silently', async () => {
    const folder = await temporaryFolder();
    await loadSecrets(folder, random);
    await writeFile(join(folder, 'access-token-key.json'), '{"d":"leaked"}');
    const failure = await loadSecrets(folder, random).catch((error: unknown) => String(error));
    expect(failure).toMatch(/is damaged/);
    expect(failure).not.toMatch(/leaked/);
  });
});
