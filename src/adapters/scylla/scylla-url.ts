import { types } from 'cassandra-driver';
import { DomainError } from '../../domain/errors.ts';

export interface ScyllaSettings {
  /** `host:port` each; the driver finds the other nodes by itself. */
  readonly contactPoints: readonly string[];
  /** Of the nodes that the driver finds by itself. */
  readonly port: number;
  readonly credentials: { readonly username: string; readonly password: string } | undefined;
  readonly keyspace: string;
  /** Queries go to nodes of this data centre only. */
  readonly dataCentre: string;
  readonly consistency: types.consistencies;
  /** Copies a data centre keeps, when `migrateScylla` makes the keyspace. Default: 3, or as many as there are nodes. */
  readonly replication: number | undefined;
  readonly tls: boolean;
}

const EXAMPLE = 'scylla://user:password@host1,host2:9042/keyspace?dc=datacenter1&consistency=LOCAL_QUORUM';
const SHAPE = /^scylla:\/\/(?:([^/@]*)@)?([^/@?]+)\/([^/?]+)(?:\?(.*))?$/;
const HOST = /^(?:\[[0-9a-f:.]+\]|[\w.-]+)(?::(\d{1,5}))?$/i;
/** Needs no quotes in CQL; 48 characters is the limit of both servers. */
const KEYSPACE = /^[a-z][a-z0-9_]{0,47}$/;
const PARAMETERS = new Set(['dc', 'consistency', 'replication', 'tls']);
const PORT = 9042;
const REPLICATION_MAX = 9;

/** Reading with one and writing with the other, a message that is seen has its events seen: every pair overlaps. */
const OVERLAPPING: ReadonlyMap<string, types.consistencies> = new Map([
  ['LOCAL_QUORUM', types.consistencies.localQuorum],
  ['QUORUM', types.consistencies.quorum],
  ['ALL', types.consistencies.all],
]);
/** True to the promises only where there is one copy of everything. */
const SINGLE: ReadonlyMap<string, types.consistencies> = new Map([
  ['LOCAL_ONE', types.consistencies.localOne],
  ['ONE', types.consistencies.one],
]);

/** Throws BAD_USER_INPUT with a sentence that names the setting; never repeats the password. */
export function parseScyllaUrl(url: string): ScyllaSettings {
  const match = SHAPE.exec(url);
  if (match === null) throw refused(`must look like ${EXAMPLE}`);
  const [, userInfo, hosts = '', keyspace = '', query = ''] = match;
  if (!KEYSPACE.test(keyspace)) {
    throw refused(`the keyspace ${JSON.stringify(keyspace)} must be lower-case letters, digits and _`);
  }
  const parameters = new URLSearchParams(query);
  const unknown = [...parameters.keys()].find((name) => !PARAMETERS.has(name));
  if (unknown !== undefined) {
    throw refused(`unknown parameter ${JSON.stringify(unknown)}; known are ${[...PARAMETERS].join(', ')}`);
  }
  return {
    ...contactPointsOf(hosts),
    credentials: userInfo === undefined ? undefined : credentialsOf(userInfo),
    keyspace,
    dataCentre: parameters.get('dc') ?? 'datacenter1',
    consistency: consistencyOf(parameters.get('consistency') ?? 'LOCAL_QUORUM'),
    replication: replicationOf(parameters.get('replication')),
    tls: flagOf(parameters.get('tls')),
  };
}

/** True when a read may miss what a write has confirmed, unless there is one copy only. */
export function mayMissWrites(consistency: types.consistencies): boolean {
  return [...SINGLE.values()].includes(consistency);
}

/** The last port stands for the hosts that name none. */
function contactPointsOf(hosts: string): Pick<ScyllaSettings, 'contactPoints' | 'port'> {
  const names = hosts.split(',');
  const ports = names.map((name) => {
    const match = HOST.exec(name);
    if (match === null) throw refused(`${JSON.stringify(name)} is not a host`);
    return match[1];
  });
  const common = ports.at(-1) ?? String(PORT);
  const contactPoints = names.map((name, index) => (ports[index] === undefined ? `${name}:${common}` : name));
  return { contactPoints, port: Number(common) };
}

function credentialsOf(userInfo: string): ScyllaSettings['credentials'] {
  const colon = userInfo.indexOf(':');
  if (colon < 1) throw refused('a user needs a password: user:password@');
  try {
    return {
      username: decodeURIComponent(userInfo.slice(0, colon)),
      password: decodeURIComponent(userInfo.slice(colon + 1)),
    };
  } catch {
    throw refused('write a % in user or password as %25');
  }
}

function consistencyOf(name: string): types.consistencies {
  const consistency = OVERLAPPING.get(name) ?? SINGLE.get(name);
  if (consistency !== undefined) return consistency;
  const known = [...OVERLAPPING.keys(), ...SINGLE.keys()].join(', ');
  throw refused(`unknown consistency ${JSON.stringify(name)}; known are ${known}`);
}

function replicationOf(text: string | null): number | undefined {
  if (text === null) return undefined;
  const copies = Number(text);
  if (Number.isInteger(copies) && copies >= 1 && copies <= REPLICATION_MAX) return copies;
  throw refused(`replication must be a number from 1 to ${REPLICATION_MAX}`);
}

function flagOf(text: string | null): boolean {
  if (text === null || text === 'false') return false;
  if (text === 'true') return true;
  throw refused('tls must be true or false');
}

function refused(why: string): DomainError {
  return new DomainError('BAD_USER_INPUT', `SCYLLA_URL: ${why}.`);
}
