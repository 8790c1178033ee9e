import { DomainError } from '../domain/errors.ts';
import type { Finding, StoreReport } from '../domain/inspection.ts';
import type { Log } from '../domain/ports/system.ts';
import { type Config, ConfigError } from './config.ts';
import { outageOf } from './outage-reason.ts';

export type StoreSetting = 'DATABASE_URL' | 'MONGODB_URL' | 'SCYLLA_URL' | 'REDIS_URL' | 'DATA_DIR';

/** One store of this configuration, and everything that was found about it. */
export interface StoreCheck {
  readonly setting: StoreSetting;
  /** undefined: the store could not be looked at. */
  readonly summary: string | undefined;
  readonly findings: readonly Finding[];
}

interface Inspection {
  readonly setting: StoreSetting;
  readonly url: string | undefined;
  readonly inspect: () => Promise<StoreReport>;
}

/** The stores of others, side by side; each answers within STORE_OPEN_TIMEOUT_MS or is reported as silent. */
export function checkExternalStores(
  config: Config,
  log: Log,
  only?: readonly StoreSetting[],
): Promise<readonly StoreCheck[]> {
  const inspections = externalInspections(config, log);
  const meant = inspections.filter(({ setting }) => only?.includes(setting) ?? true);
  return runAll(meant, config.STORE_OPEN_TIMEOUT_MS);
}

/** The data folder too, without opening it. */
export async function checkAllStores(config: Config, log: Log): Promise<readonly StoreCheck[]> {
  const folder: Inspection = {
    setting: 'DATA_DIR',
    url: undefined,
    inspect: async () =>
      (await import('../adapters/embedded/inspect-folder.ts')).inspectFolder({
        path: config.DATA_DIR,
        hasPostgres: config.DATABASE_URL === undefined,
      }),
  };
  return runAll([folder, ...externalInspections(config, log)], config.STORE_OPEN_TIMEOUT_MS);
}

/** Throws what `multidb doctor` would print as problems, in the same words; what is only a warning is logged. */
export function requireFit(checks: readonly StoreCheck[], log: Log): void {
  for (const { setting, findings } of checks) {
    for (const { level, message } of findings) if (level === 'warning') log.warn({ setting }, message);
  }
  refuse(problemsOf(checks));
}

/** The same before a migration, which mends some of them itself. */
export function requireMigratable(checks: readonly StoreCheck[]): void {
  refuse(problemsOf(checks).filter(({ kind }) => kind !== 'migration'));
}

export function problemsOf(checks: readonly StoreCheck[]): readonly Finding[] {
  return checks.flatMap(({ findings }) => findings.filter(({ level }) => level === 'problem'));
}

/** Trying again is worth while when nothing but outages was found. */
export function isOutage(problems: readonly Finding[]): boolean {
  return problems.every(({ kind }) => kind === 'outage');
}

function refuse(problems: readonly Finding[]): void {
  if (problems.length === 0) return;
  const messages = problems.map(({ message }) => message);
  if (!isOutage(problems)) throw new ConfigError(messages);
  throw new DomainError('STORE_UNAVAILABLE', messages.join('\n'));
}

/** Each driver is loaded only when its store is meant. */
function externalInspections(config: Config, log: Log): readonly Inspection[] {
  const { DATABASE_URL, MONGODB_URL, SCYLLA_URL, REDIS_URL, STORE_OPEN_TIMEOUT_MS: timeoutMs } = config;
  const all: (Inspection | undefined)[] = [
    inspectionOf('DATABASE_URL', DATABASE_URL, async (url) => {
      const { inspectPostgres } = await import('../adapters/postgres/inspect-postgres.ts');
      return inspectPostgres({ url, timeoutMs, poolSizeMax: config.DATABASE_POOL_SIZE_MAX });
    }),
    inspectionOf('MONGODB_URL', MONGODB_URL, async (url) => {
      const { inspectMongo } = await import('../adapters/mongodb/inspect-mongo.ts');
      return inspectMongo({ url, timeoutMs, log });
    }),
    inspectionOf('SCYLLA_URL', SCYLLA_URL, async (url) => {
      const { inspectScylla } = await import('../adapters/scylla/inspect-scylla.ts');
      return inspectScylla({ url, timeoutMs, log });
    }),
    inspectionOf('REDIS_URL', REDIS_URL, async (url) => {
      const { inspectRedis } = await import('../adapters/redis/inspect-redis.ts');
      return inspectRedis({ url, timeoutMs, log });
    }),
  ];
  return all.filter((inspection) => inspection !== undefined);
}

function inspectionOf(
  setting: StoreSetting,
  url: string | undefined,
  inspect: (url: string) => Promise<StoreReport>,
): Inspection | undefined {
  return url === undefined ? undefined : { setting, url, inspect: () => inspect(url) };
}

function runAll(inspections: readonly Inspection[], timeoutMs: number): Promise<readonly StoreCheck[]> {
  return Promise.all(inspections.map((inspection) => runOne(inspection, timeoutMs)));
}

async function runOne(inspection: Inspection, timeoutMs: number): Promise<StoreCheck> {
  const { setting } = inspection;
  try {
    const { summary, findings } = await within(timeoutMs, inspection.inspect());
    return { setting, summary, findings: findings.map((finding) => named(setting, finding)) };
  } catch (error) {
    return { setting, summary: undefined, findings: [named(setting, fromError(inspection, error))] };
  }
}

/** What a store cannot mend by itself is a matter of configuration; a defect of ours is neither and is thrown on. */
function fromError({ setting, url }: Inspection, error: unknown): Finding {
  if (!(error instanceof DomainError)) throw error;
  if (setting === 'DATA_DIR') return { level: 'problem', kind: 'outage', message: error.message };
  if (!error.retryable) return { level: 'problem', kind: 'configuration', message: error.message };
  return { level: 'problem', kind: 'outage', message: outageOf(url ?? '', error) };
}

/** Every sentence begins with the setting that is meant, once. */
function named(setting: StoreSetting, finding: Finding): Finding {
  const { message } = finding;
  return message.startsWith(`${setting}: `) ? finding : { ...finding, message: `${setting}: ${message}` };
}

async function within<T>(timeoutMs: number, work: Promise<T>): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => reject(new DomainError('DEADLINE_EXCEEDED', `no answer within ${timeoutMs} ms`)),
    timeoutMs,
  );
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
    // What is under way ends by deadlines of its own; nobody waits for it.
    work.catch(() => undefined);
  }
}
