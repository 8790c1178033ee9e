import { createPrivateKey, hkdfSync } from 'node:crypto';
import { type EmbeddedSecrets, toAccessTokenJwk } from '../embedded/secrets.ts';

const KEY_BYTES = 32;
/** PKCS #8 around the seed of an Ed25519 private key (RFC 8410, section 7). */
const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex');

/**
 * The keys that follow from one shared secret, the same on every node that is given it. HKDF (RFC 5869) makes them
 * independent: who learns one of them learns neither the other nor the secret.
 */
export function deriveSecrets(secret: string): EmbeddedSecrets {
  const derive = (purpose: string) =>
    Buffer.from(hkdfSync('sha256', secret, 'multidb-ai', `${purpose}/1`, KEY_BYTES));
  const der = Buffer.concat([PKCS8_PREFIX, derive('access-token')]);
  return {
    accessTokenJwk: toAccessTokenJwk(createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })),
    uploadSigningKey: new Uint8Array(derive('upload-url')),
  };
}
