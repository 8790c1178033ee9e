import { findModel, type NamedModel } from '../../src/adapters/local/model-names.ts';
import { readConfig } from '../../src/app/config.ts';

/** MiniLM where `multidb model fetch minilm` puts it; undefined if nobody has fetched it. */
export const miniLm: NamedModel | undefined = await findModel(
  'minilm',
  readConfig(process.env).modelsFolder,
).catch(() => undefined);

/** A suite that is left out says why. */
export function withMiniLm(name: string): string {
  return miniLm === undefined ? `${name} (left out: run \`multidb model fetch minilm\` first)` : name;
}
