import { Arg, Ctx, Mutation, Query, Resolver } from 'type-graphql';
import { DomainError } from '../../domain/errors.ts';
import type { ApiKeyRecord } from '../../domain/ports/identity.ts';
import type { RequestContext } from '../context.ts';
import { requireId, shortText } from '../inputs.ts';
import {
  ApiKeyObject,
  CreateApiKeyInput,
  CreateApiKeyPayloadObject,
  RevokeApiKeyInput,
  RevokeApiKeyPayloadObject,
} from '../types/identity.ts';

const NAME_LENGTH_MAX = 200;

@Resolver()
export class ApiKeyResolver {
  @Query(() => [ApiKeyObject], { description: 'The API keys of the workspace, newest first.' })
  apiKeys(@Ctx() context: RequestContext): Promise<readonly ApiKeyRecord[]> {
    return context.services.identity.listApiKeys(context.requirePrincipal());
  }

  @Mutation(() => CreateApiKeyPayloadObject, {
    description: 'Makes an API key; its secret is shown this once.',
  })
  createApiKey(
    @Arg('input', () => CreateApiKeyInput, { description: 'The new key.' }) input: CreateApiKeyInput,
    @Ctx() context: RequestContext,
  ): Promise<{ readonly secret: string; readonly apiKey: ApiKeyRecord }> {
    const principal = context.requirePrincipal();
    const name = shortText('name', input.name, NAME_LENGTH_MAX);
    const scopes = [...new Set(input.scopes)];
    if (scopes.length === 0) throw new DomainError('BAD_USER_INPUT', 'Name at least one scope.');
    return context.services.identity.createApiKey(principal, { name, role: input.role, scopes });
  }

  @Mutation(() => RevokeApiKeyPayloadObject, { description: 'Ends an API key at once.' })
  async revokeApiKey(
    @Arg('input', () => RevokeApiKeyInput, { description: 'Which key.' }) input: RevokeApiKeyInput,
    @Ctx() context: RequestContext,
  ): Promise<RevokeApiKeyPayloadObject> {
    const principal = context.requirePrincipal();
    const apiKeyId = requireId('key', input.apiKeyId);
    await context.services.identity.revokeApiKey(principal, apiKeyId);
    return { revokedApiKeyId: apiKeyId };
  }
}
