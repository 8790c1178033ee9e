import type { ChunkIndex } from '../../../src/domain/ports/chunk-index.ts';

export interface ChunkIndexHarness {
  readonly index: ChunkIndex;
  /**
   * Resolves when every earlier write shows in searches. Immediate for indexes that are consistent by themselves; what
   * was removed must not need it.
   */
  settle(): Promise<void>;
  close(): Promise<void>;
}
