// Many subscribers, stored as their turns would have: a hundred thousand turns would take longer than the test.

import { randomUUID } from 'node:crypto';
import type { Conversation } from '../../src/conversations/conversation.ts';
import { conversationIdOf } from '../../src/conversations/conversation.ts';
import { saveConversation } from '../../src/conversations/conversation-store.ts';
import { subscribe } from '../../src/conversations/subscription-store.ts';
import { openDatabase } from '../../src/storage/database.ts';
import { transact } from '../../src/storage/transact.ts';
import type { StandIn } from '../../standin/types.ts';

type Subscribers = {
  readonly dataDir: string;
  readonly count: number;
  readonly subject: string;
  readonly standIn: StandIn;
  readonly skillAppId: string;
  readonly serviceUrl: string;
};

const rowsPerCommit = 1_000;

/** Stores them in the data folder of a service that does not run. */
export async function storeSubscribers(subscribers: Subscribers): Promise<void> {
  const db = await openDatabase({ dataDir: subscribers.dataDir });
  for (let start = 0; start < subscribers.count; start += rowsPerCommit) {
    const end = Math.min(start + rowsPerCommit, subscribers.count);
    await transact(db, async (trx) => {
      for (let index = start; index < end; index += 1) {
        const conversation = createConversation(subscribers, index);
        await saveConversation(trx, conversation);
        const { subject } = subscribers;
        await subscribe(trx, { conversationId: conversation.id, subject, once: false, createdAt: Date.now() });
      }
    });
  }
  await db.destroy();
}

function createConversation({ standIn, skillAppId, serviceUrl }: Subscribers, index: number): Conversation {
  const callerAppId = standIn.agent.appId;
  const key = { callerAppId, tenantId: standIn.tenantId, channelId: 'msteams', externalId: `many/${index}` };
  const user = { id: `29:${index}`, aadObjectId: randomUUID() };
  return {
    id: conversationIdOf(key),
    ...key,
    userKey: user.aadObjectId,
    userId: user.id,
    serviceUrl,
    audience: callerAppId,
    reference: {
      serviceUrl,
      channelId: 'msteams',
      conversation: { id: key.externalId, isGroup: false, conversationType: 'personal', name: '' },
      user: { id: user.id, name: '', aadObjectId: user.aadObjectId },
      bot: { id: skillAppId, name: '' },
    },
    claims: {
      aud: skillAppId,
      ver: '1.0',
      appid: callerAppId,
      tid: standIn.tenantId,
      iss: `https://sts.windows.net/${standIn.tenantId}/`,
    },
    deliveryMode: 'normal',
    reachability: 'push',
    reachabilityReason: 'An action is open and waits.',
    locale: 'en-US',
    lastSeenAt: Date.now(),
  };
}
