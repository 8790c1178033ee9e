import mongoose from 'mongoose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GridFsBlobStore } from '../../../src/adapters/mongodb/gridfs-blob-store.ts';
import { SystemClock } from '../../../src/adapters/system/clock.ts';
import { TestClock } from '../../support/clock.ts';
import { newScope } from '../../support/fixtures.ts';
import { nameOf, newDatabase, serverUrl, type TestDatabase } from './harness.ts';

const { GridFSBucket, ObjectId } = mongoose.mongo;
const TWO_DAYS_MS = 2 * 24 * 60 * 60 * 1_000;

describe.skipIf(serverUrl === undefined)(nameOf('blobs in GridFS'), () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await newDatabase();
  });
  afterAll(() => database.drop());

  it('are freed of what dead processes left, a day later', async () => {
    const { connection } = database;
    const { database: db } = connection;
    const scope = newScope();
    const clock = new SystemClock();
    const store = await GridFsBlobStore.open(connection, clock);
    const bucket = new GridFSBucket(db, { bucketName: 'blobs' });
    const leave = async (key: string) => {
      const fileId = new ObjectId();
      const path = `${scope.workspaceId}/${key}`;
      await db.collection('blobs.uploads').insertOne({ _id: fileId, key: path, startedAt: clock.now() });
      const upload = bucket.openUploadStreamWithId(fileId, path);
      await new Promise<void>((resolve) => upload.end(Buffer.from('second'), resolve));
      return { fileId, path };
    };
    await store.put(scope, 'untouched', Buffer.from('first'));
    await store.put(scope, 'replaced', Buffer.from('first'));
    await leave('untouched');
    const { fileId, path } = await leave('replaced');
    await db.collection<{ _id: string }>('blobs.keys').updateOne({ _id: path }, { $set: { fileId } });
    const left = async () => [
      await db.collection('blobs.files').countDocuments(),
      await db.collection('blobs.chunks').countDocuments(),
      await db.collection('blobs.uploads').countDocuments(),
    ];
    await GridFsBlobStore.open(connection, clock);
    expect(await left()).toEqual([4, 4, 2]);
    await GridFsBlobStore.open(connection, new TestClock(clock.now() + TWO_DAYS_MS));
    expect(await left()).toEqual([2, 2, 0]);
    expect(String(await store.get(scope, 'untouched'))).toBe('first');
    expect(String(await store.get(scope, 'replaced'))).toBe('second');
  });
});
