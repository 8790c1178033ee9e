/**
 * Makes of a stream of deltas one of well-formed ones: a surrogate pair that was split over two deltas is put
 * together, a half that never finds its other half becomes U+FFFD, and NUL, which PostgreSQL cannot store, is left out.
 */
export class WellFormedText {
  #high = '';

  push(delta: string): string {
    let text = this.#high + delta;
    this.#high = '';
    const last = text.charCodeAt(text.length - 1);
    if (last >= 0xd800 && last <= 0xdbff) {
      this.#high = text.slice(-1);
      text = text.slice(0, -1);
    }
    return clean(text);
  }

  /** What is left when no more deltas come. */
  end(): string {
    const rest = this.#high;
    this.#high = '';
    return clean(rest);
  }
}

function clean(text: string): string {
  const wellFormed = text.isWellFormed() ? text : text.toWellFormed();
  return wellFormed.includes('\0') ? wellFormed.replaceAll('\0', '') : wellFormed;
}

/** The longest prefix of at most `length` units that does not end inside a surrogate pair. */
export function cutAt(text: string, length: number): string {
  if (text.length <= length) return text;
  const last = text.charCodeAt(length - 1);
  return text.slice(0, last >= 0xd800 && last <= 0xdbff ? length - 1 : length);
}
