import { DomainError } from '../../../domain/errors.ts';
import { SYSTEM_SCOPE } from '../../../domain/scope.ts';
import type { ChunkWriterDeps } from '../chunk-writer.ts';
import { describeError } from '../error-info.ts';
import { DEPLOYMENT_LEASE_MS, DeploymentWork } from './deployment-work.ts';

export interface DeploymentWorkerOptions {
  /** How long a node may still search by what it took for active; what is reclaimed waits as long. */
  readonly reclaimGraceMs: number;
}

/** How soon a new deployment, or the end of a soak, is noticed. */
const INTERVAL_MS = 1_000;

/**
 * Builds embedding deployments, catches up what was missed, and reclaims what has soaked: one at a time in a process,
 * beside the ingestion, and in turns. Any number of workers may run.
 */
export class DeploymentWorker {
  readonly #deps: ChunkWriterDeps;
  readonly #options: DeploymentWorkerOptions;
  readonly #work: DeploymentWork;
  readonly #closing = new AbortController();
  #loop: Promise<void> | undefined;

  constructor(deps: ChunkWriterDeps, options: DeploymentWorkerOptions) {
    this.#deps = deps;
    this.#options = options;
    this.#work = new DeploymentWork(deps);
  }

  start(): void {
    this.#loop ??= this.#run();
  }

  /** The batch under way is given up; its claim goes back. */
  async close(): Promise<void> {
    this.#closing.abort(new DomainError('SHUTTING_DOWN', 'The worker is stopping.'));
    await this.#loop;
  }

  async #run(): Promise<void> {
    const { clock, log } = this.#deps;
    const { signal } = this.#closing;
    while (!signal.aborted) {
      try {
        while (!signal.aborted && (await this.#turn(signal)));
      } catch (error) {
        log.warn({ reason: describeError(error) }, 'embedding deployments could not be claimed');
      }
      await clock.sleep(INTERVAL_MS, signal).catch(() => undefined);
    }
  }

  async #turn(signal: AbortSignal): Promise<boolean> {
    const { clock, deployments } = this.#deps;
    const now = clock.now();
    await deployments.expire(SYSTEM_SCOPE, { now, dueAt: now + this.#options.reclaimGraceMs });
    const claimed = await deployments.claim(SYSTEM_SCOPE, { now, until: now + DEPLOYMENT_LEASE_MS });
    if (claimed === undefined) return false;
    await this.#work.run(claimed, signal);
    return true;
  }
}
