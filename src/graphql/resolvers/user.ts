import { Ctx, FieldResolver, Query, Resolver, Root } from 'type-graphql';
import type { UserId } from '../../domain/ids.ts';
import type { MembershipRecord } from '../../domain/ports/identity.ts';
import type { RequestContext, SignedInSource } from '../context.ts';
import { MembershipObject, UserObject } from '../types/identity.ts';

export interface UserSource extends SignedInSource {
  readonly id: UserId;
  readonly email: string;
}

@Resolver(() => UserObject)
export class UserResolver {
  @Query(() => UserObject, { description: 'Who is signed in.' })
  me(@Ctx() context: RequestContext): Promise<UserSource> {
    return context.services.identity.getUser(context.requirePrincipal());
  }

  @FieldResolver(() => [MembershipObject], { description: 'All workspaces of the user.' })
  async memberships(
    @Root() user: UserSource,
    @Ctx() context: RequestContext,
  ): Promise<readonly Pick<MembershipRecord, 'role' | 'workspace'>[]> {
    const { accessToken } = user;
    const principal = await context.actingPrincipal(user);
    const memberships = await context.services.identity.listMemberships(principal);
    return memberships.map(({ role, workspace }) => ({ role, workspace: { ...workspace, accessToken } }));
  }
}
