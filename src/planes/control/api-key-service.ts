import { DomainError, notFound } from '../../domain/errors.ts';
import type { ApiKeyId } from '../../domain/ids.ts';
import type { ApiKeyRecord, ApiKeyRepository } from '../../domain/ports/identity.ts';
import type { Clock, IdGenerator, Random } from '../../domain/ports/system.ts';
import {
  type ApiKeyScope,
  authorize,
  type Principal,
  type Role,
  roleCovers,
} from '../../domain/principal.ts';
import type { CredentialStates } from './credential-states.ts';
import { newApiKeySecret, parseName } from './credentials.ts';

interface ApiKeyServiceDeps {
  readonly apiKeys: ApiKeyRepository;
  readonly states: CredentialStates;
  readonly clock: Clock;
  readonly random: Random;
  readonly ids: IdGenerator;
}
export interface NewApiKey {
  readonly name: string;
  readonly role: Role;
  readonly scopes: readonly ApiKeyScope[];
}

const API_KEY_COUNT_MAX = 100;

/** Keys of the principal's workspace. A key is never mightier than who makes it, and its secret is shown once. */
export class ApiKeyService {
  readonly #deps: ApiKeyServiceDeps;

  constructor(deps: ApiKeyServiceDeps) {
    this.#deps = deps;
  }

  async create(
    principal: Principal,
    input: NewApiKey,
  ): Promise<{ readonly secret: string; readonly apiKey: ApiKeyRecord }> {
    authorize(principal, 'apiKey:manage');
    const name = parseName(input.name);
    const scopes = grantableScopes(principal, input);
    const { workspaceId, userId } = principal;
    const existing = await this.#deps.apiKeys.list({ workspaceId });
    if (existing.length >= API_KEY_COUNT_MAX) {
      throw new DomainError('LIMIT_EXCEEDED', `A workspace has at most ${API_KEY_COUNT_MAX} API keys.`);
    }
    const secret = newApiKeySecret(this.#deps.random);
    const apiKey: ApiKeyRecord = {
      id: this.#deps.ids.next('key'),
      workspaceId,
      userId,
      name,
      role: input.role,
      scopes,
      secretHash: secret.hash,
      createdAt: this.#deps.clock.now(),
      revokedAt: null,
    };
    await this.#deps.apiKeys.create({ workspaceId }, apiKey);
    return { secret: secret.value, apiKey };
  }

  async list(principal: Principal): Promise<readonly ApiKeyRecord[]> {
    authorize(principal, 'apiKey:manage');
    return this.#deps.apiKeys.list({ workspaceId: principal.workspaceId });
  }

  /** Refused from the next call on, on every node. */
  async revoke(principal: Principal, apiKeyId: ApiKeyId): Promise<void> {
    authorize(principal, 'apiKey:manage');
    const scope = { workspaceId: principal.workspaceId };
    const outcome = await this.#deps.apiKeys.revoke(scope, apiKeyId, this.#deps.clock.now());
    if (outcome === 'unknown') throw notFound('API key');
    await this.#deps.states.forgetApiKey(apiKeyId);
  }
}

function grantableScopes(principal: Principal, { role, scopes }: NewApiKey): readonly ApiKeyScope[] {
  const distinct = [...new Set(scopes)];
  if (distinct.length === 0) throw new DomainError('BAD_USER_INPUT', 'An API key needs at least one scope.');
  const held = principal.kind === 'user' ? distinct : principal.scopes;
  if (!roleCovers(principal.role, role) || !distinct.every((scope) => held.includes(scope))) {
    throw new DomainError('FORBIDDEN', 'An API key cannot do more than the one who makes it.');
  }
  return distinct;
}
