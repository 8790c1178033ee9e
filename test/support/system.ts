import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { noopLog } from '../../src/adapters/system/log.ts';
import { readConfig } from '../../src/app/config.ts';
import { type Role, type System, startSystem } from '../../src/app/system.ts';
import { MultiDbClient } from '../../src/client/index.ts';

export const DEMO = { email: 'test@example.com', password: 'testpassword123' } as const;

export interface TestSystem {
  readonly url: string;
  readonly folder: string;
  /** A new client, signed in as the demo user. */
  client(): Promise<MultiDbClient>;
  /** A new user with a workspace of their own. */
  stranger(name?: string): Promise<MultiDbClient>;
  /** Stops the server and starts another one on the same folder. */
  restart(): Promise<void>;
  close(): Promise<void>;
}

/** The whole product in this process on an embedded data folder of its own. */
export async function startTestSystem(
  settings: Readonly<Record<string, string>> = {},
  role: Role = 'all',
): Promise<TestSystem> {
  const folder = await mkdtemp(join(tmpdir(), 'multidb-test-'));
  const start = (): Promise<System> =>
    startSystem({
      config: readConfig({
        NODE_ENV: 'test',
        PORT: '0',
        DATA_DIR: folder,
        LOGIN_PER_ADDRESS_PER_MINUTE: '1000',
        ...settings,
      }),
      log: noopLog,
      role,
      signal: new AbortController().signal,
    });
  let system = await start();
  let userCount = 0;
  const newClient = () => new MultiDbClient({ url: system.url ?? '' });
  return {
    get url() {
      return system.url ?? '';
    },
    folder,
    async client() {
      const client = newClient();
      await client.login(DEMO.email, DEMO.password);
      return client;
    },
    async stranger(name = 'stranger') {
      const client = newClient();
      userCount += 1;
      await client.signUp(`${name}-${userCount}@example.com`, 'a long enough password');
      return client;
    },
    async restart() {
      await system.close();
      system = await start();
    },
    async close() {
      await system.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
