/** The thread that searches the chunk index: it owns the vectors in memory, and a scan stops nobody else. */
import type { DatabaseSync } from 'node:sqlite';
import { workerData } from 'node:worker_threads';
import { ChunkReader } from './chunk-reader.ts';
import { ChunkSearcher } from './chunk-searcher.ts';
import { openReader } from './open-database.ts';
import { serveThread } from './thread-server.ts';

const { path } = workerData as { readonly path: string };
const database = openReader(path);
const searcher = new ChunkSearcher(database);
const reader = new ChunkReader(database);

/** One state of the file for the whole call, whatever is published meanwhile. */
function reading<Input, Output>(work: (input: Input) => Output): (input: Input) => Output {
  return (input) => inReadTransaction(database, () => work(input));
}

function inReadTransaction<T>(on: DatabaseSync, work: () => T): T {
  on.exec('BEGIN');
  try {
    return work();
  } finally {
    on.exec('ROLLBACK');
  }
}

const operations = {
  ping: reading((_: undefined) => undefined),
  searchLexical: reading(searcher.searchLexical.bind(searcher)),
  scoreLexical: reading(searcher.scoreLexical.bind(searcher)),
  searchVector: reading(searcher.searchVector.bind(searcher)),
  scoreVector: reading(searcher.scoreVector.bind(searcher)),
  get: reading(reader.get.bind(reader)),
  listVersion: reading(reader.listVersion.bind(reader)),
  findVectors: reading(reader.findVectors.bind(reader)),
  listUnembedded: reading(reader.listUnembedded.bind(reader)),
  countEmbedded: reading(reader.countEmbedded.bind(reader)),
  tokenStatistics: reading(reader.tokenStatistics.bind(reader)),
};
export type ChunkReadOperations = typeof operations;

serveThread(path, operations);
