import type { WorkspaceId } from '../../domain/ids.ts';
import { type Clause, toMatch } from './clauses.ts';
import type { MongoConnection } from './mongo-connection.ts';
import type { MongoModels } from './mongo-models.ts';
import type { WorkspaceView } from './workspace-states.ts';

/** Counted values kept, of all workspaces together. */
const CACHE_ENTRIES_MAX = 50_000;

interface Counted {
  readonly change: number;
  readonly count: number;
}

/**
 * In how many published chunks a value occurs: terms for BM25, token ids for the weights of a question. Counted in an
 * index, and remembered until something visible changes in the workspace.
 */
export class ChunkFrequencies {
  readonly #connection: MongoConnection;
  readonly #models: MongoModels;
  readonly #counted = new Map<string, Counted>();

  constructor(connection: MongoConnection, models: MongoModels) {
    this.#connection = connection;
    this.#models = models;
  }

  /** In the order asked. `path` is indexed together with the workspace and the edition. */
  count(
    workspaceId: WorkspaceId,
    view: WorkspaceView,
    path: string,
    values: readonly (string | number)[],
  ): Promise<readonly number[]> {
    return Promise.all(values.map((value) => this.#count({ workspaceId, view, path, value })));
  }

  async #count({ workspaceId, view, path, value }: Question): Promise<number> {
    const key = `${workspaceId} ${path} ${value}`;
    const known = this.#counted.get(key);
    if (known?.change === view.change) return known.count;
    const clauses: Clause[] = [{ path: 'workspaceId', in: [workspaceId] }];
    if (view.hiddenEditions.length > 0) clauses.push({ path: 'edition', notIn: view.hiddenEditions });
    const { $and } = toMatch(clauses);
    const count = await this.#connection.run(() =>
      this.#models.chunks
        .countDocuments(
          { $and: [...$and, { [path]: value }] },
          { maxTimeMS: this.#connection.operationTimeoutMs },
        )
        .exec(),
    );
    this.#remember(key, { change: view.change, count });
    return count;
  }

  #remember(key: string, counted: Counted): void {
    this.#counted.delete(key);
    this.#counted.set(key, counted);
    if (this.#counted.size <= CACHE_ENTRIES_MAX) return;
    const [oldest] = this.#counted.keys();
    if (oldest !== undefined) this.#counted.delete(oldest);
  }
}

interface Question {
  readonly workspaceId: WorkspaceId;
  readonly view: WorkspaceView;
  readonly path: string;
  readonly value: string | number;
}
