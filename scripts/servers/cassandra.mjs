import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { resolveJars } from './install.mjs';
import { exchange, freePort, startDaemon } from './process.mjs';

const sources = fileURLToPath(new URL('./cassandra', import.meta.url));

/** Cassandra stands in for ScyllaDB, which has no package to install; the adapter keeps to the CQL that both share. */
export const key = 'SCYLLA_URL';
export const packages = [
  { program: 'java', name: 'openjdk-17-jre-headless' },
  { program: 'mvn', name: 'maven' },
];
export const urlOf = (port) => `scylla://127.0.0.1:${port}/multidb?dc=datacenter1`;

/** What Cassandra's own start script opens of the JDK. */
const OPENS = [
  ...['java.io', 'java.lang', 'java.lang.module', 'java.lang.reflect', 'java.net', 'java.nio', 'java.util'],
  ...['java.util.concurrent', 'java.util.concurrent.atomic', 'jdk.internal.loader', 'jdk.internal.math'],
  ...[
    'jdk.internal.module',
    'jdk.internal.ref',
    'jdk.internal.reflect',
    'jdk.internal.util.jar',
    'sun.nio.ch',
  ],
]
  .map((name) => `java.base/${name}`)
  .concat('java.rmi/sun.rmi.transport.tcp', 'jdk.management/com.sun.management.internal')
  .concat('jdk.compiler/com.sun.tools.javac.file');
const EXPORTS = [
  ...['java.lang.ref', 'jdk.internal.misc', 'jdk.internal.ref', 'sun.nio.ch'].map(
    (name) => `java.base/${name}`,
  ),
  ...['java.management.rmi/com.sun.jmx.remote.internal.rmi', 'java.rmi/sun.rmi.registry'],
  ...['java.rmi/sun.rmi.server', 'java.sql/java.sql', 'jdk.unsupported/sun.misc'],
];

/** One node, quick to start; data is flushed without fsync of system tables ("unsafe system"), which tests can afford. */
export async function start(folder) {
  const lib = await resolveJars(folder, `${sources}/pom.xml`);
  const [port, storagePort] = [await freePort(29042), await freePort(27000)];
  const [data, conf] = [`${folder}/data`, `${folder}/conf`];
  for (const made of [data, conf]) mkdirSync(made, { recursive: true });
  const values = { PORT: port, STORAGE_PORT: storagePort, DATA: data };
  const settings = readFileSync(`${sources}/cassandra.yaml`, 'utf8');
  const filled = settings.replaceAll(/\$([A-Z_]+)/g, (whole, name) => values[name] ?? whole);
  writeFileSync(`${conf}/cassandra.yaml`, filled);
  copyFileSync(`${sources}/logback.xml`, `${conf}/logback.xml`);
  const jars = readdirSync(lib).map((name) => `${lib}/${name}`);
  const properties = {
    'jdk.attach.allowAttachSelf': true,
    'cassandra.config': `file://${conf}/cassandra.yaml`,
    'cassandra.storagedir': data,
    'logback.configurationFile': `${conf}/logback.xml`,
    'cassandra.superuser_setup_delay_ms': 0,
    'cassandra.ring_delay_ms': 100,
    'cassandra.skip_wait_for_gossip_to_settle': 0,
    'cassandra.jmx.local.port': 0,
    'cassandra-foreground': 'yes',
    'cassandra.unsafesystem': true,
    'io.netty.tryReflectionSetAccessible': true,
  };
  const args = [
    `-javaagent:${jars.find((jar) => jar.includes('/jamm-'))}`,
    ...['-Xms512M', '-Xmx512M', '-Xss512k', '-XX:MaxDirectMemorySize=256M', '-XX:+UseSerialGC'],
    ...OPENS.flatMap((opened) => ['--add-opens', `${opened}=ALL-UNNAMED`]),
    ...EXPORTS.flatMap((exported) => ['--add-exports', `${exported}=ALL-UNNAMED`]),
    ...Object.entries(properties).map(([name, value]) => `-D${name}=${value}`),
    ...['-cp', [conf, ...jars].join(':'), 'org.apache.cassandra.service.CassandraDaemon'],
  ];
  return startDaemon(folder, { command: 'java', args, port, isReady });
}

/** An OPTIONS frame of the native protocol, version 4; opcode 6 answers SUPPORTED. */
export async function isReady(port) {
  const answer = await exchange(port, Buffer.from([4, 0, 0, 0, 5, 0, 0, 0, 0]));
  return answer?.charCodeAt(4) === 6;
}
