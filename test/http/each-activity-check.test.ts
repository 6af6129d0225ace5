// Each check of an activity's shape alone: what it is refused for, and what is just good enough.

import { describe, expect, it } from 'vitest';
import { AppError } from '../../src/errors.ts';
import { parseInboundActivity } from '../../src/http/inbound-activity.ts';

const good = { type: 'message', id: 'a1', conversation: { id: 'c1' }, replyToId: 'r1' };

function faultsOf(activity: unknown): readonly (readonly [string, string])[] {
  try {
    parseInboundActivity(activity);
    return [];
  } catch (error) {
    if (error instanceof AppError) return error.faults.map(({ path, message }) => [path, message]);
    throw error;
  }
}

const plain = 'Must be well-formed Unicode without control characters';
const dots = 'Must not be a dot segment';
const latin = 'Must be printable Latin-1';
const any = expect.any(String) as string;

describe('an activity is refused', () => {
  it.each<[path: string, message: string, change: object]>([
    ['id', any, { id: 'x'.repeat(1025) }],
    ['id', plain, { id: 'a\ud800' }],
    ['id', plain, { id: 'a\u0000' }],
    ['id', dots, { id: '.' }],
    ['id', dots, { id: '..' }],
    ['replyToId', dots, { replyToId: '..' }],
    ['replyToId', plain, { replyToId: '\udc00' }],
    ['conversation.id', any, { conversation: { id: '' } }],
    ['conversation.id', any, { conversation: { id: 'x'.repeat(1025) } }],
    ['conversation.id', dots, { conversation: { id: '..' } }],
    ['conversation.id', dots, { conversation: { id: '.' } }],
    ['conversation.id', latin, { conversation: { id: 'a\nb' } }],
    ['conversation.id', latin, { conversation: { id: 'a\u0100' } }],
    ['type', any, { type: '' }],
    ['type', any, { type: 'x'.repeat(101) }],
    ['type', 'Invoke activities are not handled by this skill', { type: 'invoke' }],
    ['channelId', any, { channelId: 'x'.repeat(101) }],
    ['channelId', plain, { channelId: 'a\nb' }],
    ['from.id', any, { from: { id: 'x'.repeat(1025) } }],
    ['from.id', plain, { from: { id: 'a\u0000b' } }],
    ['recipient.id', plain, { recipient: { id: 'a\ud800' } }],
    ['conversation.tenantId', any, { conversation: { id: 'c1', tenantId: 'x'.repeat(101) } }],
    ['conversation.tenantId', plain, { conversation: { id: 'c1', tenantId: 'a\nb' } }],
    ['deliveryMode', any, { deliveryMode: 'x'.repeat(101) }],
    ['deliveryMode', plain, { deliveryMode: 'normal\u0000' }],
    ['locale', any, { locale: 'x'.repeat(101) }],
    ['locale', plain, { locale: 'en\nUS' }],
    ['serviceUrl', any, { serviceUrl: 'x'.repeat(513) }],
  ])('for its %s: %s', (path, message, change) => {
    expect(faultsOf({ ...good, ...change })).toContainEqual([path, message]);
  });

  it('with 20 faults at most', () => {
    expect(faultsOf({ ...good, attachments: Array.from({ length: 21 }, () => 'x') })).toHaveLength(20);
  });
});

it.each<[string, object]>([
  ['nothing more', {}],
  [
    'ids of 1,024 characters',
    { id: 'x'.repeat(1024), conversation: { id: 'x'.repeat(1024) }, from: { id: 'x'.repeat(1024) } },
  ],
  ['ids that only begin with dots', { id: '...', conversation: { id: '..a' } }],
  ['an id outside of Latin-1', { id: 'a\u{1f600}' }],
  ['a type of 100 characters', { type: 'x'.repeat(100) }],
  ['a channel of 100 characters', { channelId: 'x'.repeat(100) }],
  ['a service URL of 512 characters', { serviceUrl: 'x'.repeat(512) }],
])('an activity may have %s', (_, change) => {
  expect(faultsOf({ ...good, ...change })).toEqual([]);
});
