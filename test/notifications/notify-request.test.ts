import { assert, jsonValue, property } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AppError } from '../../src/errors.ts';
import { parseNotifyRequest } from '../../src/notifications/notify-request.ts';

const now = Date.parse('2026-01-01T00:00:00Z');
const hour = 3_600_000;
const ttl = 24 * hour;
const full = { to: { subject: 's' }, message: { text: 't' } };

const parse = (body: unknown) => parseNotifyRequest(body, now, ttl);

/** A card of this many bytes as JSON. */
function cardOf(bytes: number): Record<string, unknown> {
  const card = { type: 'AdaptiveCard', a: '' };
  return { ...card, a: 'x'.repeat(bytes - JSON.stringify(card).length) };
}

/** Undefined when the body is taken. */
function refusalOf(body: unknown): AppError | undefined {
  try {
    parse(body);
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
  return undefined;
}

function faultsOf(body: unknown): string[] {
  return refusalOf(body)?.faults.map((fault) => fault.path) ?? ['(taken)'];
}

describe('requests that are taken', () => {
  it('in the short form', () => {
    expect(parse({ subject: 'order/42', text: 'shipped' })).toEqual({
      to: { subject: 'order/42' },
      content: { message: { text: 'shipped', textFormat: 'markdown' } },
      keepOpen: false,
      expiresAt: now + ttl,
    });
  });

  it('in the full form', () => {
    const body = {
      to: { conversationId: 'c' },
      card: { type: 'AdaptiveCard', version: '1.5', body: [{ type: 'Image', url: 'https://example.com/a.png' }] },
      result: { a: 'text', b: 3, c: true },
      keepOpen: true,
      sendAt: '2026-01-01T01:00:00Z',
      expiresAt: '2026-01-01T05:00:00+02:00',
      metadata: { source: 'erp' },
    };
    expect(parse(body)).toEqual({
      to: body.to,
      content: { card: body.card },
      result: body.result,
      keepOpen: true,
      sendAt: now + hour,
      expiresAt: now + 3 * hour,
      metadata: body.metadata,
    });
  });

  it.each([{ userId: 'u' }, { all: true }, { subject: 'x'.repeat(256) }])('to %j', (to) => {
    expect(parse({ ...full, to }).to).toEqual(to);
  });

  it.each([[{ subject: ' order/42 ', text: 't' }], [{ ...full, to: { subject: 'order/42\t' } }]])(
    'trims a subject, as the actions do: %j',
    (body) => {
      expect(parse(body).to).toEqual({ subject: 'order/42' });
    },
  );

  it('counts the life of a scheduled one from its time', () => {
    expect(parse({ ...full, sendAt: '2026-01-02T00:00:00Z' }).expiresAt).toBe(now + 24 * hour + ttl);
  });

  it('sends at once what was scheduled for the past', () => {
    expect(parse({ ...full, sendAt: '2025-12-31T23:00:00Z' })).not.toHaveProperty('sendAt');
  });

  it('lets one that was scheduled for the past live from now on', () => {
    expect(parse({ ...full, sendAt: '2025-12-25T00:00:00Z' }).expiresAt).toBe(now + ttl);
  });

  it("follows a default life beyond 72 hours, which is the operator's wish", () => {
    expect(parseNotifyRequest(full, now, 7 * ttl).expiresAt).toBe(now + 7 * ttl);
  });

  it('with a card of as many bytes as there may be', () => {
    const card = cardOf(24 * 1024);
    expect(parse({ to: full.to, card }).content).toEqual({ card });
  });

  it('with the address of the schema that the card designer writes', () => {
    const card = { type: 'AdaptiveCard', $schema: 'http://adaptivecards.io/schemas/adaptive-card.json' };
    expect(parse({ to: full.to, card }).content).toEqual({ card });
  });
});

describe('requests that are refused, by path', () => {
  it.each<[string, unknown, string[]]>([
    ['no object', 'hello', ['']],
    ['null', null, ['']],
    ['a list', [], ['']],
    ['nothing', {}, ['to']],
    ['no recipient', { message: { text: 't' } }, ['to']],
    ['two recipients', { ...full, to: { subject: 's', userId: 'u' } }, ['to']],
    ['no recipient inside', { ...full, to: {} }, ['to']],
    ['all: false', { ...full, to: { all: false } }, ['to']],
    ['a service URL', { ...full, serviceUrl: 'https://attacker.example' }, ['serviceUrl']],
    ['an audience', { ...full, audience: 'x' }, ['audience']],
    ['a reference', { ...full, reference: {} }, ['reference']],
    ['a field inside the message', { ...full, message: { text: 't', speak: 's' } }, ['message.speak']],
    ['neither message nor card', { to: full.to }, ['']],
    ['message and card', { ...full, card: { type: 'AdaptiveCard' } }, ['']],
    ['an empty text', { ...full, message: { text: '' } }, ['message.text']],
    ['a text that is too long', { ...full, message: { text: 'x'.repeat(8001) } }, ['message.text']],
    ['a text that is no text', { ...full, message: { text: 5 } }, ['message.text']],
    ['an unknown format', { ...full, message: { text: 't', textFormat: 'html' } }, ['message.textFormat']],
    ['a card of another type', { to: full.to, card: { type: 'HeroCard' } }, ['card.type']],
    ['a card of one byte too many', { to: full.to, card: cardOf(24 * 1024 + 1) }, ['card']],
    [
      'a card of too many bytes in fewer characters',
      { to: full.to, card: { ...cardOf(20_000), b: 'ä'.repeat(2_500) } },
      ['card'],
    ],
    ['a text with half of a character', { ...full, message: { text: 'a\ud83d' } }, ['message.text']],
    ['metadata with half of a character', { ...full, metadata: { a: '\udc00' } }, ['metadata.a']],
    [
      'a card with javascript',
      { to: full.to, card: { type: 'AdaptiveCard', body: [{ url: 'javascript:alert(1)' }] } },
      ['card.body.0.url'],
    ],
    [
      'a card with data',
      { to: full.to, card: { type: 'AdaptiveCard', actions: [{ url: 'data:text/html,x' }] } },
      ['card.actions.0.url'],
    ],
    [
      'a card with plain http',
      { to: full.to, card: { type: 'AdaptiveCard', body: [{ iconUrl: 'http://example.com' }] } },
      ['card.body.0.iconUrl'],
    ],
    [
      'a card with javascript behind it',
      { to: full.to, card: { type: 'AdaptiveCard', backgroundImage: 'javascript:alert(1)' } },
      ['card.backgroundImage'],
    ],
    ['a result that is no object', { ...full, result: 'x' }, ['result']],
    ['a result with half numbers', { ...full, result: { a: 1.5 } }, ['result.a']],
    ['a result with lists', { ...full, result: { a: [1] } }, ['result.a']],
    [
      'a result of 26 fields',
      { ...full, result: Object.fromEntries(Array.from({ length: 26 }, (_, n) => [`k${n}`, n])) },
      ['result'],
    ],
    ['keepOpen as text', { ...full, keepOpen: 'yes' }, ['keepOpen']],
    ['a time that is none', { ...full, sendAt: 'tomorrow' }, ['sendAt']],
    ['a time without zone', { ...full, expiresAt: '2026-01-02T00:00:00' }, ['expiresAt']],
    ['an end in the past', { ...full, expiresAt: '2025-12-31T00:00:00Z' }, ['expiresAt']],
    [
      'an end before the start',
      { ...full, sendAt: '2026-01-01T02:00:00Z', expiresAt: '2026-01-01T01:00:00Z' },
      ['expiresAt'],
    ],
    ['an end that is too far', { ...full, expiresAt: '2026-01-04T00:00:01Z' }, ['expiresAt']],
    ['a start that is too far', { ...full, sendAt: '2026-02-01T00:00:00Z' }, ['sendAt']],
    ['metadata with numbers', { ...full, metadata: { a: 1 } }, ['metadata.a']],
    ['a subject with a newline', { subject: 'a\nb', text: 't' }, ['subject']],
    ['a blank subject', { subject: '  ', text: 't' }, ['subject']],
    ['an empty subject', { subject: '', text: 't' }, ['subject']],
    ['a subject that is too long', { subject: 'x'.repeat(257), text: 't' }, ['subject']],
    ['a short form without text', { subject: 's' }, ['text']],
    ['a short form without subject', { text: 't' }, ['subject']],
    ['a short form with more', { subject: 's', text: 't', to: undefined, extra: 1 }, ['to', 'extra']],
  ])('%s', (_, body, paths) => {
    const faults = faultsOf(body);
    for (const path of paths) expect(faults.join(' ') || '(body)').toContain(path);
    expect(faults).not.toContain('(taken)');
  });

  it('whatever is sent, it is taken or refused with a 422, and Object.prototype stays clean', () => {
    assert(
      property(jsonValue(), (body) => {
        const error = refusalOf(body);
        expect(error === undefined || error.status === 422).toBe(true);
      }),
      { numRuns: 1_000 },
    );
    expect(Object.keys(Object.prototype)).toEqual([]);
  });

  it('never repeats the text in its words', () => {
    const error = refusalOf({ ...full, message: { text: 'a-secret-text', more: 'a-secret-text' } });
    expect(error?.faults).toHaveLength(1);
    expect(JSON.stringify(error) + String(error)).not.toContain('a-secret-text');
  });
});
