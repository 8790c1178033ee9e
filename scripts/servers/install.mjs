import { execFile as execFileWithCallback, spawnSync } from 'node:child_process';
import { existsSync, renameSync, rmSync } from 'node:fs';
import { promisify } from 'node:util';
import { say } from './process.mjs';

const execFile = promisify(execFileWithCallback);

const isOnPath = (program) =>
  process.env.PATH.split(':').some((folder) => existsSync(`${folder}/${program}`));

/** Installs Debian packages whose program is missing: `{ program, name }`, or `{ isPresent, name }`. */
export function installPackages(packages) {
  const missing = [
    ...new Set(
      packages
        .filter(({ program, isPresent }) => !(isPresent ? isPresent() : isOnPath(program)))
        .map(({ name }) => name),
    ),
  ];
  if (missing.length === 0) return;
  const install = ['apt-get', 'install', '-qy', '--no-install-recommends', ...missing];
  if (process.getuid?.() !== 0 || !isOnPath('apt-get'))
    throw new Error(`not installed: run as root on Debian: ${install.join(' ')}`);
  say(`installing ${missing.join(', ')}`);
  apt(['apt-get', 'update', '-q']);
  apt(install);
}

function apt([command, ...args]) {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const { status, stdout, stderr } = spawnSync(command, args, { env, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} failed:\n${stdout}${stderr}`);
}

/** The Java packages of a `pom.xml`, with all they need, in the folder's `lib`; taken from Maven Central once. */
export async function resolveJars(folder, pom) {
  const lib = `${folder}/lib`;
  if (existsSync(lib)) return lib;
  say(`resolving ${pom}`);
  const partial = `${folder}/lib.partial`;
  rmSync(partial, { recursive: true, force: true });
  await execFile('mvn', [
    ...['-q', '-B', '-f', pom, 'dependency:copy-dependencies'],
    ...[`-DoutputDirectory=${partial}`, '-DincludeScope=runtime'],
  ]);
  renameSync(partial, lib);
  return lib;
}
