/** Longest line kept while its end has not come; a delta is a thousandth of it. UTF-16 units. */
const LINE_LENGTH_MAX = 1_048_576;

/**
 * Server-sent events as bytes come, wherever they are cut. Only `data` is of interest; comments (keep-alives) and other
 * fields are skipped. Throws on a line without end.
 */
export class EventStreamParser {
  readonly #onData: (data: string) => void;
  readonly #decoder = new TextDecoder();
  #rest = '';
  #data: string | undefined;

  constructor(onData: (data: string) => void) {
    this.#onData = onData;
  }

  push(bytes: Uint8Array): void {
    const text = this.#rest + this.#decoder.decode(bytes, { stream: true });
    let start = 0;
    for (let end = text.indexOf('\n'); end !== -1; end = text.indexOf('\n', start)) {
      this.#line(text, start, text.charCodeAt(end - 1) === 13 ? end - 1 : end);
      start = end + 1;
    }
    this.#rest = text.slice(start);
    if (this.#rest.length > LINE_LENGTH_MAX) throw new Error('an event stream line has no end');
  }

  #line(text: string, start: number, end: number): void {
    if (end <= start) {
      const data = this.#data;
      this.#data = undefined;
      if (data !== undefined) this.#onData(data);
    } else if (text.startsWith('data:', start)) {
      const from = text.charCodeAt(start + 5) === 32 ? start + 6 : start + 5;
      const data = text.slice(from, end);
      this.#data = this.#data === undefined ? data : `${this.#data}\n${data}`;
    }
  }
}
