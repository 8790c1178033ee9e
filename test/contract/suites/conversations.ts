import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Conversation } from '../../../src/domain/conversation.ts';
import { AWKWARD_TEXT, ids } from '../../support/fixtures.ts';
import {
  createTenant,
  type MakeRelational,
  type RelationalHarness,
  start,
  type Tenant,
} from './relational-harness.ts';

export function describeConversationRepository(name: string, make: MakeRelational): void {
  describe(`ConversationRepository: ${name}`, () => {
    let harness: RelationalHarness;
    let tenant: Tenant;
    beforeAll(async () => {
      harness = await make();
    });
    afterAll(() => harness.close());
    beforeEach(async () => {
      tenant = await createTenant(harness);
    });

    /** Conversations are made by their first run. */
    const create = async (): Promise<Conversation> => {
      const { conversationId } = await start(harness, tenant);
      const conversation = await harness.conversations.find(tenant.scope, tenant.userId, conversationId);
      if (conversation === undefined) throw new Error('the conversation is missing');
      return conversation;
    };
    const list = (first: number, after?: Conversation) =>
      harness.conversations.list(tenant.scope, tenant.userId, { first, after });

    it('lists the latest activity first, in a total order', async () => {
      const made = [];
      for (let index = 0; index < 5; index += 1) {
        if (index % 2 === 0) harness.clock.advance(10);
        made.push(await create());
      }
      const expected = made.toSorted(
        (left, right) => right.updatedAt - left.updatedAt || (left.id < right.id ? 1 : -1),
      );
      expect(await list(10)).toEqual({ items: expected, hasNextPage: false });
      const first = await list(2);
      expect(first).toEqual({ items: expected.slice(0, 2), hasNextPage: true });
      const second = await list(2, expected[1]);
      expect(second).toEqual({ items: expected.slice(2, 4), hasNextPage: true });
      expect(await list(2, expected[3])).toEqual({ items: expected.slice(4), hasNextPage: false });
    });

    it('moves a conversation to the front when something happens in it; earlier cursors go on', async () => {
      const made = [];
      for (let index = 0; index < 4; index += 1) {
        harness.clock.advance(10);
        made.push(await create());
      }
      const [oldest, second, third, newest] = made;
      const page = await list(2);
      expect(page.items).toEqual([newest, third]);
      harness.clock.advance(10);
      const conversation = { kind: 'existing', id: oldest?.id ?? ids.next('cnv') } as const;
      await start(harness, tenant, { conversation });
      expect(await list(2, third)).toEqual({ items: [second], hasNextPage: false });
      expect((await list(1)).items).toMatchObject([{ id: oldest?.id, updatedAt: harness.clock.now() }]);
    });

    it('renames without counting it as activity', async () => {
      const conversation = await create();
      harness.clock.advance(10);
      const { userId, scope } = tenant;
      const renamed = await harness.conversations.rename(scope, userId, conversation.id, AWKWARD_TEXT);
      expect(renamed).toEqual({ ...conversation, title: AWKWARD_TEXT });
      expect(await harness.conversations.find(scope, userId, conversation.id)).toEqual(renamed);
      const unknown = await harness.conversations.rename(scope, userId, ids.next('cnv'), 'x');
      expect(unknown).toBeUndefined();
    });

    it('does not exist for other workspaces and other users', async () => {
      const conversation = await create();
      const other = await createTenant(harness);
      const { conversations } = harness;
      for (const [scope, userId] of [
        [other.scope, tenant.userId],
        [tenant.scope, other.userId],
      ] as const) {
        expect(await conversations.find(scope, userId, conversation.id)).toBeUndefined();
        expect(await conversations.rename(scope, userId, conversation.id, 'theirs')).toBeUndefined();
        expect((await conversations.list(scope, userId, { first: 10 })).items).toEqual([]);
      }
      expect((await list(10)).items).toEqual([conversation]);
    });
  });
}
