import { Arg, Ctx, FieldResolver, Mutation, Query, Resolver, Root } from 'type-graphql';
import { DomainError } from '../../domain/errors.ts';
import type { CollectionRecord, MemberRecord, WorkspaceRecord } from '../../domain/ports/identity.ts';
import type { Principal } from '../../domain/principal.ts';
import type { Quota, UsageTotals } from '../../domain/usage.ts';
import type { MemberChangeOutcome } from '../../planes/services.ts';
import type { RequestContext, SignedInSource } from '../context.ts';
import { requireId, shortText } from '../inputs.ts';
import { type Failure, lastOwner, nameTaken, unknownUser } from '../types/failures.ts';
import {
  CollectionObject,
  CreateCollectionInput,
  CreateCollectionResult,
  CreateWorkspaceInput,
  CreateWorkspacePayloadObject,
  MemberChangeResult,
  MemberObject,
  PutMemberInput,
  QuotaObject,
  RemoveMemberInput,
  UsageTotalsObject,
  WorkspaceObject,
} from '../types/workspace.ts';

const NAME_LENGTH_MAX = 200;
const EMAIL_LENGTH_MAX = 320;

type WorkspaceSource = WorkspaceRecord & SignedInSource;

/** The figures of a workspace are shown inside it alone: a token acts in one workspace. */
async function actingInside(workspace: WorkspaceSource, context: RequestContext): Promise<Principal> {
  const principal = await context.actingPrincipal(workspace);
  if (principal.workspaceId === workspace.id) return principal;
  throw new DomainError('FORBIDDEN', 'Switch to this workspace to see its usage and quota.');
}

@Resolver(() => WorkspaceObject)
export class WorkspaceResolver {
  @Query(() => WorkspaceObject, { description: 'The workspace that the token acts in.' })
  workspace(@Ctx() context: RequestContext): Promise<WorkspaceSource> {
    return context.services.workspaces.current(context.requirePrincipal());
  }

  @FieldResolver(() => UsageTotalsObject, { description: 'What it has used, all time.' })
  async usage(@Root() workspace: WorkspaceSource, @Ctx() context: RequestContext): Promise<UsageTotals> {
    return context.services.workspaces.usage(await actingInside(workspace, context));
  }

  @FieldResolver(() => QuotaObject, { description: 'What it may spend this month.' })
  async quota(@Root() workspace: WorkspaceSource, @Ctx() context: RequestContext): Promise<Quota> {
    return context.services.workspaces.quota(await actingInside(workspace, context));
  }

  @Mutation(() => CreateWorkspacePayloadObject, { description: 'Makes a workspace that you own.' })
  async createWorkspace(
    @Arg('input', () => CreateWorkspaceInput, { description: 'The new workspace.' })
    input: CreateWorkspaceInput,
    @Ctx() context: RequestContext,
  ): Promise<{ readonly workspace: WorkspaceRecord }> {
    const principal = context.requirePrincipal();
    const name = shortText('name', input.name, NAME_LENGTH_MAX);
    return { workspace: await context.services.workspaces.create(principal, { name }) };
  }
}

@Resolver(() => CollectionObject)
export class CollectionResolver {
  @Query(() => [CollectionObject], { description: 'All collections of the workspace, oldest first.' })
  collections(@Ctx() context: RequestContext): Promise<readonly CollectionRecord[]> {
    return context.listCollections();
  }

  @Mutation(() => CreateCollectionResult, { description: 'Makes an empty collection.' })
  async createCollection(
    @Arg('input', () => CreateCollectionInput, { description: 'The new collection.' })
    input: CreateCollectionInput,
    @Ctx() context: RequestContext,
  ): Promise<Failure | { readonly __typename: string; readonly collection: CollectionRecord }> {
    const principal = context.requirePrincipal();
    const name = shortText('name', input.name, NAME_LENGTH_MAX);
    const outcome = await context.services.workspaces.createCollection(principal, { name });
    if (outcome === 'name-taken') return nameTaken;
    return { __typename: 'CreateCollectionSuccess', collection: outcome };
  }
}

@Resolver(() => MemberObject)
export class MemberResolver {
  @Query(() => [MemberObject], { description: 'All members of the workspace, oldest first.' })
  members(@Ctx() context: RequestContext): Promise<readonly MemberRecord[]> {
    return context.services.workspaces.listMembers(context.requirePrincipal());
  }

  @Mutation(() => MemberChangeResult, {
    description: 'Adds an existing user, or changes the role of a member.',
  })
  async putMember(
    @Arg('input', () => PutMemberInput, { description: 'Whom, as what.' }) input: PutMemberInput,
    @Ctx() context: RequestContext,
  ): Promise<Failure | { readonly members: readonly MemberRecord[] }> {
    const principal = context.requirePrincipal();
    const email = shortText('email', input.email, EMAIL_LENGTH_MAX);
    const { role } = input;
    return changed(await context.services.workspaces.putMember(principal, { email, role }), context);
  }

  @Mutation(() => MemberChangeResult, { description: 'Removes a member; their access ends at once.' })
  async removeMember(
    @Arg('input', () => RemoveMemberInput, { description: 'Whom.' }) input: RemoveMemberInput,
    @Ctx() context: RequestContext,
  ): Promise<Failure | { readonly members: readonly MemberRecord[] }> {
    const principal = context.requirePrincipal();
    const userId = requireId('usr', input.userId);
    return changed(await context.services.workspaces.removeMember(principal, userId), context);
  }
}

async function changed(outcome: MemberChangeOutcome, context: RequestContext) {
  if (outcome === 'unknown-user') return unknownUser;
  if (outcome === 'last-owner') return lastOwner;
  const members = await context.services.workspaces.listMembers(context.requirePrincipal());
  return { __typename: 'MembersPayload', members };
}
