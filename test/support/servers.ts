/** Real servers for tests. `npm run servers -- start` prints their URLs as KEY=url; tests read them as KEY_TEST. */
export type ServerVariable = 'DATABASE_URL_TEST' | 'MONGODB_URL_TEST' | 'SCYLLA_URL_TEST' | 'REDIS_URL_TEST';

export interface TestServer {
  /** undefined: its tests are left out. */
  readonly url: string | undefined;
  /** A suite's name; without a server, with the reason why it is left out. */
  nameOf(suite: string): string;
}

export function findTestServer(variable: ServerVariable): TestServer {
  const url = process.env[variable];
  const reason = `needs ${variable}: \`npm run servers -- start\` prints its URL`;
  return { url, nameOf: (suite) => (url === undefined ? `${suite} (${reason})` : suite) };
}
