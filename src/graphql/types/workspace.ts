import { createUnionType, Field, ID, InputType, Int, ObjectType } from 'type-graphql';
import type { Role } from '../../domain/principal.ts';
import type { Quota, UsageTotals } from '../../domain/usage.ts';
import { RoleEnum } from '../enums.ts';
import { DateTime, SafeInt } from '../scalars.ts';
import { NodeInterface } from './common.ts';
import { LastOwner, NameTaken, typenameOf, UnknownUser } from './failures.ts';

@ObjectType('UsageTotals', { simpleResolvers: true, description: 'What a workspace has used, all time.' })
export class UsageTotalsObject implements UsageTotals {
  @Field(() => Int, { description: 'Answered messages.' })
  readonly messages!: number;

  @Field(() => SafeInt, { description: 'Tokens that models read.' })
  readonly inputTokens!: number;

  @Field(() => SafeInt, { description: 'Tokens that models wrote.' })
  readonly outputTokens!: number;

  @Field(() => SafeInt, { description: 'What it cost, in micro-units.' })
  readonly costMicros!: number;
}

@ObjectType('Quota', {
  simpleResolvers: true,
  description: 'What a workspace may spend in a calendar month (UTC).',
})
export class QuotaObject implements Quota {
  @Field(() => SafeInt, { nullable: true, description: 'The most, in micro-units; null: unlimited.' })
  readonly limitMicros!: number | null;

  @Field(() => SafeInt, { description: 'Spent this month, in micro-units.' })
  readonly usedMicros!: number;

  @Field(() => SafeInt, { description: 'Held for runs that go on, in micro-units.' })
  readonly reservedMicros!: number;

  @Field(() => DateTime, { nullable: true, description: 'When the next month begins.' })
  readonly resetsAt!: number;
}

@ObjectType('Workspace', {
  implements: NodeInterface,
  simpleResolvers: true,
  description: 'The tenant: everything belongs to exactly one.',
})
export class WorkspaceObject extends NodeInterface {
  @Field(() => String, { description: 'What it is called.' })
  readonly name!: string;

  @Field(() => ID, { description: 'The collection that documents go into unless told otherwise.' })
  readonly defaultCollectionId!: string;
}

@InputType({ description: 'What a workspace is made of.' })
export class CreateWorkspaceInput {
  @Field(() => String, { description: 'What to call it.' })
  readonly name!: string;
}

@ObjectType('CreateWorkspacePayload', { simpleResolvers: true, description: 'The new workspace.' })
export class CreateWorkspacePayloadObject {
  @Field(() => WorkspaceObject, { description: 'You are its owner; switch to it to act in it.' })
  readonly workspace!: WorkspaceObject;
}

@ObjectType('Member', { simpleResolvers: true, description: 'A user as a member of this workspace.' })
export class MemberObject {
  @Field(() => ID, { description: 'The user.' })
  readonly userId!: string;

  @Field(() => String, { description: "The user's e-mail." })
  readonly email!: string;

  @Field(() => RoleEnum, { description: 'What the user may do here.' })
  readonly role!: Role;
}

@InputType({ description: 'Whom to add, or whose role to change.' })
export class PutMemberInput {
  @Field(() => String, { description: 'E-mail of an existing account.' })
  readonly email!: string;

  @Field(() => RoleEnum, { description: 'The role from now on; not more than you have.' })
  readonly role!: Role;
}

@InputType({ description: 'Whom to remove.' })
export class RemoveMemberInput {
  @Field(() => ID, { description: 'The member.' })
  readonly userId!: string;
}

@ObjectType('MembersPayload', { simpleResolvers: true, description: 'The members after the change.' })
export class MembersPayloadObject {
  @Field(() => [MemberObject], { description: 'All members, oldest first.' })
  readonly members!: readonly MemberObject[];
}

export const MemberChangeResult = createUnionType({
  name: 'MemberChangeResult',
  description: 'The members after the change, or why nothing changed.',
  types: () => [MembersPayloadObject, UnknownUser, LastOwner] as const,
  resolveType: typenameOf,
});

@ObjectType('Collection', {
  implements: NodeInterface,
  simpleResolvers: true,
  description: 'A named set of documents that searches and messages can be limited to.',
})
export class CollectionObject extends NodeInterface {
  @Field(() => String, { description: 'What it is called; unique in the workspace.' })
  readonly name!: string;

  @Field(() => DateTime, { description: 'When it was made.' })
  readonly createdAt!: number;
}

@InputType({ description: 'What a collection is made of.' })
export class CreateCollectionInput {
  @Field(() => String, { description: 'What to call it; unique in the workspace.' })
  readonly name!: string;
}

@ObjectType('CreateCollectionSuccess', { simpleResolvers: true, description: 'The new collection.' })
export class CreateCollectionSuccessObject {
  @Field(() => CollectionObject, { description: 'The collection.' })
  readonly collection!: CollectionObject;
}

export const CreateCollectionResult = createUnionType({
  name: 'CreateCollectionResult',
  description: 'The new collection, or why there is none.',
  types: () => [CreateCollectionSuccessObject, NameTaken] as const,
  resolveType: typenameOf,
});
