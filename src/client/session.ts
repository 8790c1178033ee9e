import { MultiDbError } from './errors.ts';
import type { TokenStore, Tokens } from './token-store.ts';

/** So early that a request started now arrives before the token expires. */
const REFRESH_EARLY_MS = 30_000;

interface SessionOptions {
  readonly store: TokenStore;
  /** Exchanges a refresh token; throws UNAUTHENTICATED when the session has ended. */
  readonly refresh: (refreshToken: string) => Promise<Tokens>;
}

/** The credential of all the client's requests and of its socket: nothing, an API key, or tokens kept fresh. */
export class Session {
  readonly #store: TokenStore;
  readonly #refresh: (refreshToken: string) => Promise<Tokens>;
  #apiKey: string | undefined;
  #tokens: Tokens | undefined;
  /** Milliseconds of this machine's clock. */
  #refreshAt = Number.POSITIVE_INFINITY;
  #loading: Promise<void> | undefined;
  #refreshing: Promise<void> | undefined;

  constructor(options: SessionOptions) {
    this.#store = options.store;
    this.#refresh = options.refresh;
  }

  async signIn(tokens: Tokens): Promise<void> {
    this.#apiKey = undefined;
    this.#loading = Promise.resolve();
    this.#hold(tokens);
    await this.#store.save(tokens);
  }

  async signOut(): Promise<void> {
    this.#apiKey = undefined;
    this.#loading = Promise.resolve();
    this.#tokens = undefined;
    await this.#store.save(undefined);
  }

  useApiKey(apiKey: string): void {
    this.#apiKey = apiKey;
  }

  /** Value of the `authorization` header; undefined when nobody is signed in. Refreshes a token about to expire. */
  async authorization(): Promise<string | undefined> {
    if (this.#apiKey !== undefined) return `Bearer ${this.#apiKey}`;
    await this.#load();
    if (this.#tokens !== undefined && Date.now() >= this.#refreshAt) await this.#refreshOnce(this.#tokens);
    return this.#tokens && `Bearer ${this.#tokens.accessToken}`;
  }

  /** After the server refused this value: true when there is another one to try. */
  async renew(refused: string | undefined): Promise<boolean> {
    if (refused === undefined || this.#apiKey !== undefined) return false;
    const tokens = this.#tokens;
    if (tokens === undefined) return false;
    if (refused === `Bearer ${tokens.accessToken}`) await this.#refreshOnce(tokens);
    return true;
  }

  /** Once for all who ask meanwhile. */
  #refreshOnce(tokens: Tokens): Promise<void> {
    this.#refreshing ??= this.#exclusively(() => this.#exchange(tokens)).finally(() => {
      this.#refreshing = undefined;
    });
    return this.#refreshing;
  }

  async #exchange(tokens: Tokens): Promise<void> {
    const stored = await this.#store.load();
    // Another tab was first: its tokens replaced ours.
    if (stored !== undefined && stored.refreshToken !== tokens.refreshToken) return this.#hold(stored);
    try {
      const next = await this.#refresh(tokens.refreshToken);
      if (this.#tokens !== tokens) return;
      this.#hold(next);
      await this.#store.save(next);
    } catch (error) {
      if (error instanceof MultiDbError && error.code === 'UNAUTHENTICATED' && this.#tokens === tokens) {
        await this.signOut();
      }
      throw error;
    }
  }

  #exclusively(work: () => Promise<void>): Promise<void> {
    return this.#store.exclusively ? this.#store.exclusively(work) : work();
  }

  #load(): Promise<void> {
    this.#loading ??= this.#readStore();
    return this.#loading;
  }

  async #readStore(): Promise<void> {
    const stored = await this.#store.load();
    if (stored === undefined) return;
    this.#tokens = stored;
    this.#refreshAt = Date.parse(stored.expiresAt) - REFRESH_EARLY_MS;
  }

  /**
   * If a brand-new token seems to expire at once, this machine's clock is wrong, and going by it would refresh before
   * every request; the server then says when it is time, by refusing.
   */
  #hold(tokens: Tokens): void {
    const refreshAt = Date.parse(tokens.expiresAt) - REFRESH_EARLY_MS;
    this.#tokens = tokens;
    this.#refreshAt = refreshAt > Date.now() ? refreshAt : Number.POSITIVE_INFINITY;
  }
}
