import { createUnionType, Field, ID, InputType, ObjectType } from 'type-graphql';
import type { ApiKeyScope, Role } from '../../domain/principal.ts';
import { ApiKeyScopeEnum, RoleEnum } from '../enums.ts';
import { DateTime } from '../scalars.ts';
import { NodeInterface } from './common.ts';
import { EmailTaken, InvalidCredentials, TooManyAttempts, typenameOf, WeakPassword } from './failures.ts';
import { WorkspaceObject } from './workspace.ts';

@ObjectType('User', {
  implements: NodeInterface,
  simpleResolvers: true,
  description: 'A person with an account.',
})
export class UserObject extends NodeInterface {
  @Field(() => String, { description: 'The e-mail that the user signs in with.' })
  readonly email!: string;
}

@ObjectType('Membership', { simpleResolvers: true, description: "A user's place in a workspace." })
export class MembershipObject {
  @Field(() => RoleEnum, { description: 'What the user may do there.' })
  readonly role!: Role;

  @Field(() => WorkspaceObject, { description: 'The workspace.' })
  readonly workspace!: WorkspaceObject;
}

@ObjectType('LoginSuccess', { simpleResolvers: true, description: 'Tokens for one user in one workspace.' })
export class LoginSuccessObject {
  @Field(() => String, { description: 'Send it as `authorization: Bearer …` until it expires.' })
  readonly accessToken!: string;

  @Field(() => DateTime, { description: 'When the access token expires.' })
  readonly expiresAt!: number;

  @Field(() => String, { description: 'Exchange it, once, for new tokens.' })
  readonly refreshToken!: string;

  @Field(() => UserObject, { description: 'Who is signed in.' })
  readonly user!: UserObject;

  @Field(() => WorkspaceObject, { description: 'The workspace that the tokens act in.' })
  readonly workspace!: WorkspaceObject;
}

export const LoginResult = createUnionType({
  name: 'LoginResult',
  description: 'Tokens, or why there are none.',
  types: () => [LoginSuccessObject, InvalidCredentials, TooManyAttempts] as const,
  resolveType: typenameOf,
});

export const SignUpResult = createUnionType({
  name: 'SignUpResult',
  description: 'Tokens of the new account, or why there is none.',
  types: () => [LoginSuccessObject, EmailTaken, WeakPassword, TooManyAttempts] as const,
  resolveType: typenameOf,
});

@InputType({ description: 'What to log in with.' })
export class LoginInput {
  @Field(() => String, { description: 'E-mail of the account, in any case.' })
  readonly email!: string;

  @Field(() => String, { description: 'Its password.' })
  readonly password!: string;
}

@InputType({ description: 'What a new account is made of.' })
export class SignUpInput {
  @Field(() => String, { description: 'E-mail to sign in with.' })
  readonly email!: string;

  @Field(() => String, { description: 'A password of 10 to 200 characters, other than the e-mail.' })
  readonly password!: string;

  @Field(() => String, {
    nullable: true,
    description: 'Name of the first workspace; default: from the e-mail.',
  })
  readonly workspaceName?: string | null;
}

@InputType({ description: 'What to exchange for new tokens.' })
export class RefreshSessionInput {
  @Field(() => String, { description: 'The newest refresh token of the session; it is used up by this.' })
  readonly refreshToken!: string;
}

@InputType({ description: 'Which workspace to act in.' })
export class SwitchWorkspaceInput {
  @Field(() => ID, { description: 'A workspace that you are a member of.' })
  readonly workspaceId!: string;
}

@ObjectType('SwitchWorkspacePayload', {
  simpleResolvers: true,
  description: 'Tokens for the other workspace.',
})
export class SwitchWorkspacePayloadObject {
  @Field(() => LoginSuccessObject, {
    description: 'The new tokens; the old ones are refused from now on.',
  })
  readonly session!: LoginSuccessObject;
}

@ObjectType('LogoutPayload', { simpleResolvers: true, description: 'What logging out did.' })
export class LogoutPayloadObject {
  @Field(() => Boolean, { description: 'True: all tokens of the session are refused from now on.' })
  readonly loggedOut!: boolean;
}

@ObjectType('ApiKey', {
  simpleResolvers: true,
  description: 'A credential for programs, bound to a workspace.',
})
export class ApiKeyObject {
  @Field(() => ID, { description: 'Opaque identifier.' })
  readonly id!: string;

  @Field(() => String, { description: 'What it is called.' })
  readonly name!: string;

  @Field(() => RoleEnum, { description: 'The most it may do.' })
  readonly role!: Role;

  @Field(() => [ApiKeyScopeEnum], { description: 'What it may be used for, within its role.' })
  readonly scopes!: readonly ApiKeyScope[];

  @Field(() => DateTime, { description: 'When it was made.' })
  readonly createdAt!: number;
}

@InputType({ description: 'What an API key is made of.' })
export class CreateApiKeyInput {
  @Field(() => String, { description: 'What to call it.' })
  readonly name!: string;

  @Field(() => RoleEnum, { description: 'The most it may do; not more than you may.' })
  readonly role!: Role;

  @Field(() => [ApiKeyScopeEnum], { description: 'What it may be used for; at least one.' })
  readonly scopes!: ApiKeyScope[];
}

@ObjectType('CreateApiKeyPayload', { simpleResolvers: true, description: 'The new API key.' })
export class CreateApiKeyPayloadObject {
  @Field(() => String, {
    description: 'The key itself, shown this once: send it as `authorization: Bearer …`.',
  })
  readonly secret!: string;

  @Field(() => ApiKeyObject, { description: 'What is known of it from now on.' })
  readonly apiKey!: ApiKeyObject;
}

@InputType({ description: 'Which API key to end.' })
export class RevokeApiKeyInput {
  @Field(() => ID, { description: 'The API key.' })
  readonly apiKeyId!: string;
}

@ObjectType('RevokeApiKeyPayload', { simpleResolvers: true, description: 'What revoking did.' })
export class RevokeApiKeyPayloadObject {
  @Field(() => ID, { description: 'The API key that is refused from now on.' })
  readonly revokedApiKeyId!: string;
}
