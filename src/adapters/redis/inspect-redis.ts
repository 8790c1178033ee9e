import { ErrorReply } from 'redis';
import { type Finding, problem, type StoreReport } from '../../domain/inspection.ts';
import type { Log } from '../../domain/ports/system.ts';
import { SystemClock } from '../system/clock.ts';
import { placeOf } from './open-redis.ts';
import { RedisConnection } from './redis-connection.ts';
import { diagnoseRedis } from './redis-diagnosis.ts';

export interface RedisInspectionOptions {
  readonly url: string;
  readonly timeoutMs: number;
  readonly log: Log;
}

const PROBE_KEY = 'multidb:doctor:{probe}';
/** The longest that a probe stays when we die between two commands. */
const PROBE_TTL_MS = 1_000;
/** One command of each family that the adapters use. */
const PROBES: readonly (readonly string[])[] = [
  ['SET', PROBE_KEY, '1', 'PX', String(PROBE_TTL_MS)],
  ['XADD', `${PROBE_KEY}:stream`, 'MAXLEN', '0', '*', 'probe', '1'],
  ['EVAL', 'return redis.call("get", KEYS[1])', '1', PROBE_KEY],
  ['SPUBLISH', `${PROBE_KEY}:channel`, 'probe'],
  ['DEL', PROBE_KEY, `${PROBE_KEY}:stream`],
];

/** Leaves nothing behind. Throws what opening a connection throws. */
export async function inspectRedis({ url, timeoutMs, log }: RedisInspectionOptions): Promise<StoreReport> {
  placeOf(url);
  const clock = new SystemClock();
  const connection = await RedisConnection.open({
    url,
    name: 'doctor',
    clock,
    log,
    commandTimeoutMs: timeoutMs,
  });
  try {
    const { version, findings } = await diagnoseRedis(connection, clock);
    const isFit = findings.every(({ level }) => level !== 'problem');
    return {
      summary: `Redis ${version}`,
      findings: [...findings, ...(isFit ? await probeCommands(connection) : [])],
    };
  } finally {
    await connection.close();
  }
}

/** The first command that is refused; what the server cannot do now, like writing to a full disk, is thrown. */
async function probeCommands(connection: RedisConnection): Promise<readonly Finding[]> {
  for (const command of PROBES) {
    const refused = await connection.send([...command]).then(
      () => false,
      (error: unknown) => {
        if (isNotPermitted(error)) return true;
        throw error;
      },
    );
    if (refused)
      return [
        problem(
          `the user may not use ${command[0]} on ${PROBE_KEY}; run on Redis: ACL SETUSER <user> ~multidb:* &* +@all -@dangerous +info +config|get.`,
        ),
      ];
  }
  return [];
}

function isNotPermitted(error: unknown): boolean {
  const reply = error instanceof Error ? (error.cause ?? error) : error;
  return reply instanceof ErrorReply && reply.message.startsWith('NOPERM');
}
