import { homedir } from 'node:os';
import { join } from 'node:path';

const NAME = 'multidb-servers';

/** Root's home is closed to the account that PostgreSQL must run as, so root's cache is the machine's. */
export function defaultRoot() {
  const { MULTIDB_SERVERS_DIR: given, XDG_CACHE_HOME: cache } = process.env;
  if (given) return given;
  if (cache) return join(cache, NAME);
  return process.getuid?.() === 0 ? join('/var/cache', NAME) : join(homedir(), '.cache', NAME);
}
