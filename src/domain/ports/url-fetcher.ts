export interface FetchedUrl {
  readonly bytes: Uint8Array;
  /** As the server declared it; empty if it did not. */
  readonly mediaType: string;
  /** Last segment of the final URL's path; null if it has none. */
  readonly fileName: string | null;
}

/**
 * Fetches what a user named. The URL is hostile until proven otherwise: only http and https, only public addresses, at
 * every redirect again. Throws DomainError BAD_USER_INPUT (refused, not found), LIMIT_EXCEEDED (more than `bytesMax`),
 * DEADLINE_EXCEEDED or STORE_UNAVAILABLE (no answer; may be tried again).
 */
export interface UrlFetcher {
  fetch(url: string, bytesMax: number, signal: AbortSignal): Promise<FetchedUrl>;
}
