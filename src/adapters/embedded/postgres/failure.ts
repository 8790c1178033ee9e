import type { DomainError } from '../../../domain/errors.ts';
import { storageError } from '../storage-error.ts';

const REASONS: readonly (readonly [RegExp, string])[] = [
  [/No space left on device|Disk quota exceeded|Check free disk space/i, 'the disk is full'],
  [/Read-only file system/i, 'its file system is read-only'],
  [
    /Permission denied|wrong ownership|invalid permissions/i,
    'it has no access to its files; check their owner and mode',
  ],
  [
    /incompatible with server|not compatible with this version/i,
    'the data is damaged, or another build of PostgreSQL wrote it; restore the data folder from a backup',
  ],
  [
    /could not locate a valid checkpoint|invalid (?:primary )?checkpoint|incorrect checksum|is not a database cluster|could not find the database system|missing or erroneous|lacks|could not open (?:file|directory) "(?:global|pg_|base|PG_)|invalid (?:data|contents)|PANIC/i,
    'the data is damaged; restore the data folder from a backup',
  ],
  [/Cannot allocate memory|could not (?:map|resize) .*shared memory/i, 'there is too little memory'],
  [
    /error while loading shared libraries|GLIBC|Exec format|ENOENT/i,
    'its programs do not run on this system; set DATABASE_URL to a PostgreSQL server of your own',
  ],
];

/** One sentence for what PostgreSQL wrote before it gave up; `log` names where the rest stands. */
export function explainFailure(doing: string, output: string, log?: string): DomainError {
  const known = REASONS.find(([pattern]) => pattern.test(output))?.[1];
  const reason = known ?? lastComplaint(output) ?? 'it ended without a word';
  const where = log === undefined ? '' : ` (see ${log})`;
  return storageError(`The embedded PostgreSQL could not ${doing}: ${reason}${where}.`);
}

function lastComplaint(output: string): string | undefined {
  const complaints = output.match(/(?:FATAL|PANIC|error):\s+.*/gi);
  return (complaints?.at(-1) ?? output.trim().split('\n').at(-1))?.trim().replace(/\.$/, '') || undefined;
}

/** Passing states: another postmaster of this folder is just going away. */
export function isTransient(output: string): boolean {
  return /lock file "postmaster.pid" already exists|pre-existing shared memory block/i.test(output);
}

export function isPortTaken(output: string): boolean {
  return /could not (?:bind|create any TCP\/IP sockets)|Address already in use/i.test(output);
}
