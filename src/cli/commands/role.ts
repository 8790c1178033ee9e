import { Command } from 'commander';
import { readConfig } from '../../app/config.ts';
import { createLogger } from '../../app/logger.ts';
import { type Role, startSystem } from '../../app/system.ts';
import { onStopSignal } from '../stop-signal.ts';

/** Runs one role until a signal ends it. */
export function roleCommand(role: Role, description: string): Command {
  return new Command(role).description(description).action(async () => {
    const config = readConfig(process.env);
    const log = createLogger({ level: config.LOG_LEVEL, production: config.production });
    const stopped = onStopSignal();
    const system = await startSystem({ config, log, role, signal: stopped.signal });
    if (system.seeded) {
      const { email, password } = system.seeded;
      process.stdout.write(
        `seeded the demo user ${email} with password ${password}: loopback only, not in production\n`,
      );
    }
    process.stdout.write(
      system.url ? `ready ${system.url}/playground\n` : 'ready: waiting for documents to ingest\n',
    );
    await stopped.promise;
    await system.close();
  });
}
