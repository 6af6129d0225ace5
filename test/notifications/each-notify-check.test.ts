// Each limit of a notify request alone: what is just good enough, what is not, and the words.

import { expect, it } from 'vitest';
import { AppError, type FieldFault } from '../../src/errors.ts';
import { parseNotifyRequest } from '../../src/notifications/notify-request.ts';

const now = Date.parse('2026-01-01T00:00:00Z');
const day = 24 * 3_600_000;

function faultsOf(body: unknown): readonly FieldFault[] {
  try {
    parseNotifyRequest(body, now, 3_600_000);
    return [];
  } catch (error) {
    if (error instanceof AppError) return error.faults;
    throw error;
  }
}

const full = { to: { subject: 's' }, message: { text: 't' } };
const at = (time: number): string => new Date(time).toISOString();
const to = (recipient: object): object => ({ ...full, to: recipient });
const saying = (text: string): object => ({ ...full, message: { text } });
const withResult = (result: object): object => ({ ...full, result });
const withMetadata = (metadata: object): object => ({ ...full, metadata });
const fields = (count: number): object =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, 'v']));
const oneOf = 'must have exactly one of subject, conversationId, userId, all';
const either = 'must have exactly one of message and card';
const control = 'must not have control characters';
const unicode = 'must be well-formed Unicode';
const empty = 'must not be empty';
const any = expect.any(String) as string;

/** A card of this many bytes as JSON; `letter` has two of them. */
function cardOf(bytes: number, letter = 'ä'): object {
  const card = { type: 'AdaptiveCard', a: '' };
  const rest = bytes - JSON.stringify(card).length;
  return { to: full.to, card: { ...card, a: letter.repeat(Math.floor(rest / 2)) + 'x'.repeat(rest % 2) } };
}

it.each<[path: string, message: string, refused: unknown, taken: unknown]>([
  ['to', oneOf, to({}), to({ subject: 's' })],
  ['to', oneOf, to({ subject: 's', userId: 'u' }), to({ userId: 'u' })],
  ['to.subject', empty, to({ subject: '' }), to({ subject: 's' })],
  ['to.subject', any, to({ subject: 'x'.repeat(257) }), to({ subject: 'x'.repeat(256) })],
  ['to.subject', control, to({ subject: 'a\u0085b' }), to({ subject: 'a b' })],
  ['to.subject', unicode, to({ subject: 'a\ud800' }), to({ subject: 'a\u{1f600}' })],
  ['to.conversationId', any, to({ conversationId: 'x'.repeat(65) }), to({ conversationId: 'x'.repeat(64) })],
  ['to.userId', any, to({ userId: 'x'.repeat(257) }), to({ userId: 'x'.repeat(256) })],
  ['', either, { to: full.to }, full],
  ['', either, { ...full, card: { type: 'AdaptiveCard' } }, full],
  ['message.text', empty, saying(''), saying('t')],
  ['message.text', any, saying('x'.repeat(8_001)), saying('x'.repeat(8_000))],
  ['message.text', unicode, saying('\udc00'), saying('\u{1f600}')],
  ['text', any, { subject: 's', text: 'x'.repeat(8_001) }, { subject: 's', text: 'x'.repeat(8_000) }],
  ['card', 'must have at most 24576 bytes as JSON', cardOf(24 * 1024 + 1), cardOf(24 * 1024)],
  ['card.type', 'must be "AdaptiveCard"', { to: full.to, card: { type: 'HeroCard' } }, cardOf(100)],
  ['result', 'must have at most 25 fields', withResult(fields(26)), withResult(fields(25))],
  ['result.a', any, withResult({ a: 'x'.repeat(4_001) }), withResult({ a: 'x'.repeat(4_000) })],
  ['result.a', any, withResult({ a: 1.5 }), withResult({ a: 1 })],
  ['metadata', 'must have at most 20 fields', withMetadata(fields(21)), withMetadata(fields(20))],
  ['metadata.a', any, withMetadata({ a: 'x'.repeat(513) }), withMetadata({ a: 'x'.repeat(512) })],
  [
    'sendAt',
    'must be within 30 days',
    { ...full, sendAt: at(now + 30 * day + 1) },
    { ...full, sendAt: at(now + 30 * day) },
  ],
  [
    'expiresAt',
    'must be in the future and after sendAt',
    { ...full, expiresAt: at(now) },
    { ...full, expiresAt: at(now + 1) },
  ],
  [
    'expiresAt',
    'must be in the future and after sendAt',
    { ...full, sendAt: at(now + day), expiresAt: at(now + day - 1) },
    { ...full, sendAt: at(now + day), expiresAt: at(now + day + 1) },
  ],
  [
    'expiresAt',
    'must be at most 72 hours after sendAt, or from now',
    { ...full, expiresAt: at(now + 3 * day + 1) },
    { ...full, expiresAt: at(now + 3 * day) },
  ],
])('%s: %s', (path, message, refused, taken) => {
  expect(faultsOf(refused)).toEqual([{ path, message }]);
  expect(faultsOf(taken)).toEqual([]);
});
