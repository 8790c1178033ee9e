import { homedir } from 'node:os';
import { basename, isAbsolute, join, resolve } from 'node:path';
import { describeModel, type ModelDescription, ModelFolderError } from './model-description.ts';

interface KnownModel {
  readonly hubId: string;
  /** As much as BM25 has: what suits English sets beside BM25 in general; no sweep was made for these models. */
  readonly vectorWeight: number;
  /** They read English alone. */
  readonly foreignVectorWeight: number;
}

/** Models that have a short name. */
export const KNOWN_MODELS: Readonly<Record<string, KnownModel>> = {
  minilm: { hubId: 'sentence-transformers/all-MiniLM-L6-v2', vectorWeight: 0.5, foreignVectorWeight: 0.3 },
  mpnet: { hubId: 'sentence-transformers/all-mpnet-base-v2', vectorWeight: 0.5, foreignVectorWeight: 0.3 },
};
const VECTOR_WEIGHT_OF_OTHERS = 0.5;
const HUB_ID = /^[\w.-]+\/[\w.-]+$/;

export interface NamedModel {
  readonly model: ModelDescription;
  readonly modelId: string;
  readonly vectorWeight: number;
  readonly foreignVectorWeight?: number;
}

/** Where `multidb model fetch` puts a model of the hub. */
export function fetchedFolder(modelsFolder: string, hubId: string): string {
  return join(modelsFolder, ...hubId.split('/'));
}

/** undefined: neither a short name nor an id of the hub. */
export function hubIdOf(name: string): string | undefined {
  return Object.hasOwn(KNOWN_MODELS, name) ? KNOWN_MODELS[name]?.hubId : HUB_ID.exec(name)?.[0];
}

/**
 * The model of a short name, a hub id or a folder. A folder is looked for last, unless it is written as a path. Throws
 * ModelFolderError with what to do.
 */
export async function findModel(name: string, modelsFolder: string): Promise<NamedModel> {
  const hubId = hubIdOf(name);
  const isPath = isAbsolute(name) || /^(\.|~)/.test(name);
  if (hubId !== undefined && !isPath) {
    const model = await describeModel(fetchedFolder(modelsFolder, hubId)).catch(() => undefined);
    if (model !== undefined) return { model, modelId: hubId, ...weightsOf(hubId) };
  }
  const folder = resolve(name.replace(/^~(?=\/|$)/, homedir()));
  try {
    const model = await describeModel(folder);
    return {
      model,
      modelId: `${basename(folder)}@${model.fingerprint}`,
      vectorWeight: VECTOR_WEIGHT_OF_OTHERS,
    };
  } catch (error) {
    if (hubId === undefined || isPath) throw error;
    throw new ModelFolderError(
      `the model ${name} is not in ${modelsFolder}: fetch it with \`multidb model fetch ${name}\``,
    );
  }
}

function weightsOf(hubId: string): Pick<NamedModel, 'vectorWeight' | 'foreignVectorWeight'> {
  const known = Object.values(KNOWN_MODELS).find((model) => model.hubId === hubId);
  if (known === undefined) return { vectorWeight: VECTOR_WEIGHT_OF_OTHERS };
  const { vectorWeight, foreignVectorWeight } = known;
  return { vectorWeight, foreignVectorWeight };
}
