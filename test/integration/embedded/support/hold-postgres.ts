import { startEmbeddedPostgres } from '../../../../src/adapters/embedded/postgres/start-embedded-postgres.ts';

/** Uses the PostgreSQL of the given folder until it is killed. */
const quiet = { debug() {}, info() {}, warn() {}, error() {} };
const { url } = await startEmbeddedPostgres({ folder: process.argv[2] ?? '', log: quiet });
console.log(JSON.stringify({ url }));
setInterval(() => undefined, 60_000);
