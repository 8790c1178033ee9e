import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describeModel } from '../model-description.ts';
import { fetchedFolder, hubIdOf, KNOWN_MODELS } from '../model-names.ts';
import { FetchError } from './fetch-error.ts';
import { fetchFromHub } from './fetch-from-hub.ts';
import { fetchMiniLm } from './fetch-minilm.ts';

interface FetchOptions {
  readonly modelsFolder: string;
  /** undefined: the library's own. */
  readonly hubUrl: string | undefined;
  readonly signal: AbortSignal;
}

export interface FetchedModel {
  readonly folder: string;
  /** False: it was there already. */
  readonly fetched: boolean;
}

/**
 * Puts a model where `local:NAME` finds it. It appears there whole or not at all, however often or at once this runs.
 * Throws FetchError.
 */
export async function fetchModel(name: string, options: FetchOptions): Promise<FetchedModel> {
  const { modelsFolder, hubUrl, signal } = options;
  const hubId = hubIdOf(name);
  if (hubId === undefined) {
    const names = Object.keys(KNOWN_MODELS).join(', ');
    throw new FetchError(`${name} is no model: write ${names} or the id of one on the hub, OWNER/NAME`);
  }
  const folder = fetchedFolder(modelsFolder, hubId);
  if (await isUsable(folder)) return { folder, fetched: false };
  const downloads = join(modelsFolder, 'downloads');
  await mkdir(downloads, { recursive: true });
  const staging = await mkdtemp(join(downloads, 'fetch-'));
  try {
    const made =
      hubId === KNOWN_MODELS['minilm']?.hubId
        ? await fetchMiniLm(staging, downloads, signal)
        : await fetchFromHub({ hubId, hubUrl }, staging, signal);
    await describeModel(made);
    await publish(made, folder);
    return { folder, fetched: true };
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
}

async function publish(made: string, folder: string): Promise<void> {
  await mkdir(dirname(folder), { recursive: true });
  try {
    await rename(made, folder);
  } catch (error) {
    // Somebody else was first, or a folder without a model stands there.
    if (await isUsable(folder)) return;
    throw new FetchError(`${folder} is in the way: ${error instanceof Error ? error.message : error}`);
  }
}

async function isUsable(folder: string): Promise<boolean> {
  return describeModel(folder).then(
    () => true,
    () => false,
  );
}
