import type { Passage } from '../../../domain/document.ts';
import { DomainError } from '../../../domain/errors.ts';
import type { CollectionRepository } from '../../../domain/ports/identity.ts';
import type { RateLimit, RateLimiter } from '../../../domain/ports/limits.ts';
import type { Clock } from '../../../domain/ports/system.ts';
import { authorize, type Principal, principalKey } from '../../../domain/principal.ts';
import type { SearchApi, SearchCommand } from '../../services.ts';
import { checkCollections } from '../collection-check.ts';
import { withDeadline } from '../deadline.ts';
import { takeRate } from '../rate.ts';
import { parseFilter } from './filter.ts';
import type { Retriever } from './retriever.ts';

const FIRST_MAX = 100;
const QUERY_LENGTH_MAX = 4_000;

export interface SearchServiceDeps {
  readonly retriever: Retriever;
  readonly collections: Pick<CollectionRepository, 'find'>;
  readonly rateLimiter: RateLimiter;
  readonly clock: Clock;
}
export interface SearchServiceOptions {
  readonly searchRate: RateLimit;
  readonly searchTimeoutMs: number;
}

export class SearchService implements SearchApi {
  readonly #deps: SearchServiceDeps;
  readonly #options: SearchServiceOptions;

  constructor(deps: SearchServiceDeps, options: SearchServiceOptions) {
    this.#deps = deps;
    this.#options = options;
  }

  async search(principal: Principal, command: SearchCommand): Promise<readonly Passage[]> {
    authorize(principal, 'document:read');
    const { query, first } = command;
    if (query.trim() === '' || query.length > QUERY_LENGTH_MAX || query.includes('\0')) {
      throw new DomainError('BAD_USER_INPUT', `A query has 1 to ${QUERY_LENGTH_MAX} characters.`);
    }
    if (!Number.isInteger(first) || first < 1 || first > FIRST_MAX) {
      throw new DomainError('BAD_USER_INPUT', `first must be between 1 and ${FIRST_MAX}.`);
    }
    const filter = parseFilter(command.filter);
    const { collections, rateLimiter, retriever, clock } = this.#deps;
    await takeRate(rateLimiter, this.#options.searchRate, principalKey(principal));
    const scope = { workspaceId: principal.workspaceId };
    const collectionIds = await checkCollections(collections, scope, command.collectionIds);
    const selection = { collectionIds, filter };
    const retrieval = { ...command, text: query, selection, limit: first };
    return withDeadline(clock, this.#options.searchTimeoutMs, (signal) =>
      retriever.retrieve(scope, retrieval, signal),
    );
  }
}
