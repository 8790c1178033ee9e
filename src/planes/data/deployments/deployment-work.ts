import type { Chunk } from '../../../domain/document.ts';
import {
  addTotals,
  type BuildCost,
  type BuildProgress,
  NO_COST,
} from '../../../domain/embedding-deployment.ts';
import { DomainError } from '../../../domain/errors.ts';
import type { ClaimedDeployment, DeploymentReport } from '../../../domain/ports/embedding-deployments.ts';
import type { Embedder } from '../../../domain/ports/models.ts';
import { SYSTEM_SCOPE } from '../../../domain/scope.ts';
import { ChunkWriter, type ChunkWriterDeps } from '../chunk-writer.ts';
import { describeError, toErrorInfo } from '../error-info.ts';
import { MissingVectors } from './missing-vectors.ts';

export const DEPLOYMENT_LEASE_MS = 30_000;
/** Then another deployment has its turn. */
const SLICE_MS = 5_000;
const FAILURES_MAX = 8;
const BACKOFF_MIN_MS = 1_000;
const BACKOFF_MAX_MS = 60_000;
const PROBE_INTERVAL_MS = 250;
const PROBE_TIMEOUT_MS = 60_000;

/** Another claimant has the deployment, or its state made the work void: whatever happens here no longer matters. */
class ClaimLost extends Error {}

/**
 * One claimed deployment's turn. Nothing but the index itself remembers how far a build is: it asks what has no vector
 * yet, so a worker that is killed anywhere loses one batch, and no document can be passed over.
 */
export class DeploymentWork {
  readonly #deps: ChunkWriterDeps;
  readonly #writer: ChunkWriter;
  readonly #missing: MissingVectors;

  constructor(deps: ChunkWriterDeps) {
    this.#deps = deps;
    this.#writer = new ChunkWriter(deps);
    this.#missing = new MissingVectors(deps);
  }

  /** Never rejects. What cannot even be reported comes back when the claim runs out. */
  async run(claimed: ClaimedDeployment, signal: AbortSignal): Promise<void> {
    const { log } = this.#deps;
    const fields = { deploymentId: claimed.id, state: claimed.state };
    try {
      if (claimed.state === 'RECLAIMING') await this.#reclaim(claimed);
      else await this.#build(claimed, signal);
    } catch (error) {
      if (error instanceof ClaimLost) return;
      const reason = signal.aborted ? signal.reason : error;
      log.warn({ ...fields, reason: describeError(reason) }, 'work on an embedding deployment failed');
      await this.#fail(claimed, reason, signal.aborted).catch((failure) =>
        log.error({ ...fields, reason: describeError(failure) }, 'the failure could not be reported'),
      );
    }
  }

  async #reclaim(claimed: ClaimedDeployment): Promise<void> {
    const { chunks } = this.#deps;
    await chunks.dropModel({ workspaceId: claimed.workspaceId }, claimed.model, claimed.collectionId);
    await this.#report(claimed, { kind: 'reclaimed' });
  }

  async #build(claimed: ClaimedDeployment, signal: AbortSignal): Promise<void> {
    const { clock, embedders } = this.#deps;
    const embedder = await embedders.get(claimed.embedder);
    requireModel(claimed, embedder);
    const sliceEnd = clock.now() + SLICE_MS;
    let [progress, last] = [await this.#count(claimed), undefined as Chunk | undefined];
    await this.#tell(claimed, progress, NO_COST, true);
    const scope = { workspaceId: claimed.workspaceId };
    const of = { collectionId: claimed.collectionId };
    for await (const { chunks, cost } of this.#missing.fill(scope, embedder, of, signal)) {
      progress = advanced(progress, chunks.length);
      last = chunks.at(-1);
      const goesOn = clock.now() < sliceEnd;
      await this.#tell(claimed, progress, cost, goesOn);
      if (!goesOn) return;
    }
    await this.#verify(claimed, embedder, last, signal);
    await this.#finish(claimed);
  }

  /** Whole is what a walk from the beginning finds nothing to do in. */
  async #finish(claimed: ClaimedDeployment): Promise<void> {
    const { chunks } = this.#deps;
    const request = { of: { collectionId: claimed.collectionId }, limit: 1 };
    const rest = await chunks.listUnembedded({ workspaceId: claimed.workspaceId }, claimed.model, request);
    await this.#tell(claimed, await this.#count(claimed), NO_COST, rest.length === 0);
    if (rest.length > 0) return;
    const { clock, deployments } = this.#deps;
    const report = { kind: 'whole' as const, now: clock.now() };
    if (await deployments.report(SYSTEM_SCOPE, claimed, report)) return;
    // Something was missed meanwhile: the next turn finds it.
    await this.#tell(claimed, await this.#count(claimed), NO_COST, false);
  }

  /** Some indexes are built, and show what they were given, only after a while. */
  async #verify(
    claimed: ClaimedDeployment,
    embedder: Embedder,
    last: Chunk | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    const { chunks, clock } = this.#deps;
    const scope = { workspaceId: claimed.workspaceId };
    await chunks.prepareModel(scope, embedder.model, signal);
    if (last === undefined) return;
    const deadline = clock.now() + PROBE_TIMEOUT_MS;
    for (;;) {
      if (await this.#writer.isFound(scope, last, embedder)) return;
      // Removed since, or a newer version took its place.
      if ((await chunks.get(scope, [last.id])).length === 0) return;
      if (clock.now() >= deadline) {
        throw new DomainError(
          'STORE_UNAVAILABLE',
          'The index does not find what the new model has written yet.',
        );
      }
      await this.#tell(claimed, await this.#count(claimed), NO_COST, true);
      await clock.sleep(PROBE_INTERVAL_MS, signal);
    }
  }

  #count({ workspaceId, model, collectionId }: ClaimedDeployment): Promise<BuildProgress> {
    return this.#deps.chunks.countEmbedded({ workspaceId }, model, collectionId);
  }

  /** Keeps the claim, or gives it back for the next turn. */
  async #tell(
    claimed: ClaimedDeployment,
    progress: BuildProgress,
    cost: BuildCost,
    keep: boolean,
  ): Promise<void> {
    const dueAt = this.#deps.clock.now() + (keep ? DEPLOYMENT_LEASE_MS : 0);
    await this.#report(claimed, { kind: 'progress', progress, cost: addTotals(NO_COST, cost), dueAt });
  }

  async #report(claimed: ClaimedDeployment, report: DeploymentReport): Promise<void> {
    const { deployments, clock } = this.#deps;
    if (!(await deployments.report(SYSTEM_SCOPE, claimed, { ...report, now: clock.now() })))
      throw new ClaimLost();
  }

  async #fail(claimed: ClaimedDeployment, reason: unknown, stopping: boolean): Promise<void> {
    const error = toErrorInfo(reason);
    const final = !stopping && (!error.retryable || claimed.failureCount + 1 >= FAILURES_MAX);
    const waitMs = Math.min(BACKOFF_MIN_MS * 2 ** claimed.failureCount, BACKOFF_MAX_MS);
    const dueAt = this.#deps.clock.now() + (stopping ? 0 : waitMs);
    await this.#report(claimed, { kind: 'failed', error, final, dueAt });
  }
}

function advanced({ chunkCount, embeddedCount }: BuildProgress, added: number): BuildProgress {
  const embedded = embeddedCount + added;
  return { chunkCount: Math.max(chunkCount, embedded), embeddedCount: embedded };
}

/** The settings of an embedder may have changed under its name. */
function requireModel({ model, embedder: name }: ClaimedDeployment, embedder: Embedder): void {
  const { modelId, dimensions } = embedder.model;
  if (modelId === model.modelId && dimensions === model.dimensions) return;
  throw new DomainError(
    'BAD_USER_INPUT',
    `The embedder ${name} is ${modelId} with ${dimensions} dimensions by now, not ${model.modelId} with ${model.dimensions}.`,
  );
}
