import { Arg, Ctx, ID, Query, Resolver } from 'type-graphql';
import { notFound } from '../../domain/errors.ts';
import type { Principal } from '../../domain/principal.ts';
import type { RequestContext } from '../context.ts';
import { requireId } from '../inputs.ts';
import { NodeInterface } from '../types/common.ts';
import { shownDeployment } from './embedding-deployment.ts';

interface NodeSource {
  readonly id: string;
}
type Fetch = (context: RequestContext, principal: Principal, id: string) => Promise<NodeSource | undefined>;

/** By the prefix that every id begins with. */
const FETCH: Readonly<Record<string, Fetch>> = {
  doc: ({ services }, principal, id) => services.documents.get(principal, requireId('doc', id)),
  cnv: ({ services }, principal, id) => services.conversations.get(principal, requireId('cnv', id)),
  dep: async ({ services }, principal, id) =>
    shownDeployment(await services.deployments.get(principal, requireId('dep', id))),
  run: ({ services }, principal, id) => services.runs.get(principal, requireId('run', id)),
  wsp: ({ services }, principal) => services.workspaces.current(principal),
  usr: ({ services }, principal) => services.identity.getUser(principal),
  col: async (context, _principal, id) =>
    (await context.listCollections()).find((collection) => collection.id === id),
};

@Resolver()
export class NodeResolver {
  @Query(() => NodeInterface, {
    nullable: true,
    description: 'Anything by its id: yourself, your workspace and what is in it.',
  })
  async node(
    @Arg('id', () => ID, { description: 'The id, of any kind.' }) id: string,
    @Ctx() context: RequestContext,
  ): Promise<NodeSource> {
    const principal = context.requirePrincipal();
    const found = await FETCH[id.slice(0, 3)]?.(context, principal, id);
    if (found?.id !== id) throw notFound('node');
    return found;
  }
}
