import { z } from 'zod';
import type { TableDefinition } from './schema.ts';

/** A row of `system_schema.columns`. */
export const columnRowSchema = z.object({
  table_name: z.string(),
  column_name: z.string(),
  kind: z.string(),
  /** Place within the key of its kind; -1 for other columns. */
  position: z.int(),
  type: z.string(),
  clustering_order: z.string(),
});
export type ColumnRow = z.output<typeof columnRowSchema>;

export interface SchemaComparison {
  /** What a migration would make: statements with a name for the report. */
  readonly missing: readonly MissingPart[];
  /** What stands in the way and no migration changes; sentences. */
  readonly differences: readonly string[];
}
export type MissingPart =
  | { readonly kind: 'table'; readonly table: TableDefinition }
  | { readonly kind: 'column'; readonly table: string; readonly column: string; readonly type: string };

/** A sentence when no copy is kept where we look for it. SimpleStrategy keeps copies anywhere and names no data centre. */
export function compareReplication(
  replication: Readonly<Record<string, string>>,
  { keyspace, dataCentre }: { readonly keyspace: string; readonly dataCentre: string },
): readonly string[] {
  const isByDataCentre = replication['class']?.endsWith('NetworkTopologyStrategy') === true;
  // ScyllaDB may list the racks that have a copy instead of a number.
  const isHere = !['0', '[]', undefined].includes(replication[dataCentre]);
  return isByDataCentre && !isHere ? [`keyspace ${keyspace} keeps no copy in data centre ${dataCentre}`] : [];
}

export function compareSchema(
  wanted: readonly TableDefinition[],
  columns: readonly ColumnRow[],
): SchemaComparison {
  const missing: MissingPart[] = [];
  const differences: string[] = [];
  for (const table of wanted) {
    const found = columns.filter(({ table_name }) => table_name === table.name);
    if (found.length === 0) {
      missing.push({ kind: 'table', table });
      continue;
    }
    const comparison = compareTable(table, found);
    missing.push(...comparison.missing);
    differences.push(...comparison.differences);
  }
  return { missing, differences };
}

/** Columns that this version does not know are left alone: a newer one may have added them. */
function compareTable(table: TableDefinition, found: readonly ColumnRow[]): SchemaComparison {
  const missing: MissingPart[] = [];
  const differences: string[] = [];
  for (const [column, type] of Object.entries(table.columns)) {
    const actual = found.find(({ column_name }) => column_name === column);
    if (actual === undefined) missing.push({ kind: 'column', table: table.name, column, type });
    else if (actual.type !== type)
      differences.push(`${table.name}.${column} is ${actual.type} and must be ${type}`);
  }
  const wantedKey = keyOf(table);
  const actualKey = keyOfRows(found);
  if (wantedKey === actualKey) return { missing, differences };
  // Without its key a table is another table: what else differs does not matter.
  return { missing: [], differences: [`the key of ${table.name} is ${actualKey} and must be ${wantedKey}`] };
}

function keyOf({ partitionKey, clustering }: TableDefinition): string {
  return shown(
    partitionKey,
    clustering.map(({ column, order }) => `${column} ${order}`),
  );
}

function keyOfRows(rows: readonly ColumnRow[]): string {
  const ofKind = (wanted: string) =>
    rows.filter(({ kind }) => kind === wanted).sort((left, right) => left.position - right.position);
  return shown(
    ofKind('partition_key').map(({ column_name }) => column_name),
    ofKind('clustering').map(
      ({ column_name, clustering_order }) => `${column_name} ${clustering_order.toLowerCase()}`,
    ),
  );
}

function shown(partitionKey: readonly string[], clustering: readonly string[]): string {
  return `(${[`(${partitionKey.join(', ')})`, ...clustering].join(', ')})`;
}
