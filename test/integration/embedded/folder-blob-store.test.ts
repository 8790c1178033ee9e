import { mkdir, readdir, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { FolderBlobStore } from '../../../src/adapters/embedded/folder-blob-store.ts';
import { TestClock } from '../../support/clock.ts';
import { newScope } from '../../support/fixtures.ts';
import { temporaryFolder } from './support/temporary.ts';

const bytes = (text: string) => new TextEncoder().encode(text);
const textOf = (blob: Uint8Array | undefined) => blob && new TextDecoder().decode(blob);

async function open() {
  const folder = join(await temporaryFolder(), 'blobs');
  const clock = new TestClock();
  return { folder, clock, store: await FolderBlobStore.open({ folder, clock }) };
}
async function* parts(...texts: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield bytes(text);
}

describe('blobs in a folder', () => {
  it('come back, are replaced, and are unknown elsewhere', async () => {
    const { store } = await open();
    const scope = newScope();
    await store.put(scope, 'doc_1/v1', bytes('one'));
    await store.put(scope, 'doc_1/v1', parts('t', 'w', '', 'o'));
    expect(textOf(await store.get(scope, 'doc_1/v1'))).toBe('two');
    expect(await store.get(scope, 'doc_1')).toBeUndefined();
    expect(await store.get(newScope(), 'doc_1/v1')).toBeUndefined();
  });

  it('are removed with everything below their key, and nothing beside it', async () => {
    const { store } = await open();
    const scope = newScope();
    for (const key of ['a', 'a/b', 'a/b/c', 'ab']) await store.put(scope, key, bytes(key));
    await store.remove(scope, 'a');
    await store.remove(scope, 'never/was');
    const left = await Promise.all(['a', 'a/b', 'a/b/c', 'ab'].map((key) => store.get(scope, key)));
    expect(left.map(textOf)).toEqual([undefined, undefined, undefined, 'ab']);
  });

  it('keep the old content, and leave nothing behind, when their source breaks', async () => {
    const { folder, store } = await open();
    const scope = newScope();
    await store.put(scope, 'kept', bytes('old'));
    const broken = async function* () {
      yield bytes('ne');
      throw new Error('connection lost');
    };
    await expect(store.put(scope, 'kept', broken())).rejects.toThrow('connection lost');
    expect(textOf(await store.get(scope, 'kept'))).toBe('old');
    expect(await readdir(join(folder, '.unfinished'))).toEqual([]);
  });

  it.each([
    '',
    '/a',
    'a/',
    'a//b',
    '../a',
    'a/../b',
    'A',
    'a.b',
    'a\0',
    `${'a'.repeat(201)}`,
    'ab/'.repeat(200),
  ])('refuse %j as a key', async (key) => {
    const { store } = await open();
    await expect(store.put(newScope(), key, bytes('x'))).rejects.toMatchObject({ code: 'BAD_USER_INPUT' });
    await expect(store.get(newScope(), key)).rejects.toMatchObject({ code: 'BAD_USER_INPUT' });
  });

  it('forget what a dead process left unfinished, and are private', async () => {
    const folder = await temporaryFolder();
    const unfinished = join(folder, '.unfinished');
    await mkdir(unfinished);
    await writeFile(join(unfinished, 'old'), 'x');
    await writeFile(join(unfinished, 'young'), 'x');
    const clock = new TestClock();
    const seconds = (ago: number) => clock.now() / 1_000 - ago;
    await utimes(join(unfinished, 'old'), seconds(90_000), seconds(90_000));
    await utimes(join(unfinished, 'young'), seconds(60), seconds(60));
    const store = await FolderBlobStore.open({ folder, clock });
    expect(await readdir(unfinished)).toEqual(['young']);
    const scope = newScope();
    await store.put(scope, 'a', bytes('x'));
    expect((await stat(join(folder, scope.workspaceId, 'a.blob'))).mode & 0o777).toBe(0o600);
  });
});
