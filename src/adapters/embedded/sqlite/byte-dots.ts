/**
 * Dot products of rows of signed bytes, sixteen at a time: V8 makes no vector instructions of a loop in JavaScript, and
 * this takes a twentieth of its time. The module below is the assembled form of
 *
 * (module
 *   (memory (export "memory") 8)
 *   (func (export "dots") (param $row i32) (param $count i32) (param $dimensions i32) (param $query i32) (param $out i32)
 *     (local $at i32) (local $end i32) (local $sum v128) (local $a v128) (local $b v128)
 *     (local.set $end (i32.add (local.get $query) (local.get $dimensions)))
 *     (loop $rows
 *       (local.set $at (local.get $query))
 *       (local.set $sum (v128.const i32x4 0 0 0 0))
 *       (loop $columns
 *         (local.set $a (v128.load (local.get $row)))
 *         (local.set $b (v128.load (local.get $at)))
 *         (local.set $sum (i32x4.add (local.get $sum) (i32x4.add
 *           (i32x4.dot_i16x8_s (i16x8.extend_low_i8x16_s (local.get $a)) (i16x8.extend_low_i8x16_s (local.get $b)))
 *           (i32x4.dot_i16x8_s (i16x8.extend_high_i8x16_s (local.get $a)) (i16x8.extend_high_i8x16_s (local.get $b))))))
 *         (local.set $row (i32.add (local.get $row) (i32.const 16)))
 *         (br_if $columns (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 16))) (local.get $end))))
 *       (i32.store (local.get $out) (i32.add
 *         (i32.add (i32x4.extract_lane 0 (local.get $sum)) (i32x4.extract_lane 1 (local.get $sum)))
 *         (i32.add (i32x4.extract_lane 2 (local.get $sum)) (i32x4.extract_lane 3 (local.get $sum)))))
 *       (local.set $out (i32.add (local.get $out) (i32.const 4)))
 *       (br_if $rows (local.tee $count (i32.sub (local.get $count) (i32.const 1)))))))
 */
const MODULE =
  'AGFzbQEAAAABCQFgBX9/f39/AAMCAQAFAwEACAcRAgZtZW1vcnkCAARkb3RzAAAKoQEBngECAn8DeyADIAJqIQYDQCADIQX9' +
  'DAAAAAAAAAAAAAAAAAAAAAAhBwNAIAD9AAQAIQggBf0ABAAhCSAHIAj9hwEgCf2HAf26ASAI/YgBIAn9iAH9ugH9rgH9rgEh' +
  'ByAAQRBqIQAgBUEQaiIFIAZJDQALIAQgB/0bACAH/RsBaiAH/RsCIAf9GwNqajYCACAEQQRqIQQgAUEBayIBDQALCw==';

/** Rows have a multiple of so many columns; the rest is zeros. */
export const COLUMN_STEP = 16;
const PAGE_BYTES = 65_536;
/** Of the rows that are handed over at once; they stay in the processor's cache. */
const BLOCK_BYTES = 256 * 1_024;

interface Exports {
  readonly memory: WebAssembly.Memory;
  dots(row: number, count: number, dimensions: number, query: number, out: number): void;
}

/** One scratch memory for all scans of a thread; a call must not be interleaved with another. */
export class ByteDots {
  readonly #exports: Exports;

  constructor() {
    const module = new WebAssembly.Module(Buffer.from(MODULE, 'base64'));
    // The module above exports exactly these.
    this.#exports = new WebAssembly.Instance(module).exports as unknown as Exports;
  }

  /** Calls back for every row with its dot product with the query; `codes` holds the rows one after the other. */
  forEachRow(
    codes: Int8Array,
    query: Int8Array,
    count: number,
    visit: (row: number, dot: number) => void,
  ): void {
    const columns = query.length;
    const rowsInBlock = Math.max(1, Math.floor(BLOCK_BYTES / columns));
    const [outStart, rowStart] = [columns, columns + rowsInBlock * 4];
    this.#ensureBytes(rowStart + rowsInBlock * columns);
    const { memory, dots } = this.#exports;
    const bytes = new Int8Array(memory.buffer);
    const out = new Int32Array(memory.buffer, outStart, rowsInBlock);
    bytes.set(query, 0);
    for (let first = 0; first < count; first += rowsInBlock) {
      const rows = Math.min(rowsInBlock, count - first);
      bytes.set(codes.subarray(first * columns, (first + rows) * columns), rowStart);
      dots(rowStart, rows, columns, 0, outStart);
      for (let row = 0; row < rows; row += 1) visit(first + row, out[row] as number);
    }
  }

  #ensureBytes(byteCount: number): void {
    const { memory } = this.#exports;
    const missing = byteCount - memory.buffer.byteLength;
    if (missing > 0) memory.grow(Math.ceil(missing / PAGE_BYTES));
  }
}
