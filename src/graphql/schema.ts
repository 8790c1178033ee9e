import 'reflect-metadata';
import {
  GraphQLInputObjectType,
  type GraphQLSchema,
  isIntrospectionType,
  isSpecifiedScalarType,
  printType,
} from 'graphql';
import { buildSchemaSync, type PubSub } from 'type-graphql';
import { ApiKeyResolver } from './resolvers/api-key.ts';
import { CitationResolver, ConversationResolver } from './resolvers/conversation.ts';
import { DocumentResolver } from './resolvers/document.ts';
import {
  CollectionDeploymentsResolver,
  EmbeddingDeploymentResolver,
} from './resolvers/embedding-deployment.ts';
import { IngestResolver } from './resolvers/ingest.ts';
import { NodeResolver } from './resolvers/node.ts';
import { RunEndResolver, RunResolver } from './resolvers/run.ts';
import { SearchResolver } from './resolvers/search.ts';
import { SessionResolver } from './resolvers/session.ts';
import { UserResolver } from './resolvers/user.ts';
import { CollectionResolver, MemberResolver, WorkspaceResolver } from './resolvers/workspace.ts';
import { RUN_EVENT_TYPES } from './types/run-event.ts';

/** type-graphql demands one even where every subscription brings its own `subscribe`; nothing ever goes through it. */
const unusedPubSub: PubSub = {
  publish() {
    throw new Error('subscriptions read feeds; nothing is published');
  },
  subscribe() {
    throw new Error('subscriptions read feeds; nothing is published');
  },
};

const ONE_OF_INPUTS = ['DocumentSourceInput'];
const ROOT_DESCRIPTIONS: Readonly<Record<string, string>> = {
  Query: 'What can be read.',
  Mutation: 'What can be changed. Every mutation takes one input and returns one payload.',
  Subscription: 'What can be watched. Every stream resumes after a cursor and completes by itself.',
};

let built: GraphQLSchema | undefined;

/** The one schema of the process: type-graphql keeps its metadata in a global, and building twice costs start-up time. */
export function buildGraphSchema(): GraphQLSchema {
  built ??= finish(
    buildSchemaSync({
      resolvers: [
        NodeResolver,
        SessionResolver,
        UserResolver,
        WorkspaceResolver,
        MemberResolver,
        ApiKeyResolver,
        CollectionResolver,
        EmbeddingDeploymentResolver,
        CollectionDeploymentsResolver,
        DocumentResolver,
        IngestResolver,
        SearchResolver,
        ConversationResolver,
        CitationResolver,
        RunResolver,
        RunEndResolver,
      ],
      orphanedTypes: RUN_EVENT_TYPES,
      pubSub: unusedPubSub,
      // Its validation errors echo what was submitted, passwords too. Inputs are parsed by hand.
      validate: false,
    }),
  );
  return built;
}

/** What type-graphql 2.0.0-rc.4 has no words for. */
function finish(schema: GraphQLSchema): GraphQLSchema {
  for (const name of ONE_OF_INPUTS) {
    const type = schema.getType(name);
    if (!(type instanceof GraphQLInputObjectType)) throw new Error(`${name} is not an input type`);
    type.isOneOf = true;
  }
  for (const [name, description] of Object.entries(ROOT_DESCRIPTIONS)) {
    const type = schema.getType(name);
    if (type !== undefined) type.description = description;
  }
  return schema;
}

/** The text of schema.graphql: what to call first, then everything else by name; fields in the order of their classes. */
export function printGraphSchema(): string {
  const roots = Object.keys(ROOT_DESCRIPTIONS).reverse();
  const types = Object.values(buildGraphSchema().getTypeMap())
    .filter((type) => !isIntrospectionType(type) && !isSpecifiedScalarType(type))
    .sort((a, b) => roots.indexOf(b.name) - roots.indexOf(a.name) || (a.name < b.name ? -1 : 1));
  return `${types.map(printType).join('\n\n')}\n`;
}
