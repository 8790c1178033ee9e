import { describe, expect, it } from 'vitest';
import type { TableDefinition } from '../../../src/adapters/scylla/schema.ts';
import {
  type ColumnRow,
  compareReplication,
  compareSchema,
} from '../../../src/adapters/scylla/schema-comparison.ts';

const TABLE: TableDefinition = {
  name: 'notes',
  columns: { owner: 'text', place: 'int', body: 'text' },
  partitionKey: ['owner'],
  clustering: [{ column: 'place', order: 'desc' }],
  comment: '',
};
const column = (column_name: string, kind: string, type: string, order = 'none'): ColumnRow => {
  const position = kind === 'regular' ? -1 : 0;
  return { table_name: 'notes', column_name, kind, position, type, clustering_order: order };
};
const owner = column('owner', 'partition_key', 'text');
const place = column('place', 'clustering', 'int', 'desc');
const body = column('body', 'regular', 'text');

describe('the tables of a server, compared with ours', () => {
  it('are the same', () => {
    expect(compareSchema([TABLE], [owner, place, body])).toEqual({ missing: [], differences: [] });
  });

  it('may have columns that we do not know', () => {
    const newer = column('mood', 'regular', 'text');
    expect(compareSchema([TABLE], [owner, place, body, newer]).differences).toEqual([]);
  });

  it('may be missing, or a column of theirs', () => {
    expect(compareSchema([TABLE], []).missing).toEqual([{ kind: 'table', table: TABLE }]);
    const missing = [{ kind: 'column', table: 'notes', column: 'body', type: 'text' }];
    expect(compareSchema([TABLE], [owner, place])).toEqual({ missing, differences: [] });
  });

  it('may be others under the same name', () => {
    const ascending = column('place', 'clustering', 'int', 'asc');
    expect(compareSchema([TABLE], [owner, ascending])).toEqual({
      missing: [],
      differences: ['the key of notes is ((owner), place asc) and must be ((owner), place desc)'],
    });
    const { differences } = compareSchema([TABLE], [owner, place, { ...body, type: 'blob' }]);
    expect(differences).toEqual(['notes.body is blob and must be text']);
  });
});

describe('the copies of a keyspace', () => {
  const compare = (replication: Record<string, string>) =>
    compareReplication(replication, { keyspace: 'chat', dataCentre: 'eu' });
  const byDataCentre = { class: 'org.apache.cassandra.locator.NetworkTopologyStrategy' };

  it('are wanted in our data centre', () => {
    const elsewhere = ['keyspace chat keeps no copy in data centre eu'];
    expect(compare({ ...byDataCentre, us: '3' })).toEqual(elsewhere);
    expect(compare({ ...byDataCentre, us: '3', eu: '0' })).toEqual(elsewhere);
    expect(compare({ ...byDataCentre, eu: '1' })).toEqual([]);
    expect(
      compare({ class: 'org.apache.cassandra.locator.SimpleStrategy', replication_factor: '1' }),
    ).toEqual([]);
  });
});
