// A conversation with an open action, as a turn would have stored it.

import type { Conversation } from '../../src/conversations/conversation.ts';

export const conversation: Conversation = {
  id: 'c',
  callerAppId: 'parent',
  tenantId: 'tenant',
  channelId: 'msteams',
  externalId: 'external',
  userKey: 'user',
  userId: 'user',
  serviceUrl: 'https://parent.example.com/',
  audience: 'parent',
  reference: {},
  claims: { aud: 'skill', ver: '1.0', appid: 'parent', tid: 'tenant', iss: 'issuer' },
  deliveryMode: 'normal',
  reachability: 'push',
  reachabilityReason: 'An action is open and waits.',
  locale: undefined,
  lastSeenAt: 0,
};
