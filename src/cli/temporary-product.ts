import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

type Environment = Readonly<Record<string, string | undefined>>;

/** The model's settings are kept; where data goes is ours: nobody's database may be touched. */
export function ownEnvironment(folder: string): Environment {
  return {
    LOG_LEVEL: 'error',
    ...process.env,
    NODE_ENV: 'development',
    HOST: '127.0.0.1',
    PORT: '0',
    DATA_DIR: folder,
    DATABASE_URL: undefined,
    MONGODB_URL: undefined,
    SCYLLA_URL: undefined,
    REDIS_URL: undefined,
  };
}

/** A folder that is gone when the work is done, however it ended. */
export async function withTemporaryFolder<Result>(
  name: string,
  work: (folder: string) => Promise<Result>,
): Promise<Result> {
  const folder = await mkdtemp(join(tmpdir(), `multidb-${name}-`));
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
