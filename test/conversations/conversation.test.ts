import { describe, expect, it } from 'vitest';
import { conversationIdOf, type ConversationKey } from '../../src/conversations/conversation.ts';

const key: ConversationKey = { callerAppId: 'caller', tenantId: 'tenant', channelId: 'msteams', externalId: 'c1' };

describe('the id of a conversation', () => {
  it('is the same on every turn', () => {
    expect(conversationIdOf({ ...key })).toBe(conversationIdOf(key));
    expect(conversationIdOf(key)).toMatch(/^[\w-]{22}$/);
  });

  it.each<[string, Partial<ConversationKey>]>([
    ['another caller', { callerAppId: 'caller2' }],
    ['another tenant', { tenantId: 'tenant2' }],
    ['another channel', { channelId: 'directline' }],
    ['another conversation', { externalId: 'c2' }],
    ['the case of the conversation', { externalId: 'C1' }],
    ['parts pushed to the right', { callerAppId: 'call', tenantId: 'ertenant' }],
    ['parts that hold a comma and quotes', { callerAppId: 'caller","tenant', tenantId: '' }],
    ['two parts exchanged', { callerAppId: 'tenant', tenantId: 'caller' }],
    ['a null at the end', { externalId: 'c1\0' }],
    ['nothing for a part', { channelId: '' }],
  ])('is another for %s', (_, change) => {
    expect(conversationIdOf({ ...key, ...change })).not.toBe(conversationIdOf(key));
  });
});
