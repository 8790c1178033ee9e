import { createUnionType, Field, Float, ID, InputType, Int, ObjectType } from 'type-graphql';
import type { DeploymentState } from '../../domain/embedding-deployment.ts';
import type { ErrorInfo } from '../../domain/errors.ts';
import { EmbeddingDeploymentStateEnum } from '../enums.ts';
import { DateTime, SafeInt } from '../scalars.ts';
import { ErrorInfoObject, NodeInterface } from './common.ts';
import { typenameOf, UserError } from './failures.ts';

@ObjectType('EmbeddingShadow', {
  simpleResolvers: true,
  description:
    'Live searches repeated on a candidate, measured against the active deployment; means over all of them.',
})
export class EmbeddingShadowObject {
  @Field(() => SafeInt, { description: 'Searches measured.' })
  readonly queryCount!: number;

  @Field(() => SafeInt, { description: 'Searches that the candidate failed.' })
  readonly failureCount!: number;

  @Field(() => Float, {
    nullable: true,
    description: "Share of the active model's ten best that the candidate also has among its ten; 0 to 1.",
  })
  readonly recallAt10!: number | null;

  @Field(() => Float, { nullable: true, description: 'The same with their order counted; 0 to 1.' })
  readonly ndcgAt10!: number | null;

  @Field(() => Float, {
    nullable: true,
    description: 'Of the active model: embedding and search, in milliseconds.',
  })
  readonly activeMs!: number | null;

  @Field(() => Float, { nullable: true, description: 'Of the candidate, measured beside it.' })
  readonly candidateMs!: number | null;
}

@ObjectType('EmbeddingCost', {
  simpleResolvers: true,
  description: 'What building a deployment has cost so far.',
})
export class EmbeddingCostObject {
  @Field(() => SafeInt, {
    description: 'Texts that were embedded; those whose vector was known are not counted.',
  })
  readonly textCount!: number;

  @Field(() => SafeInt, { description: 'Their characters.' })
  readonly characterCount!: number;

  @Field(() => Float, { description: 'Time the embedder took for them, in milliseconds.' })
  readonly embedMs!: number;

  @Field(() => SafeInt, { description: 'Bytes of its vectors.' })
  readonly vectorBytes!: number;
}

@ObjectType('EmbeddingGate', {
  simpleResolvers: true,
  description: 'What a candidate has to show to be promoted.',
})
export class EmbeddingGateObject {
  @Field(() => Int, { description: 'Shadow queries that must have been measured.' })
  readonly queryCountMin!: number;

  @Field(() => Float, { description: 'Mean recall@10 that they must reach.' })
  readonly recallMin!: number;

  @Field(() => [String], { description: 'What is still missing, in sentences; empty: it may be promoted.' })
  readonly problems!: readonly string[];
}

@ObjectType('EmbeddingDeployment', {
  implements: NodeInterface,
  simpleResolvers: true,
  description: 'One embedding model of one collection, from its build to its end.',
})
export class EmbeddingDeploymentObject extends NodeInterface {
  @Field(() => ID, { description: 'The collection.' })
  readonly collectionId!: string;

  @Field(() => Int, { description: 'From 1 within the collection.' })
  readonly version!: number;

  @Field(() => String, { description: 'Which embedder, one of `embedders`.' })
  readonly embedder!: string;

  @Field(() => String, { description: 'The name that the model has for itself.' })
  readonly modelId!: string;

  @Field(() => Int, { description: 'Numbers in a vector of it.' })
  readonly dimensions!: number;

  @Field(() => EmbeddingDeploymentStateEnum, { description: 'Where it stands.' })
  readonly state!: DeploymentState;

  @Field(() => Int, {
    description: 'Share of the questions that it answers as a canary, in percent; else 0.',
  })
  readonly canaryPercent!: number;

  @Field(() => Boolean, { description: 'Every chunk has its vector of it.' })
  readonly whole!: boolean;

  @Field(() => Int, { description: 'Chunks of the collection when last counted.' })
  readonly chunkCount!: number;

  @Field(() => Int, { description: 'Those of them that have a vector of it.' })
  readonly embeddedCount!: number;

  @Field(() => Float, { description: 'Share of the build that is done, 0 to 1.' })
  readonly progress!: number;

  @Field(() => EmbeddingShadowObject, { description: 'How it compares on live searches.' })
  readonly shadow!: EmbeddingShadowObject;

  @Field(() => EmbeddingCostObject, { description: 'What it has cost.' })
  readonly cost!: EmbeddingCostObject;

  @Field(() => EmbeddingGateObject, { description: 'What it has to show to be promoted.' })
  readonly gate!: EmbeddingGateObject;

  @Field(() => ErrorInfoObject, { nullable: true, description: 'Why the last attempt of its work failed.' })
  readonly error!: ErrorInfo | null;

  @Field(() => DateTime, { description: 'When it was created.' })
  readonly createdAt!: number;

  @Field(() => DateTime, { description: 'When it last changed.' })
  readonly updatedAt!: number;

  @Field(() => DateTime, { nullable: true, description: 'When it last became active.' })
  readonly promotedAt!: number | null;

  @Field(() => DateTime, { nullable: true, description: 'When its soak ends and its vectors go.' })
  readonly retireAt!: number | null;
}

@ObjectType({ implements: UserError, description: 'No such embedder is offered here.' })
export class EmbedderNotOffered extends UserError {
  @Field(() => [String], { description: 'Those that are.', simple: true })
  readonly offered!: readonly string[];
}

@ObjectType({
  implements: UserError,
  description: 'The embedder was asked for a vector and did not give one.',
})
export class EmbedderFailed extends UserError {}

@ObjectType({ implements: UserError, description: 'The candidate has not shown yet what its gate asks for.' })
export class DeploymentGateClosed extends UserError {
  @Field(() => [String], { description: 'What is missing, in sentences.', simple: true })
  readonly problems!: readonly string[];

  @Field(() => EmbeddingDeploymentObject, { description: 'The candidate as it is.', simple: true })
  readonly deployment!: EmbeddingDeploymentObject;
}

@ObjectType({
  implements: UserError,
  description: 'The state of the deployment does not allow it, or no longer.',
})
export class DeploymentRefused extends UserError {
  @Field(() => EmbeddingDeploymentObject, {
    nullable: true,
    description: 'The deployment as it is.',
    simple: true,
  })
  readonly deployment!: EmbeddingDeploymentObject | null;
}

@ObjectType('EmbeddingDeploymentSuccess', {
  simpleResolvers: true,
  description: 'The deployment after the change.',
})
export class EmbeddingDeploymentSuccessObject {
  @Field(() => EmbeddingDeploymentObject, { description: 'The deployment.' })
  readonly deployment!: EmbeddingDeploymentObject;
}

export const EmbeddingDeploymentResult = createUnionType({
  name: 'EmbeddingDeploymentResult',
  description: 'The deployment after the change, or why nothing changed.',
  types: () =>
    [
      EmbeddingDeploymentSuccessObject,
      EmbedderNotOffered,
      EmbedderFailed,
      DeploymentGateClosed,
      DeploymentRefused,
    ] as const,
  resolveType: typenameOf,
});

@InputType({ description: 'What to deploy where.' })
export class CreateEmbeddingDeploymentInput {
  @Field(() => ID, { description: 'The collection.' })
  readonly collectionId!: string;

  @Field(() => String, { description: 'One of `embedders`.' })
  readonly embedder!: string;

  @Field(() => Int, { nullable: true, description: 'Shadow queries of its gate; default: as configured.' })
  readonly queryCountMin?: number | null;

  @Field(() => Float, {
    nullable: true,
    description: 'Recall@10 of its gate, 0 to 1; default: as configured.',
  })
  readonly recallMin?: number | null;
}

@InputType({ description: 'Which deployment is to answer how much.' })
export class SetEmbeddingCanaryInput {
  @Field(() => ID, { description: 'A whole candidate.' })
  readonly deploymentId!: string;

  @Field(() => Int, { description: 'Share of the questions, 0 to 100; 0 ends the canary.' })
  readonly percent!: number;
}

@InputType({ description: 'Which candidate to promote.' })
export class PromoteEmbeddingDeploymentInput {
  @Field(() => ID, { description: 'The candidate.' })
  readonly deploymentId!: string;

  @Field(() => Boolean, { defaultValue: false, description: 'Past its gate; for owners only.' })
  readonly force!: boolean;
}

@InputType({ description: 'Which deployment to roll back.' })
export class RollBackEmbeddingDeploymentInput {
  @Field(() => ID, { description: 'The active one.' })
  readonly deploymentId!: string;
}

@InputType({ description: 'Which deployment to end.' })
export class RetireEmbeddingDeploymentInput {
  @Field(() => ID, { description: 'Any that is not active.' })
  readonly deploymentId!: string;
}
