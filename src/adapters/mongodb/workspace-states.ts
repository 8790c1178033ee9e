import type { ClientSession } from 'mongoose';
import { DomainError } from '../../domain/errors.ts';
import type { DocumentId, WorkspaceId } from '../../domain/ids.ts';
import { editionOf, rowId } from './chunk-rows.ts';
import type { MongoConnection } from './mongo-connection.ts';
import type { DocumentRow, MongoModels, WorkspaceRow } from './mongo-models.ts';

/** What one search sees of its workspace. */
export interface WorkspaceView {
  readonly change: number;
  readonly replacements: number;
  readonly chunkCount: number;
  readonly termCount: number;
  readonly hiddenEditions: readonly string[];
}
interface Counts {
  readonly chunkCount: number;
  readonly termCount: number;
}
interface DocumentState extends Counts {
  readonly publishedVersion: number;
  readonly hidden: readonly number[];
}

/** Documents with a version that is stored and not to be seen, at once, in one workspace. */
const HIDDEN_DOCUMENTS_MAX = 10_000;
const READ_ATTEMPTS_MAX = 10;
const NOTHING: Counts = { chunkCount: 0, termCount: 0 };

/**
 * Which versions readers see. Chunks are written once and never flagged: what is not to be seen stands, by version, in
 * the one document of the workspace, together with the statistics of what is. So a version is swapped for another by
 * one update, for every index at once, however far a search index lags behind the collection.
 */
export class WorkspaceStates {
  readonly #connection: MongoConnection;
  readonly #models: MongoModels;

  constructor(connection: MongoConnection, models: MongoModels) {
    this.#connection = connection;
    this.#models = models;
  }

  async view(workspaceId: WorkspaceId): Promise<WorkspaceView> {
    const row = await this.#connection.run(() => this.#models.workspaces.findById(workspaceId).lean().exec());
    const hidden = Object.entries(row?.hidden ?? {});
    return {
      change: row?.change ?? 0,
      replacements: row?.replacements ?? 0,
      chunkCount: row?.chunkCount ?? 0,
      termCount: row?.termCount ?? 0,
      hiddenEditions: hidden.flatMap(([id, versions]) => versions.map((version) => editionOf(id, version))),
    };
  }

  /**
   * A read that takes several queries: repeated when a visible version was replaced meanwhile, because its chunks may
   * have gone before the last query and its successor was still hidden in the first.
   */
  async read<T>(workspaceId: WorkspaceId, work: (view: WorkspaceView) => Promise<T>): Promise<T> {
    let view = await this.view(workspaceId);
    for (let attempt = 0; attempt < READ_ATTEMPTS_MAX; attempt += 1) {
      const result = await work(view);
      const after = await this.view(workspaceId);
      if (after.replacements === view.replacements) return result;
      view = after;
    }
    throw new DomainError('STORE_UNAVAILABLE', 'The chunk index is changing too quickly to be searched.');
  }

  /** Before the first chunk of a version is stored. Returns true when readers see the version already. */
  async hideUnlessPublished(
    workspaceId: WorkspaceId,
    documentId: DocumentId,
    version: number,
  ): Promise<boolean> {
    const known = await this.#connection.run(() => this.#document(workspaceId, documentId));
    if (known.publishedVersion === version) return true;
    if (known.hidden.includes(version)) return false;
    await this.#requireRoom(workspaceId);
    return this.#connection.transaction(async (session) => {
      const state = await this.#document(workspaceId, documentId, session);
      if (state.publishedVersion === version) return true;
      const hidden = [...new Set([...state.hidden, version])];
      await this.#update(workspaceId, { documentId, hidden, counts: NOTHING, session });
      return false;
    });
  }

  /** False: the version is older than what readers see. Counts are those of the version. */
  async publish(workspaceId: WorkspaceId, document: Published): Promise<boolean> {
    const { documentId, version, counts } = document;
    return this.#connection.transaction(async (session) => {
      const state = await this.#document(workspaceId, documentId, session);
      if (version < state.publishedVersion) return false;
      const isReplacement = state.publishedVersion > 0 && version > state.publishedVersion;
      const hidden = state.hidden.filter((one) => one !== version);
      if (isReplacement) hidden.push(state.publishedVersion);
      await this.#update(workspaceId, {
        ...{ documentId, hidden, session, isReplacement, isChange: true },
        counts: difference(counts, state),
        document: { publishedVersion: version, ...counts },
      });
      return true;
    });
  }

  /** Hides one version, or all of the document, before its chunks are removed. */
  async withdraw(workspaceId: WorkspaceId, documentId: DocumentId, version?: number): Promise<void> {
    await this.#connection.transaction(async (session) => {
      const state = await this.#document(workspaceId, documentId, session);
      const isVisible =
        state.publishedVersion > 0 && (version ?? state.publishedVersion) === state.publishedVersion;
      if (!isVisible) return;
      await this.#update(workspaceId, {
        ...{ documentId, session, isReplacement: true, isChange: true },
        hidden: [...new Set([...state.hidden, state.publishedVersion])],
        counts: difference(NOTHING, state),
        document: { publishedVersion: 0, ...NOTHING },
      });
    });
  }

  /** After the chunks of these versions are gone: nothing is left to hide. */
  async forget(
    workspaceId: WorkspaceId,
    documentId: DocumentId,
    isGone: (version: number) => boolean,
  ): Promise<void> {
    const { hidden, publishedVersion } = await this.#connection.run(() =>
      this.#document(workspaceId, documentId),
    );
    if (!hidden.some(isGone) && (publishedVersion > 0 || hidden.length > 0)) return;
    await this.#connection.transaction(async (session) => {
      const state = await this.#document(workspaceId, documentId, session);
      const rest = state.hidden.filter((version) => !isGone(version));
      if (rest.length < state.hidden.length) {
        await this.#update(workspaceId, { documentId, hidden: rest, counts: NOTHING, session });
      }
      if (rest.length === 0 && state.publishedVersion === 0) {
        await this.#models.documents.deleteOne({ _id: rowId(workspaceId, documentId) }, { session });
      }
    });
  }

  /** Fails with the driver's own errors: a transaction is repeated by the labels that they carry. */
  async #document(
    workspaceId: WorkspaceId,
    documentId: DocumentId,
    session?: ClientSession,
  ): Promise<DocumentState> {
    const options = session === undefined ? {} : { session };
    const projection = { [`hidden.${documentId}`]: 1 };
    // One after the other: a session runs one operation at a time.
    const row = await this.#models.documents
      .findById(rowId(workspaceId, documentId), null, options)
      .lean()
      .exec();
    const workspace = await this.#models.workspaces.findById(workspaceId, projection, options).lean().exec();
    return {
      publishedVersion: row?.publishedVersion ?? 0,
      chunkCount: row?.chunkCount ?? 0,
      termCount: row?.termCount ?? 0,
      hidden: workspace?.hidden?.[documentId] ?? [],
    };
  }

  /** The workspace last: without transactions it would still be the one step that readers see. */
  async #update(workspaceId: WorkspaceId, update: StateUpdate): Promise<void> {
    const { documentId, hidden, counts, document, session } = update;
    if (document !== undefined) {
      const filter = { _id: rowId(workspaceId, documentId) };
      await this.#models.documents.updateOne(filter, { $set: document }, { upsert: true, session });
    }
    const path = `hidden.${documentId}`;
    const increments: Partial<Record<keyof WorkspaceRow, number>> = {
      ...{ chunkCount: counts.chunkCount, termCount: counts.termCount },
      ...{ change: update.isChange ? 1 : 0, replacements: update.isReplacement ? 1 : 0 },
    };
    const change = hidden.length === 0 ? { $unset: { [path]: 1 } } : { $set: { [path]: hidden } };
    const operation = { ...change, $inc: increments };
    await this.#models.workspaces.collection.updateOne({ _id: workspaceId as never }, operation, {
      upsert: true,
      session,
    });
  }

  async #requireRoom(workspaceId: WorkspaceId): Promise<void> {
    const { hiddenEditions } = await this.view(workspaceId);
    if (hiddenEditions.length < HIDDEN_DOCUMENTS_MAX) return;
    throw new DomainError(
      'LIMIT_EXCEEDED',
      `A workspace may have ${HIDDEN_DOCUMENTS_MAX} unfinished documents at once; finish or remove some first.`,
      { retryable: true },
    );
  }
}

export interface Published {
  readonly documentId: DocumentId;
  readonly version: number;
  readonly counts: Counts;
}
interface StateUpdate {
  readonly documentId: DocumentId;
  readonly hidden: readonly number[];
  /** Added to those of the workspace. */
  readonly counts: Counts;
  readonly document?: Pick<DocumentRow, 'publishedVersion' | 'chunkCount' | 'termCount'>;
  readonly isChange?: boolean;
  readonly isReplacement?: boolean;
  readonly session: ClientSession;
}

function difference(after: Counts, before: Counts): Counts {
  return { chunkCount: after.chunkCount - before.chunkCount, termCount: after.termCount - before.termCount };
}
