import { Command } from 'commander';
import { readConfig } from '../../app/config.ts';
import { createLogger } from '../../app/logger.ts';
import { seedDemoUser } from '../../app/seed-demo-user.ts';
import { DEMO_USER } from '../../planes/control/seed.ts';

export function seedCommand(): Command {
  return new Command('seed')
    .description('create the demo user on DATABASE_URL, where nobody has an account yet; not in production')
    .action(async () => {
      const config = readConfig(process.env);
      const log = createLogger({ level: config.LOG_LEVEL, production: config.production });
      const outcome = await seedDemoUser(config, log);
      process.stdout.write(
        outcome === 'created'
          ? `seeded the demo user ${DEMO_USER.email} with password ${DEMO_USER.password}: loopback only, not in production\n`
          : 'there are accounts already; nothing was seeded\n',
      );
    });
}
