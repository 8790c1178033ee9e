import {
  type EmbeddingDeployment,
  gateProblems,
  LIVE_DEPLOYMENTS_MAX,
  PROMOTABLE_STATES,
} from '../../domain/embedding-deployment.ts';
import { DomainError, notFound } from '../../domain/errors.ts';
import type { CollectionId, EmbeddingDeploymentId } from '../../domain/ids.ts';
import type {
  EmbedderCatalog,
  EmbeddingDeploymentRepository,
  TransitionOutcome,
} from '../../domain/ports/embedding-deployments.ts';
import type { CollectionRepository } from '../../domain/ports/identity.ts';
import type { RateLimit, RateLimiter } from '../../domain/ports/limits.ts';
import type { Embedder } from '../../domain/ports/models.ts';
import type { Clock, IdGenerator } from '../../domain/ports/system.ts';
import { authorize, type Principal, principalKey } from '../../domain/principal.ts';
import type { WorkspaceScope } from '../../domain/scope.ts';
import type { CreateDeploymentCommand, DeploymentOutcome, EmbeddingDeploymentApi } from '../services.ts';

export interface DeploymentServiceDeps {
  readonly deployments: EmbeddingDeploymentRepository;
  readonly collections: Pick<CollectionRepository, 'find'>;
  readonly embedders: EmbedderCatalog;
  readonly rateLimiter: RateLimiter;
  readonly ids: IdGenerator;
  readonly clock: Clock;
  /** Lets the searches of this process see a change at once. */
  readonly onChange: (scope: WorkspaceScope) => void;
}
export interface DeploymentServiceOptions {
  /** Each new one asks its embedder for a vector, and then for one of every chunk. */
  readonly createRate: RateLimit;
  /** How long what was left stays as it is, to be rolled back to. */
  readonly soakMs: number;
  /** How long another node may still search by what it took for active. */
  readonly reclaimGraceMs: number;
  readonly gate: { readonly queryCountMin: number; readonly recallMin: number };
}

const LISTED_MAX = 100;
const PROBE_TIMEOUT_MS = 20_000;
const PROBE_TEXT = 'Is anybody there?';

/** Which embedding model a collection reads from: begun, tried out, promoted, rolled back and ended here. */
export class DeploymentService implements EmbeddingDeploymentApi {
  readonly #deps: DeploymentServiceDeps;
  readonly #options: DeploymentServiceOptions;

  constructor(deps: DeploymentServiceDeps, options: DeploymentServiceOptions) {
    this.#deps = deps;
    this.#options = options;
  }

  offered(principal: Principal): readonly string[] {
    authorize(principal, 'workspace:read');
    return this.#deps.embedders.offered;
  }

  async get(principal: Principal, id: EmbeddingDeploymentId): Promise<EmbeddingDeployment> {
    authorize(principal, 'workspace:read');
    return this.#get(scopeOf(principal), id);
  }

  async list(principal: Principal, collectionId: CollectionId): Promise<readonly EmbeddingDeployment[]> {
    authorize(principal, 'workspace:read');
    return this.#deps.deployments.list(scopeOf(principal), collectionId, LISTED_MAX);
  }

  async create(principal: Principal, command: CreateDeploymentCommand): Promise<DeploymentOutcome> {
    authorize(principal, 'deployment:manage');
    await this.#takeRate(principal);
    const scope = scopeOf(principal);
    const { collections, deployments, embedders, ids, clock } = this.#deps;
    const { collectionId, embedder: name } = command;
    if ((await collections.find(scope, collectionId)) === undefined) throw notFound('collection');
    const gate = { ...this.#options.gate, ...command.gate };
    checkGate(gate);
    if (!embedders.offered.includes(name)) return { kind: 'not-offered', offered: embedders.offered };
    const embedder = await this.#probe(name);
    if ('kind' in embedder) return embedder;
    const { standard } = embedders;
    const incumbent = { id: ids.next('dep'), embedder: standard.name, model: standard.embedder.model };
    const outcome = await deployments.create(scope, {
      ...{ id: ids.next('dep'), collectionId, embedder: name, model: embedder.model, gate, incumbent },
      ...{ createdBy: principal.userId, now: clock.now() },
    });
    this.#deps.onChange(scope);
    if (outcome.kind === 'too-many') {
      const message = `A collection keeps at most ${LIVE_DEPLOYMENTS_MAX} deployments; retire one first.`;
      return { kind: 'refused', message, deployment: undefined };
    }
    if (outcome.kind !== 'exists') return { kind: 'done', deployment: outcome.deployment };
    const message = 'The collection has a deployment of this model already.';
    return { kind: 'refused', message, deployment: outcome.deployment };
  }

  async setCanary(
    principal: Principal,
    id: EmbeddingDeploymentId,
    percent: number,
  ): Promise<DeploymentOutcome> {
    authorize(principal, 'deployment:manage');
    if (!Number.isInteger(percent) || percent < 0 || percent > 100) {
      throw new DomainError('BAD_USER_INPUT', '`percent` must be between 0 and 100.');
    }
    const scope = scopeOf(principal);
    const change = { percent, now: this.#deps.clock.now() };
    const outcome = await this.#deps.deployments.setCanary(scope, id, change);
    return this.#told(
      scope,
      outcome,
      'Only a whole SHADOW or CANARY deployment, one of a collection, can be a canary.',
    );
  }

  async promote(
    principal: Principal,
    id: EmbeddingDeploymentId,
    { force }: { readonly force: boolean },
  ): Promise<DeploymentOutcome> {
    authorize(principal, force ? 'workspace:manage' : 'deployment:manage');
    const scope = scopeOf(principal);
    const { clock, deployments } = this.#deps;
    const deployment = await this.#get(scope, id);
    const problems = force ? [] : gateProblems(deployment);
    const isCandidate = deployment.state === 'BUILDING' || PROMOTABLE_STATES.includes(deployment.state);
    if (isCandidate && problems.length > 0) return { kind: 'gate-closed', problems, deployment };
    const now = clock.now();
    const change = { force, now, retireAt: now + this.#options.soakMs };
    const outcome = await deployments.promote(scope, id, change);
    return this.#told(scope, outcome, 'Only a candidate can be promoted.');
  }

  async rollBack(principal: Principal, id: EmbeddingDeploymentId): Promise<DeploymentOutcome> {
    authorize(principal, 'deployment:manage');
    const scope = scopeOf(principal);
    const now = this.#deps.clock.now();
    const outcome = await this.#deps.deployments.rollBack(scope, id, {
      now,
      retireAt: now + this.#options.soakMs,
    });
    return this.#told(
      scope,
      outcome,
      'Only an ACTIVE deployment can be rolled back, while its predecessor soaks.',
    );
  }

  async retire(principal: Principal, id: EmbeddingDeploymentId): Promise<DeploymentOutcome> {
    authorize(principal, 'deployment:manage');
    const scope = scopeOf(principal);
    const now = this.#deps.clock.now();
    const change = { now, dueAt: now + this.#options.reclaimGraceMs };
    const outcome = await this.#deps.deployments.retire(scope, id, change);
    return this.#told(scope, outcome, 'What is ACTIVE, or being reclaimed, cannot be retired.');
  }

  async #takeRate(principal: Principal): Promise<void> {
    const { rateLimiter } = this.#deps;
    const decision = await rateLimiter.take(this.#options.createRate, principalKey(principal));
    if (decision.allowed) return;
    const { retryAfterMs } = decision;
    throw new DomainError('RATE_LIMITED', 'Too many new deployments at once; try again later.', {
      retryAfterMs,
    });
  }

  /** Asks it for one vector, so that a model that cannot answer is refused here and not found out by a worker. */
  async #probe(name: string): Promise<Embedder | Extract<DeploymentOutcome, { kind: 'embedder-failed' }>> {
    try {
      const embedder = await this.#deps.embedders.get(name);
      const [vector] = await embedder.embedDocuments([PROBE_TEXT], AbortSignal.timeout(PROBE_TIMEOUT_MS));
      if (vector?.length === embedder.model.dimensions) return embedder;
      return {
        kind: 'embedder-failed',
        message: `The embedder ${name} gives vectors of another size than it says.`,
      };
    } catch (error) {
      const reason = error instanceof DomainError ? error.message : 'It does not answer.';
      return { kind: 'embedder-failed', message: `The embedder ${name} cannot be used: ${reason}` };
    }
  }

  async #get(scope: WorkspaceScope, id: EmbeddingDeploymentId): Promise<EmbeddingDeployment> {
    const deployment = await this.#deps.deployments.find(scope, id);
    if (deployment === undefined) throw notFound('embedding deployment');
    return deployment;
  }

  #told(scope: WorkspaceScope, outcome: TransitionOutcome, rule: string): DeploymentOutcome {
    if (outcome === undefined) throw notFound('embedding deployment');
    this.#deps.onChange(scope);
    const { kind, deployment } = outcome;
    if (kind === 'changed') return { kind: 'done', deployment };
    return { kind: 'refused', message: `${rule} This one is ${deployment.state}.`, deployment };
  }
}

function scopeOf({ workspaceId }: Principal): WorkspaceScope {
  return { workspaceId };
}

function checkGate({ queryCountMin, recallMin }: DeploymentServiceOptions['gate']): void {
  const isGate = Number.isInteger(queryCountMin) && queryCountMin >= 1 && recallMin >= 0 && recallMin <= 1;
  if (!isGate) {
    throw new DomainError('BAD_USER_INPUT', 'A gate needs at least one query and a recall between 0 and 1.');
  }
}
