import { clockFindings, type Finding, problem, warning } from '../../domain/inspection.ts';
import type { Clock } from '../../domain/ports/system.ts';
import type { RedisConnection } from './redis-connection.ts';

const VERSION_MIN = [7, 0] as const;

export interface RedisDiagnosis {
  readonly version: string;
  readonly findings: readonly Finding[];
}

/** What kind of server this is and whether it can keep what the adapters promise. Throws as every command does. */
export async function diagnoseRedis(connection: RedisConnection, clock: Clock): Promise<RedisDiagnosis> {
  const before = clock.now();
  const [info, time] = await Promise.all([connection.send(['INFO']), connection.send(['TIME'])]);
  const after = clock.now();
  const facts = parseInfo(String(info));
  const [seconds = 0, micros = 0] = Array.isArray(time) ? time.map(Number) : [];
  const version = facts.get('redis_version') ?? 'unknown';
  const server = seconds * 1_000 + micros / 1_000;
  return {
    version,
    findings: [
      ...findProblems(facts, version).map((message) => problem(message)),
      ...(await findWarnings(connection, facts)).map(warning),
      ...clockFindings({ store: 'Redis', server, before, after }),
    ],
  };
}

function findProblems(facts: ReadonlyMap<string, string>, version: string): string[] {
  const problems: string[] = [];
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major < VERSION_MIN[0] || (major === VERSION_MIN[0] && minor < VERSION_MIN[1]))
    problems.push(`Redis ${version} is too old; ${VERSION_MIN.join('.')} or newer is needed.`);
  if (facts.get('redis_mode') === 'cluster')
    problems.push('this is a node of a Redis Cluster; name a server that is not one.');
  if (facts.get('role') === 'slave') problems.push('this Redis is a replica; name the primary.');
  return problems;
}

async function findWarnings(
  connection: RedisConnection,
  facts: ReadonlyMap<string, string>,
): Promise<string[]> {
  const warnings: string[] = [];
  const policy = facts.get('maxmemory_policy') ?? 'noeviction';
  if (policy !== 'noeviction')
    warnings.push(`maxmemory-policy is ${policy}: Redis may drop answers in the making; set noeviction.`);
  if (facts.get('aof_enabled') !== '1')
    return [
      ...warnings,
      'appendonly is off: a restart of Redis loses the answers in the making; set it to yes.',
    ];
  const fsync = await readSetting(connection, 'appendfsync');
  if (fsync === undefined)
    warnings.push('appendfsync could not be read (CONFIG is forbidden); it must be always.');
  else if (fsync !== 'always')
    warnings.push(
      `appendfsync is ${fsync}: a crash of Redis may lose text that was shown; set it to always.`,
    );
  return warnings;
}

/** undefined: hosted servers often forbid CONFIG. */
async function readSetting(connection: RedisConnection, name: string): Promise<string | undefined> {
  const answer = await connection.send(['CONFIG', 'GET', name]).catch(() => undefined);
  if (!(answer instanceof Object)) return undefined;
  const value: unknown = Reflect.get(answer, name);
  return typeof value === 'string' ? value : undefined;
}

/** `name:value` lines under `# Section` lines. */
function parseInfo(info: string): ReadonlyMap<string, string> {
  return new Map(
    info
      .split('\r\n')
      .map((line): [string, string] => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)]),
  );
}
