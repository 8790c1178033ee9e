import { expect, test } from 'vitest';
import { Argon2PasswordHasher } from '../../../src/adapters/argon2/argon2-password-hasher.ts';

test('hashes with argon2id at the recommended cost, salted', async () => {
  const hasher = new Argon2PasswordHasher();
  const [first, second] = await Promise.all([hasher.hash('correct horse'), hasher.hash('correct horse')]);
  expect(first).toMatch(/^\$argon2id\$v=19\$m=47104,t=1,p=1\$/);
  expect(first).not.toBe(second);
});

test('accepts the password and nothing else', async () => {
  const hasher = new Argon2PasswordHasher();
  const encoded = await hasher.hash('correct horse');
  expect(await hasher.verify(encoded, 'correct horse')).toBe(true);
  expect(await hasher.verify(encoded, 'correct horsf')).toBe(false);
  expect(await hasher.verify(encoded, '')).toBe(false);
});

test('a stored hash that cannot be read matches no password', async () => {
  expect(await new Argon2PasswordHasher().verify('not a PHC string', 'correct horse')).toBe(false);
});

test('beyond the queue a call is refused at once, and the others are all served', async () => {
  const hasher = new Argon2PasswordHasher();
  const unreadable = 'not a PHC string';
  const admitted = Array.from({ length: 66 }, () => hasher.verify(unreadable, 'x'));
  await expect(hasher.verify(unreadable, 'x')).rejects.toMatchObject({
    code: 'RATE_LIMITED',
    retryable: true,
    retryAfterMs: 1_000,
  });
  expect(await Promise.all(admitted)).toEqual(admitted.map(() => false));
  expect(await hasher.verify(unreadable, 'x')).toBe(false);
});
