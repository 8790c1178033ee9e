import { createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { FetchError } from './fetch-error.ts';

const FILE_TIMEOUT_MS = 30 * 60_000;
const NOT_FOUND = 404;

/** What a sentence-transformers model may consist of. Of the graphs the most precise is taken. */
const FILES: readonly { readonly name: string; readonly needed: boolean }[] = [
  { name: 'config.json', needed: true },
  { name: 'tokenizer.json', needed: true },
  { name: 'tokenizer_config.json', needed: true },
  { name: 'onnx/model.onnx', needed: true },
  { name: 'onnx/model.onnx_data', needed: false },
  { name: 'modules.json', needed: false },
  { name: 'sentence_bert_config.json', needed: false },
  { name: 'config_sentence_transformers.json', needed: false },
  { name: 'special_tokens_map.json', needed: false },
  { name: '1_Pooling/config.json', needed: false },
];

/** Loads the files of a model of a hub into the folder `model` of `staging`. Throws FetchError. */
export async function fetchFromHub(
  { hubId, hubUrl }: { readonly hubId: string; readonly hubUrl: string | undefined },
  staging: string,
  signal: AbortSignal,
): Promise<string> {
  const host = hubUrl ?? (await hubOfLibrary());
  const folder = join(staging, 'model');
  for (const { name, needed } of FILES) {
    const url = new URL(`${hubId}/resolve/main/${name}`, host.endsWith('/') ? host : `${host}/`);
    const found = await download(url, join(folder, name), signal);
    if (!found && needed) throw new FetchError(`${hubId} has no ${name} at ${url.host}`);
  }
  return folder;
}

/** The library knows where its hub is. */
async function hubOfLibrary(): Promise<string> {
  const { env } = await import('@huggingface/transformers').catch(() => {
    throw new FetchError('the optional package @huggingface/transformers is not installed');
  });
  return env.remoteHost;
}

/** False: there is no such file. */
async function download(url: URL, path: string, signal: AbortSignal): Promise<boolean> {
  const abort = AbortSignal.any([signal, AbortSignal.timeout(FILE_TIMEOUT_MS)]);
  try {
    const response = await fetch(url, { signal: abort });
    if (response.status === NOT_FOUND) return false;
    if (!response.ok || response.body === null) throw new FetchError(`it answers ${response.status}`);
    await mkdir(dirname(path), { recursive: true });
    await pipeline(response.body, createWriteStream(path), { signal: abort });
    return true;
  } catch (error) {
    signal.throwIfAborted();
    const cause = error instanceof Error ? (error.cause ?? error) : error;
    throw new FetchError(
      `${url.host} gives no ${url.pathname}: ${cause instanceof Error ? cause.message : cause}`,
    );
  }
}
