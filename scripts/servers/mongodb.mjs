import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { resolveJars } from './install.mjs';
import { exchange, freePort, startDaemon } from './process.mjs';

const sources = fileURLToPath(new URL('./mongodb', import.meta.url));
const MAIN = 'VectorMongoServer';

/** mongo-java-server, which keeps everything in memory, with the search commands of Atlas added by our own class. */
export const key = 'MONGODB_URL';
export const packages = [
  { program: 'javac', name: 'openjdk-17-jdk-headless' },
  { program: 'mvn', name: 'maven' },
];
export const urlOf = (port) => `mongodb://127.0.0.1:${port}/multidb`;

export async function start(folder) {
  const lib = await resolveJars(folder, `${sources}/pom.xml`);
  const classes = `${folder}/classes`;
  await compile(`${sources}/${MAIN}.java`, lib, classes);
  const port = await freePort(27117);
  const limits = ['-Xmx512m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1'];
  // The last word turns the operation log on, without which there are no change streams.
  const args = [...limits, '-cp', `${classes}:${lib}/*`, MAIN, String(port), 'oplog'];
  return startDaemon(folder, { command: 'java', args, port, isReady });
}

async function compile(source, lib, classes) {
  const made = `${classes}/${MAIN}.class`;
  if (existsSync(made) && statSync(made).mtimeMs > statSync(source).mtimeMs) return;
  mkdirSync(classes, { recursive: true });
  const options = ['-nowarn', '-Xlint:none', '-cp', `${lib}/*`, '-d', classes];
  await promisify(execFile)('javac', [...options, source]);
}

/** `{ ping: 1, $db: 'admin' }` as OP_MSG; any answer will do. */
const PING = (() => {
  const document = Buffer.from('\x10ping\0\x01\0\0\0\x02$db\0\x06\0\0\0admin\0\0', 'latin1');
  const message = Buffer.alloc(16 + 4 + 1 + 4);
  message.writeInt32LE(message.length + document.length, 0);
  message.writeInt32LE(2013, 12);
  message.writeInt32LE(4 + document.length, 21);
  return Buffer.concat([message, document]);
})();

export async function isReady(port) {
  return (await exchange(port, PING)) !== undefined;
}
