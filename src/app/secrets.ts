import type { DataFolder } from '../adapters/embedded/folder.ts';
import { type EmbeddedSecrets, loadSecrets } from '../adapters/embedded/secrets.ts';
import { deriveSecrets } from '../adapters/system/derived-secrets.ts';
import type { Random } from '../domain/ports/system.ts';
import { type Config, ConfigError } from './config.ts';

/**
 * The keys that sign access tokens and upload addresses. Nodes on one database must sign alike, or each would refuse
 * what the other one signed; nodes on one data folder do so by themselves.
 */
export async function openSecrets(
  config: Config,
  folder: DataFolder,
  random: Random,
): Promise<EmbeddedSecrets> {
  if (config.SECRET_KEY !== undefined) return deriveSecrets(config.SECRET_KEY);
  return loadSecrets(config.SECRETS_DIR ?? folder.secretsFolder, random);
}

/** Said before anything is opened: found out later, it would look like tokens that fail now and then. */
export function requireSharedSecrets({ DATABASE_URL, SECRET_KEY, SECRETS_DIR }: Config): void {
  if (DATABASE_URL === undefined || SECRET_KEY !== undefined || SECRETS_DIR !== undefined) return;
  throw new ConfigError([
    'SECRET_KEY: needed with DATABASE_URL, the same on every node, so that each accepts the tokens of the others; ' +
      'for example the output of `openssl rand -base64 32`. Or set SECRETS_DIR to a folder that all nodes share.',
  ]);
}
