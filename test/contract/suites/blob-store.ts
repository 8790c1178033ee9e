import { setImmediate } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { BlobStore } from '../../../src/domain/ports/chunk-index.ts';
import type { WorkspaceScope } from '../../../src/domain/scope.ts';
import { newScope } from '../../support/fixtures.ts';
import { SeededRandom } from '../../support/random.ts';

export interface BlobStoreHarness {
  readonly blobs: BlobStore;
  close(): Promise<void>;
}

export function describeBlobStore(name: string, make: () => Promise<BlobStoreHarness>): void {
  describe(`BlobStore: ${name}`, () => {
    let harness: BlobStoreHarness;
    let scope: WorkspaceScope;
    beforeAll(async () => {
      harness = await make();
    });
    afterAll(() => harness.close());
    beforeEach(() => {
      scope = newScope();
    });

    const put = (key: string, bytes: Uint8Array | AsyncIterable<Uint8Array>) =>
      harness.blobs.put(scope, key, bytes);
    const get = async (key: string, reader = scope) => {
      const bytes = await harness.blobs.get(reader, key);
      return bytes === undefined ? undefined : Buffer.from(bytes).toString('latin1');
    };
    const text = (content: string) => Buffer.from(content, 'latin1');

    it('gives back the bytes, none too', async () => {
      const bytes = new SeededRandom(1).bytes(300_000);
      await put('documents/doc_1/1', bytes);
      const stored = await harness.blobs.get(scope, 'documents/doc_1/1');
      expect(Buffer.compare(Buffer.from(stored ?? []), Buffer.from(bytes))).toBe(0);
      await put('empty', new Uint8Array());
      expect(await get('empty')).toBe('');
      expect(await get('unknown')).toBeUndefined();
    });

    it('takes bytes as they arrive', async () => {
      await put('streamed', parts(text('one '), text(''), text('two '), text('three')));
      expect(await get('streamed')).toBe('one two three');
      await put('nothing', parts());
      expect(await get('nothing')).toBe('');
    });

    it('replaces', async () => {
      await put('key', text('a longer first value'));
      await put('key', text('second'));
      expect(await get('key')).toBe('second');
    });

    it('keeps what was there when a delivery breaks off, and says what broke it', async () => {
      const failure = new Error('the connection is gone');
      await expect(put('fresh', breaking(failure))).rejects.toBe(failure);
      expect(await get('fresh')).toBeUndefined();
      await put('kept', text('whole'));
      await expect(put('kept', breaking(failure))).rejects.toBe(failure);
      expect(await get('kept')).toBe('whole');
    });

    it('shows the old bytes or the new ones, whole, while it is replaced', async () => {
      const [old, next] = [Buffer.alloc(100_000, 'a'), Buffer.alloc(100_000, 'b')];
      await put('key', old);
      let done = false;
      const replaced = put('key', parts(next.subarray(0, 50_000), next.subarray(50_000))).finally(() => {
        done = true;
      });
      const seen = new Set<string>();
      do {
        // A store of this process answers without letting its own writer run.
        await setImmediate();
        const value = await get('key');
        seen.add(value === old.toString() || value === next.toString() ? 'whole' : 'partial');
      } while (!done);
      await replaced;
      expect([...seen]).toEqual(['whole']);
    });

    it('lets simultaneous writers of one key each be whole', async () => {
      const values = Array.from({ length: 8 }, (_, index) => String(index).repeat(20_000));
      await Promise.all(values.map((value) => put('contended', text(value))));
      expect(values).toContain(await get('contended'));
    });

    it('removes a key and everything below it, and nothing beside it', async () => {
      for (const key of ['a', 'a/b', 'a/b/c', 'ab', 'b/a', 'a-b/c']) await put(key, text(key));
      await harness.blobs.remove(scope, 'a/b');
      expect([await get('a'), await get('a/b'), await get('a/b/c')]).toEqual(['a', undefined, undefined]);
      await harness.blobs.remove(scope, 'a');
      await harness.blobs.remove(scope, 'a');
      await harness.blobs.remove(scope, 'never/was');
      expect(await get('a')).toBeUndefined();
      expect([await get('ab'), await get('b/a'), await get('a-b/c')]).toEqual(['ab', 'b/a', 'a-b/c']);
      await put('a/b', text('again'));
      expect(await get('a/b')).toBe('again');
    });

    it.each(['', '/', 'a/', '/a', 'a//b', '..', 'a/../b', 'A', 'a.b', 'a b', 'a\\b', 'a\0'])(
      'refuses the key %j',
      async (key) => {
        await expect(put(key, text('x'))).rejects.toMatchObject({ code: 'BAD_USER_INPUT' });
        await expect(harness.blobs.get(scope, key)).rejects.toMatchObject({ code: 'BAD_USER_INPUT' });
        await expect(harness.blobs.remove(scope, key)).rejects.toMatchObject({ code: 'BAD_USER_INPUT' });
      },
    );

    it('keeps its own copy', async () => {
      const bytes = text('mine');
      await put('key', bytes);
      bytes.fill(0);
      const got = await harness.blobs.get(scope, 'key');
      got?.fill(0);
      expect(await get('key')).toBe('mine');
    });

    it('keeps workspaces apart', async () => {
      const other = newScope();
      await put('key/below', text('mine'));
      expect(await get('key/below', other)).toBeUndefined();
      await harness.blobs.put(other, 'key/below', text('theirs'));
      await harness.blobs.remove(other, 'key');
      expect(await get('key/below')).toBe('mine');
    });
  });
}

async function* parts(...chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* chunks;
}

async function* breaking(failure: Error): AsyncGenerator<Uint8Array> {
  yield Buffer.from('half');
  throw failure;
}
