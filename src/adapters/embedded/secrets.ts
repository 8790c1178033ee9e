import { createHash, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { chmod, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { Random } from '../../domain/ports/system.ts';
import { createFile, makeFolder } from './durable-file.ts';
import { errorCode, fromFileError, storageError } from './storage-error.ts';

const UPLOAD_SECRET_BYTES = 32;

const keySchema = z.object({
  kty: z.literal('OKP'),
  crv: z.literal('Ed25519'),
  /** RFC 7638 thumbprint of the public key. */
  kid: z.string().min(1),
  x: z.string().min(1),
  d: z.string().min(1),
});
const uploadSchema = z.object({ key: z.base64url() });

export interface EmbeddedSecrets {
  /** Ed25519 private key (RFC 8037) that signs access tokens. */
  readonly accessTokenJwk: z.infer<typeof keySchema>;
  /** 32 bytes for the HMAC of upload URLs. */
  readonly uploadSigningKey: Uint8Array;
}

/**
 * The installation's own secrets, made once and kept in files of mode 0600; processes that start at the same time
 * agree on one. Throws STORE_UNAVAILABLE when a file is damaged or unreadable: a new key would sign everybody out
 * silently, so that is a person's decision.
 */
export async function loadSecrets(folder: string, random: Random): Promise<EmbeddedSecrets> {
  await makeFolder(folder).catch((error: unknown) => {
    throw fromFileError(folder, error);
  });
  const accessTokenJwk = await keep(join(folder, 'access-token-key.json'), keySchema, () =>
    toAccessTokenJwk(generateKeyPairSync('ed25519').privateKey),
  );
  const upload = await keep(join(folder, 'upload-signing-key.json'), uploadSchema, () => ({
    key: Buffer.from(random.bytes(UPLOAD_SECRET_BYTES)).toString('base64url'),
  }));
  return { accessTokenJwk, uploadSigningKey: new Uint8Array(Buffer.from(upload.key, 'base64url')) };
}

export function toAccessTokenJwk(privateKey: KeyObject): EmbeddedSecrets['accessTokenJwk'] {
  const { x, d } = privateKey.export({ format: 'jwk' });
  const members = JSON.stringify({ crv: 'Ed25519', kty: 'OKP', x });
  const kid = createHash('sha256').update(members).digest('base64url');
  return keySchema.parse({ kty: 'OKP', crv: 'Ed25519', kid, x, d });
}

async function keep<T>(file: string, schema: z.ZodType<T>, make: () => unknown): Promise<T> {
  let text = await readSecret(file);
  if (text === undefined) {
    await createFile(file, `${JSON.stringify(make())}\n`).catch((error: unknown) => {
      throw fromFileError(file, error);
    });
    text = await readSecret(file);
  }
  try {
    return schema.parse(JSON.parse(text ?? ''));
  } catch {
    // Neither the text nor the parser's message: both may hold the secret.
    throw storageError(`${file} is damaged; restore it from a backup, or remove it to sign everybody out.`);
  }
}

async function readSecret(file: string): Promise<string | undefined> {
  try {
    // A copied or restored folder may have come with a wider mode; a mounted one may not let us change it.
    await chmod(file, 0o600).catch((error: unknown) => {
      if (!['EROFS', 'EPERM'].includes(errorCode(error))) throw error;
    });
    return await readFile(file, 'utf8');
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw fromFileError(file, error);
  }
}
