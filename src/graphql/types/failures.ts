/** What a client must branch on is data: every failure type of a result union. */
import { Field, Int, InterfaceType, ObjectType } from 'type-graphql';

@InterfaceType('UserError', {
  description: 'A failure that the caller can do something about.',
  resolveType: (value: { readonly __typename: string }) => value.__typename,
})
export abstract class UserError {
  @Field(() => String, { description: 'Stable code to branch on.', simple: true })
  readonly code!: string;

  @Field(() => String, { description: 'A sentence to show.', simple: true })
  readonly message!: string;
}

@ObjectType({ implements: UserError, description: 'E-mail, password or refresh token are not right.' })
export class InvalidCredentials extends UserError {}

@ObjectType({
  implements: UserError,
  description: 'Too many attempts for this account or from this address.',
})
export class TooManyAttempts extends UserError {
  @Field(() => Int, { description: 'Milliseconds to wait before trying again.', simple: true })
  readonly retryAfterMs!: number;
}

@ObjectType({ implements: UserError, description: 'There is an account with this e-mail already.' })
export class EmailTaken extends UserError {}

@ObjectType({
  implements: UserError,
  description: 'The password is too easy to guess; the message says why.',
})
export class WeakPassword extends UserError {}

@ObjectType({ implements: UserError, description: 'The workspace has used up its quota.' })
export class QuotaExceeded extends UserError {}

@ObjectType({ implements: UserError, description: 'This idempotency key came before with another payload.' })
export class IdempotencyConflict extends UserError {}

@ObjectType({ implements: UserError, description: 'The kind of document is not one that can be read.' })
export class UnsupportedDocument extends UserError {}

@ObjectType({ implements: UserError, description: 'The document is larger than allowed.' })
export class DocumentTooLarge extends UserError {}

@ObjectType({ implements: UserError, description: 'Nobody has an account with this e-mail, or is a member.' })
export class UnknownUser extends UserError {}

@ObjectType({ implements: UserError, description: 'A workspace keeps at least one owner.' })
export class LastOwner extends UserError {}

@ObjectType({ implements: UserError, description: 'The workspace has a collection of this name already.' })
export class NameTaken extends UserError {}

/** A member of a result union, as resolvers return it. */
export interface Failure {
  readonly __typename: string;
  readonly code: string;
  readonly message: string;
  readonly retryAfterMs?: number;
}

export const invalidCredentials: Failure = {
  __typename: 'InvalidCredentials',
  code: 'INVALID_CREDENTIALS',
  message: 'E-mail or password are not right.',
};
export const invalidRefreshToken: Failure = {
  __typename: 'InvalidCredentials',
  code: 'INVALID_CREDENTIALS',
  message: 'The refresh token is not valid, or not any more. Log in again.',
};
export const emailTaken: Failure = {
  __typename: 'EmailTaken',
  code: 'EMAIL_TAKEN',
  message: 'There is an account with this e-mail already.',
};
export const quotaExceeded: Failure = {
  __typename: 'QuotaExceeded',
  code: 'QUOTA_EXCEEDED',
  message: 'The quota of this workspace is used up.',
};
export const idempotencyConflict: Failure = {
  __typename: 'IdempotencyConflict',
  code: 'IDEMPOTENCY_CONFLICT',
  message: 'This idempotency key came before with another payload.',
};
export const unknownUser: Failure = {
  __typename: 'UnknownUser',
  code: 'UNKNOWN_USER',
  message: 'No such user here.',
};
export const lastOwner: Failure = {
  __typename: 'LastOwner',
  code: 'LAST_OWNER',
  message: 'A workspace keeps at least one owner.',
};
export const nameTaken: Failure = {
  __typename: 'NameTaken',
  code: 'NAME_TAKEN',
  message: 'The workspace has a collection of this name already.',
};

export function tooManyAttempts(retryAfterMs: number): Failure {
  const message = 'Too many attempts; wait a while.';
  return {
    __typename: 'TooManyAttempts',
    code: 'TOO_MANY_ATTEMPTS',
    message,
    retryAfterMs: Math.ceil(retryAfterMs),
  };
}

export function weakPassword(message: string): Failure {
  return { __typename: 'WeakPassword', code: 'WEAK_PASSWORD', message };
}

export function unsupportedDocument(message: string): Failure {
  return { __typename: 'UnsupportedDocument', code: 'UNSUPPORTED_DOCUMENT', message };
}

export function documentTooLarge(message: string): Failure {
  return { __typename: 'DocumentTooLarge', code: 'DOCUMENT_TOO_LARGE', message };
}

/** How every result union finds its member. */
export function typenameOf(value: object): string | undefined {
  return '__typename' in value ? String(value.__typename) : undefined;
}
