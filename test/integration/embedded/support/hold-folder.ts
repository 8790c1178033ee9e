import { openDataFolder } from '../../../../src/adapters/embedded/folder.ts';

/** Serves the given data folder until it is killed. */
const quiet = { debug() {}, info() {}, warn() {}, error() {} };
await openDataFolder({ path: process.argv[2] ?? '', role: 'serve', log: quiet });
console.log(JSON.stringify({ ready: true }));
setInterval(() => undefined, 60_000);
