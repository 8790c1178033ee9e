import { Arg, Ctx, FieldResolver, ID, Mutation, Query, Resolver, Root } from 'type-graphql';
import { type EmbeddingDeployment, gateProblems, shadowMeans } from '../../domain/embedding-deployment.ts';
import { assertNever } from '../../domain/errors.ts';
import type { CollectionRecord } from '../../domain/ports/identity.ts';
import type { DeploymentOutcome } from '../../planes/services.ts';
import type { RequestContext } from '../context.ts';
import { requireId, shortText } from '../inputs.ts';
import {
  CreateEmbeddingDeploymentInput,
  EmbeddingDeploymentObject,
  EmbeddingDeploymentResult,
  PromoteEmbeddingDeploymentInput,
  RetireEmbeddingDeploymentInput,
  RollBackEmbeddingDeploymentInput,
  SetEmbeddingCanaryInput,
} from '../types/embedding-deployment.ts';
import { CollectionObject } from '../types/workspace.ts';

const NAME_LENGTH_MAX = 200;
const BYTES_PER_NUMBER = 4;
type Result = Promise<{ readonly __typename: string }>;

/** What the schema shows of a deployment. */
export function shownDeployment(deployment: EmbeddingDeployment): EmbeddingDeploymentObject {
  const { model, progress, shadow, cost, gate } = deployment;
  const means = shadowMeans(shadow) ?? {
    recallAt10: null,
    ndcgAt10: null,
    activeMs: null,
    candidateMs: null,
  };
  const { chunkCount, embeddedCount } = progress;
  return {
    ...{ ...deployment, ...model, ...progress },
    progress: deployment.whole ? 1 : chunkCount === 0 ? 0 : embeddedCount / chunkCount,
    shadow: { queryCount: shadow.queryCount, failureCount: shadow.failureCount, ...means },
    cost: { ...cost, vectorBytes: embeddedCount * model.dimensions * BYTES_PER_NUMBER },
    gate: { ...gate, problems: gateProblems(deployment) },
  };
}

@Resolver(() => EmbeddingDeploymentObject)
export class EmbeddingDeploymentResolver {
  @Query(() => [String], { description: 'Embedders that a collection may be deployed with.' })
  embedders(@Ctx() context: RequestContext): readonly string[] {
    return context.services.deployments.offered(context.requirePrincipal());
  }

  @Query(() => EmbeddingDeploymentObject, { nullable: true, description: 'One embedding deployment.' })
  async embeddingDeployment(
    @Arg('id', () => ID, { description: 'The deployment.' }) id: string,
    @Ctx() context: RequestContext,
  ): Promise<EmbeddingDeploymentObject> {
    const principal = context.requirePrincipal();
    return shownDeployment(await context.services.deployments.get(principal, requireId('dep', id)));
  }

  @Mutation(() => EmbeddingDeploymentResult, {
    description: 'Builds a new embedding model for a collection in the background; searches go on as before.',
  })
  async createEmbeddingDeployment(
    @Arg('input', () => CreateEmbeddingDeploymentInput, { description: 'What, where.' })
    { collectionId, embedder, queryCountMin, recallMin }: CreateEmbeddingDeploymentInput,
    @Ctx() context: RequestContext,
  ): Result {
    const gate = { ...(queryCountMin != null && { queryCountMin }), ...(recallMin != null && { recallMin }) };
    const name = shortText('embedder', embedder, NAME_LENGTH_MAX);
    const command = { collectionId: requireId('col', collectionId), embedder: name, gate };
    return shown(await context.services.deployments.create(context.requirePrincipal(), command));
  }

  @Mutation(() => EmbeddingDeploymentResult, {
    description:
      'Lets a candidate answer a share of the questions; the same question always goes the same way.',
  })
  async setEmbeddingCanary(
    @Arg('input', () => SetEmbeddingCanaryInput, { description: 'Which, how much.' })
    { deploymentId, percent }: SetEmbeddingCanaryInput,
    @Ctx() context: RequestContext,
  ): Result {
    const principal = context.requirePrincipal();
    return shown(
      await context.services.deployments.setCanary(principal, requireId('dep', deploymentId), percent),
    );
  }

  @Mutation(() => EmbeddingDeploymentResult, {
    description:
      'Makes a candidate the one that the collection is searched by, at once, if its gate is open.',
  })
  async promoteEmbeddingDeployment(
    @Arg('input', () => PromoteEmbeddingDeploymentInput, { description: 'Which.' })
    { deploymentId, force }: PromoteEmbeddingDeploymentInput,
    @Ctx() context: RequestContext,
  ): Result {
    const principal = context.requirePrincipal();
    return shown(
      await context.services.deployments.promote(principal, requireId('dep', deploymentId), { force }),
    );
  }

  @Mutation(() => EmbeddingDeploymentResult, {
    description: 'Goes back, at once, to what the collection was searched by before.',
  })
  async rollBackEmbeddingDeployment(
    @Arg('input', () => RollBackEmbeddingDeploymentInput, { description: 'Which.' })
    { deploymentId }: RollBackEmbeddingDeploymentInput,
    @Ctx() context: RequestContext,
  ): Result {
    const principal = context.requirePrincipal();
    return shown(await context.services.deployments.rollBack(principal, requireId('dep', deploymentId)));
  }

  @Mutation(() => EmbeddingDeploymentResult, {
    description: 'Ends a deployment that is not active; its vectors are removed.',
  })
  async retireEmbeddingDeployment(
    @Arg('input', () => RetireEmbeddingDeploymentInput, { description: 'Which.' })
    { deploymentId }: RetireEmbeddingDeploymentInput,
    @Ctx() context: RequestContext,
  ): Result {
    const principal = context.requirePrincipal();
    return shown(await context.services.deployments.retire(principal, requireId('dep', deploymentId)));
  }
}

@Resolver(() => CollectionObject)
export class CollectionDeploymentsResolver {
  @FieldResolver(() => [EmbeddingDeploymentObject], {
    description:
      'Its embedding deployments, newest first; empty while it has only ever had the standard embedder.',
  })
  async embeddingDeployments(
    @Root() collection: CollectionRecord,
    @Ctx() context: RequestContext,
  ): Promise<readonly EmbeddingDeploymentObject[]> {
    const found = await context.services.deployments.list(context.requirePrincipal(), collection.id);
    return found.map(shownDeployment);
  }
}

function shown(outcome: DeploymentOutcome) {
  switch (outcome.kind) {
    case 'done':
      return { __typename: 'EmbeddingDeploymentSuccess', deployment: shownDeployment(outcome.deployment) };
    case 'not-offered': {
      const message = 'No such embedder is offered here.';
      return failure('EmbedderNotOffered', message, { offered: outcome.offered });
    }
    case 'embedder-failed':
      return failure('EmbedderFailed', outcome.message);
    case 'gate-closed': {
      const { problems, deployment } = outcome;
      const shownOne = { deployment: shownDeployment(deployment) };
      return failure('DeploymentGateClosed', problems.join(' '), { problems, ...shownOne });
    }
    case 'refused': {
      const deployment = outcome.deployment === undefined ? null : shownDeployment(outcome.deployment);
      return failure('DeploymentRefused', outcome.message, { deployment });
    }
    default:
      return assertNever(outcome);
  }
}

function failure(__typename: string, message: string, more: object = {}) {
  const code = __typename.replace(/(?!^)([A-Z])/g, '_$1').toUpperCase();
  return { __typename, code, message, ...more };
}
