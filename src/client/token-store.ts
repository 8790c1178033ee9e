export interface Tokens {
  readonly accessToken: string;
  readonly refreshToken: string;
  /** RFC 3339, by the server's clock. */
  readonly expiresAt: string;
}

/** Where a session outlives the page or the process. Whoever can read it is signed in: treat it as a password. */
export interface TokenStore {
  load(): Promise<Tokens | undefined> | Tokens | undefined;
  /** undefined: signed out. */
  save(tokens: Tokens | undefined): Promise<void> | void;
  /**
   * Runs `work` while nobody else who shares the store does. A refresh token is good for one exchange, and using it a
   * second time ends the session, so two tabs must not refresh at once.
   */
  exclusively?<Result>(work: () => Promise<Result>): Promise<Result>;
}

/** Lives as long as the client. */
export function memoryTokenStore(): TokenStore {
  let stored: Tokens | undefined;
  return {
    load: () => stored,
    save: (tokens) => {
      stored = tokens;
    },
  };
}

/** `localStorage` or `sessionStorage`; tabs take turns through the Web Locks API where there is one. */
export function webTokenStore(storage: Storage, key = 'multidb.tokens'): TokenStore {
  const locks = globalThis.navigator?.locks;
  return {
    load: () => parseTokens(storage.getItem(key)),
    save: (tokens) => {
      if (tokens === undefined) storage.removeItem(key);
      else storage.setItem(key, JSON.stringify(tokens));
    },
    ...(locks && {
      exclusively: async <Result>(work: () => Promise<Result>): Promise<Result> => locks.request(key, work),
    }),
  };
}

function parseTokens(json: string | null): Tokens | undefined {
  try {
    const value: unknown = JSON.parse(json ?? 'null');
    if (typeof value !== 'object' || value === null) return undefined;
    const { accessToken, refreshToken, expiresAt } = value as Record<string, unknown>;
    if (typeof accessToken !== 'string' || typeof refreshToken !== 'string') return undefined;
    return typeof expiresAt === 'string' ? { accessToken, refreshToken, expiresAt } : undefined;
  } catch {
    return undefined;
  }
}
