/** A model could not be fetched; the message says why and may be shown as it is. */
export class FetchError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'FetchError';
  }
}
