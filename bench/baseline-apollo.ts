/**
 * The baseline for HTTP: Apollo Server on Fastify with plain resolvers over objects in memory, the same operations and
 * the same shapes as ours, Apollo's document store on, no authentication, no limits, no database.
 */
import type { AddressInfo } from 'node:net';
import { ApolloServer } from '@apollo/server';
import { fastifyApolloHandler } from '@as-integrations/fastify';
import Fastify from 'fastify';

const DOCUMENT_COUNT = Number(process.env['DOCUMENT_COUNT'] ?? 100);

const typeDefs = `
  scalar Cursor
  enum Role { OWNER ADMIN EDITOR VIEWER }
  enum DocumentStatus { QUEUED PROCESSING READY FAILED }
  type Workspace { id: ID! name: String! }
  type Membership { role: Role! workspace: Workspace! }
  type User { id: ID! email: String! memberships: [Membership!]! }
  type ErrorInfo { code: String! message: String! retryable: Boolean! }
  type Document {
    id: ID! title: String! status: DocumentStatus! version: Int! chunkCount: Int! error: ErrorInfo
  }
  type PageInfo { endCursor: Cursor hasNextPage: Boolean! }
  type DocumentEdge { cursor: Cursor! node: Document! }
  type DocumentConnection { edges: [DocumentEdge!]! pageInfo: PageInfo! }
  type Query { me: User! documents(first: Int, after: Cursor): DocumentConnection! }
`;

const user = {
  id: 'usr_01K00000000000000000000000',
  email: 'test@example.com',
  memberships: [{ role: 'OWNER', workspace: { id: 'wsp_01K00000000000000000000000', name: 'Demo' } }],
};
const edges = Array.from({ length: DOCUMENT_COUNT }, (_, index) => ({
  cursor: Buffer.from(`doc_01K0000000000000000000${1000 + index}/1767225600${index}`).toString('base64url'),
  node: {
    id: `doc_01K0000000000000000000${1000 + index}`,
    title: `Document ${index}`,
    status: 'READY',
    version: 1,
    chunkCount: 1,
    error: null,
  },
}));
const resolvers = {
  Query: {
    me: () => user,
    documents: (_root: unknown, { first }: { readonly first: number }) => ({
      edges: edges.slice(0, first),
      pageInfo: { endCursor: edges[first - 1]?.cursor ?? null, hasNextPage: first < edges.length },
    }),
  },
};

const apollo = new ApolloServer({ typeDefs, resolvers });
await apollo.start();
const app = Fastify({ logger: false });
app.route({ method: ['GET', 'POST'], url: '/graphql', handler: fastifyApolloHandler(apollo) });
await app.listen({ port: 0, host: '127.0.0.1' });
console.log(`ready http://127.0.0.1:${(app.server.address() as AddressInfo).port}`);
process.once('SIGTERM', () => process.exit(0));
