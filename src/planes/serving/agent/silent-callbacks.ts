import { CallbackManager, CallbackManagerForChainRun } from '@langchain/core/callbacks/manager';
import { SilentTracer } from './silent-tracer.ts';

/**
 * LangChain's callback manager where nobody listens. The library copies a manager, with its tags and metadata, several
 * times for every step of every node; this one is its own copy and its own child. It holds the silent tracer and nothing
 * else, so that no other tracer is added.
 */
class SilentCallbacks extends CallbackManager {
  readonly #run = Promise.resolve(new SilentRun(this));

  constructor() {
    super(RUN_ID);
    super.addHandler(new SilentTracer());
  }

  override copy(): CallbackManager {
    return this;
  }
  override addHandler(): void {}
  override addTags(): void {}
  override addMetadata(): void {}

  override handleChainStart(): Promise<CallbackManagerForChainRun> {
    return this.#run;
  }
}

class SilentRun extends CallbackManagerForChainRun {
  readonly #callbacks: CallbackManager;

  constructor(callbacks: CallbackManager) {
    super(RUN_ID, [], [], [], [], {}, {});
    this.#callbacks = callbacks;
  }

  override getChild(): CallbackManager {
    return this.#callbacks;
  }
  override async handleChainEnd(): Promise<void> {}
  override async handleChainError(): Promise<void> {}
}

const RUN_ID = 'silent';

export const SILENT_CALLBACKS: CallbackManager = new SilentCallbacks();
