import type { TextBuilder } from './text-builder.ts';

/** Name and value of one field of a record; both may be anything. */
export type Field = readonly [name: string, value: string];

/**
 * One record as one line that explains itself, `Country: France | Capital: Paris`, and one block, which the splitter keeps
 * whole: wherever a chunk begins, each of its values stands beside its name. Fields without a value are left out.
 */
export function writeRecord(out: TextBuilder, fields: readonly Field[]): void {
  out.openBlock();
  let isFirst = true;
  for (const [name, value] of fields) {
    if (value.trim() === '') continue;
    if (!isFirst) out.append(' | ');
    out.append(name === '' ? value : `${name}: ${value}`);
    isFirst = false;
  }
  out.closeBlock();
}
