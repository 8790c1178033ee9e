import { Arg, Ctx, Mutation, Resolver } from 'type-graphql';
import { assertNever } from '../../domain/errors.ts';
import type { LoginOutcome, SignedIn, SignUpOutcome } from '../../planes/services.ts';
import type { RequestContext } from '../context.ts';
import { optionalShortText, requireId, shortText } from '../inputs.ts';
import {
  emailTaken,
  type Failure,
  invalidCredentials,
  invalidRefreshToken,
  tooManyAttempts,
  weakPassword,
} from '../types/failures.ts';
import {
  LoginInput,
  LoginResult,
  LogoutPayloadObject,
  RefreshSessionInput,
  SignUpInput,
  SignUpResult,
  SwitchWorkspaceInput,
  SwitchWorkspacePayloadObject,
} from '../types/identity.ts';

const EMAIL_LENGTH_MAX = 320;
/** Argon2 reads all of it: the bound keeps one request from costing like a thousand. */
const PASSWORD_LENGTH_MAX = 1_024;
const NAME_LENGTH_MAX = 200;
const TOKEN_LENGTH_MAX = 1_024;

function loginSuccess(signedIn: SignedIn) {
  const { accessToken, expiresAt, refreshToken, user, workspace } = signedIn;
  return {
    __typename: 'LoginSuccess',
    accessToken,
    expiresAt,
    refreshToken,
    user: { ...user, accessToken },
    workspace: { ...workspace, accessToken },
  } as const;
}
type LoginSuccess = ReturnType<typeof loginSuccess>;

function loginResult(outcome: LoginOutcome, invalid: Failure): LoginSuccess | Failure {
  switch (outcome.kind) {
    case 'signed-in':
      return loginSuccess(outcome);
    case 'invalid-credentials':
      return invalid;
    case 'too-many-attempts':
      return tooManyAttempts(outcome.retryAfterMs);
    default:
      return assertNever(outcome);
  }
}

function signUpResult(outcome: SignUpOutcome): LoginSuccess | Failure {
  switch (outcome.kind) {
    case 'signed-in':
      return loginSuccess(outcome);
    case 'email-taken':
      return emailTaken;
    case 'weak-password':
      return weakPassword(outcome.message);
    case 'too-many-attempts':
      return tooManyAttempts(outcome.retryAfterMs);
    default:
      return assertNever(outcome);
  }
}

@Resolver()
export class SessionResolver {
  @Mutation(() => LoginResult, { description: 'Signs in to the default workspace.' })
  async login(
    @Arg('input', () => LoginInput, { description: 'E-mail and password.' }) input: LoginInput,
    @Ctx() context: RequestContext,
  ): Promise<LoginSuccess | Failure> {
    const email = shortText('email', input.email, EMAIL_LENGTH_MAX);
    const password = shortText('password', input.password, PASSWORD_LENGTH_MAX);
    const outcome = await context.services.identity.login({ email, password }, context.origin);
    return loginResult(outcome, invalidCredentials);
  }

  @Mutation(() => SignUpResult, {
    description: 'Makes an account with a workspace of its own, and signs in.',
  })
  async signUp(
    @Arg('input', () => SignUpInput, { description: 'The new account.' }) input: SignUpInput,
    @Ctx() context: RequestContext,
  ): Promise<LoginSuccess | Failure> {
    const email = shortText('email', input.email, EMAIL_LENGTH_MAX);
    const password = shortText('password', input.password, PASSWORD_LENGTH_MAX);
    const workspaceName = optionalShortText('workspaceName', input.workspaceName, NAME_LENGTH_MAX);
    const account = { email, password, workspaceName };
    return signUpResult(await context.services.identity.signUp(account, context.origin));
  }

  @Mutation(() => LoginResult, {
    description: 'Exchanges a refresh token, once; using it twice ends the session.',
  })
  async refreshSession(
    @Arg('input', () => RefreshSessionInput, { description: 'The refresh token.' })
    input: RefreshSessionInput,
    @Ctx() context: RequestContext,
  ): Promise<LoginSuccess | Failure> {
    const refreshToken = shortText('refreshToken', input.refreshToken, TOKEN_LENGTH_MAX);
    const outcome = await context.services.identity.refresh(refreshToken, context.origin);
    return loginResult(outcome, invalidRefreshToken);
  }

  @Mutation(() => LogoutPayloadObject, {
    description: 'Ends the session: all its tokens are refused at once.',
  })
  async logout(@Ctx() context: RequestContext): Promise<LogoutPayloadObject> {
    await context.services.identity.logout(context.requirePrincipal());
    return { loggedOut: true };
  }

  @Mutation(() => SwitchWorkspacePayloadObject, { description: 'New tokens for another of your workspaces.' })
  async switchWorkspace(
    @Arg('input', () => SwitchWorkspaceInput, { description: 'Where to.' }) input: SwitchWorkspaceInput,
    @Ctx() context: RequestContext,
  ): Promise<{ readonly session: LoginSuccess }> {
    const principal = context.requirePrincipal();
    const workspaceId = requireId('wsp', input.workspaceId);
    return { session: loginSuccess(await context.services.identity.switchWorkspace(principal, workspaceId)) };
  }
}
