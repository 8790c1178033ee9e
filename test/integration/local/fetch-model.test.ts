import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fetchModel } from '../../../src/adapters/local/fetch/fetch-model.ts';
import { findModel } from '../../../src/adapters/local/model-names.ts';
import { writeTinyModel } from '../../support/tiny-model.ts';

/** What a hub serves: the files of one model, each at OWNER/NAME/resolve/main/FILE. */
class Hub {
  readonly requests: string[] = [];
  readonly #server: Server;
  /** Files that break off in the middle. */
  broken = new Set<string>();

  constructor(folder: string) {
    this.#server = createServer(async (request, response) => {
      const file = request.url?.split('/resolve/main/')[1] ?? '';
      this.requests.push(file);
      const bytes = await readFile(join(folder, file)).catch(() => undefined);
      if (bytes === undefined) return response.writeHead(404).end();
      response.writeHead(200, { 'content-length': bytes.length });
      if (!this.broken.has(file)) return response.end(bytes);
      response.write(bytes.subarray(0, bytes.length / 2), () => response.destroy());
    });
  }

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    const address = this.#server.address();
    return `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}

let root: string;
let hub: Hub;
let hubUrl: string;
let modelsFolder: string;
const signal = new AbortController().signal;
const fetchTiny = () => fetchModel('somebody/tiny', { modelsFolder, hubUrl, signal });

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'multidb-fetch-'));
  modelsFolder = join(root, 'models');
  await writeTinyModel(join(root, 'hub'));
  hub = new Hub(join(root, 'hub'));
  hubUrl = await hub.listen();
});
afterEach(async () => {
  hub.close();
  await rm(root, { recursive: true });
});

describe('fetching a model of a hub', () => {
  it('puts it where its name finds it, once', async () => {
    expect(await fetchTiny()).toMatchObject({ fetched: true });
    const { model, modelId } = await findModel('somebody/tiny', modelsFolder);
    expect({ modelId, dimensions: model.dimensions }).toEqual({ modelId: 'somebody/tiny', dimensions: 8 });
    const before = hub.requests.length;
    expect(await fetchTiny()).toMatchObject({ fetched: false });
    expect(hub.requests).toHaveLength(before);
  });

  it('leaves nothing behind when it breaks off, and can be repeated', async () => {
    hub.broken.add('onnx/model.onnx');
    await expect(fetchTiny()).rejects.toThrow(/gives no .*model\.onnx/);
    await expect(findModel('somebody/tiny', modelsFolder)).rejects.toThrow(
      /multidb model fetch somebody\/tiny/,
    );
    expect(await readdir(join(modelsFolder, 'downloads'))).toEqual([]);
    hub.broken.clear();
    expect(await fetchTiny()).toMatchObject({ fetched: true });
  });

  it('is the same for two at once', async () => {
    const both = await Promise.all([fetchTiny(), fetchTiny()]);
    expect(new Set(both.map(({ folder }) => folder)).size).toBe(1);
    expect(await readdir(join(modelsFolder, 'downloads'))).toEqual([]);
  });

  it('says which file is missing', async () => {
    await rm(join(root, 'hub', 'tokenizer.json'));
    await expect(fetchTiny()).rejects.toThrow(/somebody\/tiny has no tokenizer\.json/);
  });

  it('stops when it is told to', async () => {
    const abort = AbortSignal.abort(new Error('enough'));
    await expect(fetchModel('somebody/tiny', { modelsFolder, hubUrl, signal: abort })).rejects.toThrow(
      'enough',
    );
  });
});
