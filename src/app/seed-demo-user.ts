import { Argon2PasswordHasher } from '../adapters/argon2/argon2-password-hasher.ts';
import { openPostgres } from '../adapters/postgres/database.ts';
import { PostgresUserRepository } from '../adapters/postgres/user-repository.ts';
import { SystemClock } from '../adapters/system/clock.ts';
import { UlidGenerator } from '../adapters/system/ids.ts';
import { SystemRandom } from '../adapters/system/random.ts';
import type { Log } from '../domain/ports/system.ts';
import { seedDemo } from '../planes/control/seed.ts';
import { type Config, ConfigError } from './config.ts';
import { checkExternalStores, requireFit } from './store-checks.ts';

/** The demo user on a PostgreSQL of one's own; the embedded one is seeded by its first start. */
export async function seedDemoUser(config: Config, log: Log): Promise<'created' | 'exists'> {
  const { DATABASE_URL: url } = config;
  if (url === undefined) {
    throw new ConfigError(['DATABASE_URL: not set; the embedded store is seeded by its first start.']);
  }
  if (!config.demoAllowed) {
    throw new ConfigError([
      'HOST, NODE_ENV: the demo user is for a loopback address outside production only; elsewhere nobody could log in as it.',
    ]);
  }
  requireFit(await checkExternalStores(config, log, ['DATABASE_URL']), log);
  const clock = new SystemClock();
  const database = openPostgres({
    ...{ url, log, poolSizeMax: 1, statementTimeoutMs: config.DATABASE_STATEMENT_TIMEOUT_MS },
  });
  try {
    return await seedDemo(
      {
        users: new PostgresUserRepository(database, clock),
        passwordHasher: new Argon2PasswordHasher(),
        ids: new UlidGenerator(clock, new SystemRandom()),
      },
      { allowDemoPassword: true, quotaLimitMicros: config.QUOTA_LIMIT_MICROS ?? null },
    );
  } finally {
    await database.close();
  }
}
