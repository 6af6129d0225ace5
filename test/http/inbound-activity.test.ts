import { describe, expect, it } from 'vitest';
import { AppError } from '../../src/errors.ts';
import { parseInboundActivity } from '../../src/http/inbound-activity.ts';

const message = {
  type: 'message',
  id: 'a1',
  channelId: 'pva-studio',
  serviceUrl: 'https://pvaruntime.us-il102.gateway.prod.island.powerapps.com/',
  conversation: { id: 'c1', tenantId: 't1' },
  from: { id: 'u1', role: 'user' },
  recipient: { id: 'b1', name: 'Bot' },
  text: 'hello',
};

describe('an activity', () => {
  it.each([
    ['a message', message],
    ['the import ping of Copilot Studio', { type: 'endOfConversation', recipient: null }],
    ['an import ping with nulls', { type: 'endOfConversation', recipient: null, conversation: null, serviceUrl: null }],
    ['a bare type', { type: 'x' }],
    ['an event with a value', { ...message, type: 'event', name: 'subscribe', value: { subject: 'order/42' } }],
    ['a value of another type', { ...message, value: 'text' }],
    ['an unknown field', { ...message, somethingNew: { deep: [1] } }],
    ['a conversation id of Latin-1', { ...message, conversation: { id: 'é;messageid=1 ÿ' } }],
    ['the longest conversation id', { ...message, conversation: { id: 'x'.repeat(1024) } }],
  ])('may be %s, and comes out unchanged', (_name, activity) => {
    expect(parseInboundActivity(activity)).toEqual(activity);
  });

  it.each([
    ['type', {}],
    ['type', { type: null }],
    ['type', { type: 7 }],
    ['type', { type: '' }],
    ['type', { type: 'x'.repeat(101) }],
    ['channelId', { ...message, channelId: 7 }],
    ['channelId', { ...message, channelId: 'x'.repeat(101) }],
    ['serviceUrl', { ...message, serviceUrl: {} }],
    ['serviceUrl', { ...message, serviceUrl: `https://${'x'.repeat(512)}` }],
    ['conversation', { ...message, conversation: 'c1' }],
    ['conversation.id', { ...message, conversation: {} }],
    ['conversation.id', { ...message, conversation: { id: '' } }],
    ['conversation.id', { ...message, conversation: { id: 'x'.repeat(1025) } }],
    ['conversation.id', { ...message, conversation: { id: 'emoji \u{1f600}' } }],
    ['conversation.id', { ...message, conversation: { id: 'line\r\nbreak' } }],
    ['conversation.id', { ...message, conversation: { id: '\u0080' } }],
    ['conversation.tenantId', { ...message, conversation: { id: 'c1', tenantId: 'x'.repeat(101) } }],
    ['conversation.tenantId', { ...message, conversation: { id: 'c1', tenantId: 't\n1' } }],
    ['from', { ...message, from: [] }],
    ['from.id', { ...message, from: { id: 7 } }],
    ['from.id', { ...message, from: { id: 'x'.repeat(1025) } }],
    // The database would give it back as "victim".
    ['from.id', { ...message, from: { id: 'victim\u0000x' } }],
    ['from.id', { ...message, from: { id: 'u\ud800' } }],
    ['recipient.id', { ...message, recipient: { id: 'b\u0000' } }],
    ['channelId', { ...message, channelId: 'msteams\u0000x' }],
    ['locale', { ...message, locale: 'de\u0000' }],
    ['deliveryMode', { ...message, deliveryMode: 'x'.repeat(101) }],
    ['conversation.id', { ...message, conversation: { id: '..' } }],
    ['id', { ...message, id: '.' }],
    ['replyToId', { ...message, replyToId: 'a\u0000' }],
    ['recipient', { ...message, recipient: 'bot' }],
    ['text', { ...message, text: { a: 1 } }],
    ['name', { ...message, name: 1 }],
    ['locale', { ...message, locale: ['de'] }],
    ['deliveryMode', { ...message, deliveryMode: true }],
    ['entities', { ...message, entities: {} }],
    ['entities.0', { ...message, entities: [null] }],
    ['attachments.1', { ...message, attachments: [{}, 'x'] }],
  ])('is refused for its %s', (path, activity) => {
    expect(catchError(() => parseInboundActivity(activity))).toMatchObject({
      code: 'malformed_request',
      faults: [{ path, message: expect.any(String) }],
    });
  });

  it('is refused with a bounded list of faults that never quotes it', () => {
    const attachments = Array.from({ length: 1000 }, () => 'hush');
    const error = catchError(() => parseInboundActivity({ type: 'message', attachments, name: ['hush'] }));
    expect(error.faults).toHaveLength(20);
    expect(JSON.stringify([error.message, error.faults])).not.toContain('hush');
  });
});

function catchError(run: () => unknown): AppError {
  try {
    run();
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}
