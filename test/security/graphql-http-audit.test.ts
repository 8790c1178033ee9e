import { serverAudits } from 'graphql-http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type EdgeServer, startEdge } from '../support/edge-server.ts';

let edge: EdgeServer;
beforeAll(async () => {
  edge = await startEdge();
});
afterAll(() => edge.close());

/** As a browser's script would have to: queries by GET need a header that makes it ask for permission first. */
const fetchFn = (url: string, init: RequestInit = {}) =>
  fetch(url, { ...init, headers: { 'apollo-require-preflight': 'audit', ...init.headers } });

/**
 * SHOULDs that we answer otherwise. For the older media type `application/json` the specification would have 200 for
 * a document that does not parse or validate, and for variables that do not fit; Apollo Server answers 400, as
 * everybody must for `application/graphql-response+json`. One status for one mistake is worth more to clients, logs
 * and proxies than the difference between the two types.
 */
const EXPECTED_WARNINGS: readonly string[] = ['572B', 'FDE2', '7B9B'];

describe('GraphQL over HTTP, audited by graphql-http', () => {
  it('has no errors, and no warnings but the explained ones', { timeout: 60_000 }, async () => {
    const audits = serverAudits({ url: `${edge.url}/graphql`, fetchFn });
    const errors: string[] = [];
    const warnings: string[] = [];
    for (const audit of audits) {
      const result = await audit.fn();
      if (result.status === 'error') errors.push(`${audit.id} ${audit.name}: ${result.reason}`);
      if (result.status === 'warn') warnings.push(audit.id);
    }
    expect(audits.length).toBeGreaterThan(40);
    expect(errors).toEqual([]);
    expect(warnings).toEqual(EXPECTED_WARNINGS);
  });
});
