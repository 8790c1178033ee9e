/** The tables of the chat log as data: made, completed and compared by `migrateScylla`. */
export interface TableDefinition {
  readonly name: string;
  /** In the words of `system_schema.columns`; only what Cassandra 5 and ScyllaDB share. */
  readonly columns: Readonly<Record<string, 'text' | 'int' | 'timestamp'>>;
  readonly partitionKey: readonly string[];
  readonly clustering: readonly { readonly column: string; readonly order: 'asc' | 'desc' }[];
  readonly comment: string;
}

/** Positions of one partition: at a few kilobytes a message, about a megabyte. Stored data depends on it: never change. */
export const BUCKET_POSITIONS = 256;

/** The partition of a conversation that a position falls into. */
export function bucketOf(position: number): number {
  return Math.floor(position / BUCKET_POSITIONS);
}

export const TABLES: readonly TableDefinition[] = [
  {
    name: 'messages',
    columns: {
      workspace_id: 'text',
      conversation_id: 'text',
      bucket: 'int',
      position: 'int',
      message_id: 'text',
      role: 'text',
      text: 'text',
      run_id: 'text',
      citations: 'text',
      created_at: 'timestamp',
    },
    partitionKey: ['workspace_id', 'conversation_id', 'bucket'],
    // The newest page is what every run begins with.
    clustering: [{ column: 'position', order: 'desc' }],
    comment: 'Messages; a partition holds 256 positions of a conversation',
  },
  {
    name: 'message_buckets',
    columns: { workspace_id: 'text', conversation_id: 'text', bucket: 'int' },
    partitionKey: ['workspace_id', 'conversation_id'],
    clustering: [{ column: 'bucket', order: 'desc' }],
    comment: 'Buckets after the first that may hold messages of a conversation',
  },
  {
    name: 'answers',
    columns: { workspace_id: 'text', run_id: 'text', event_count: 'int', events: 'text' },
    partitionKey: ['workspace_id', 'run_id'],
    clustering: [],
    comment:
      'Finished answers with the first chunk of their events, for most of them all; written after the others',
  },
  {
    name: 'answer_events',
    columns: {
      workspace_id: 'text',
      run_id: 'text',
      last_sequence: 'int',
      first_sequence: 'int',
      events: 'text',
    },
    partitionKey: ['workspace_id', 'run_id'],
    // By its last sequence, the chunks after a sequence are one range, and begin with the one that holds its successor.
    clustering: [{ column: 'last_sequence', order: 'asc' }],
    comment: 'Further chunks of the events of long answers',
  },
];

/** No storage options: each server has its own good defaults for rows that are written once and never deleted. */
export function createTable({ name, columns, partitionKey, clustering, comment }: TableDefinition): string {
  const fields = Object.entries(columns).map(([column, type]) => `${column} ${type}`);
  const key = [`(${partitionKey.join(', ')})`, ...clustering.map(({ column }) => column)].join(', ');
  const order = clustering.map(({ column, order: direction }) => `${column} ${direction.toUpperCase()}`);
  const ordered = order.length === 0 ? '' : `CLUSTERING ORDER BY (${order.join(', ')}) AND `;
  return `CREATE TABLE IF NOT EXISTS ${name} (${fields.join(', ')}, PRIMARY KEY (${key})) WITH ${ordered}comment = '${comment}'`;
}
