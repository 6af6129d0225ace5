// N9: a sender sets what the table of a notification names, and nothing else, whatever it calls it and wherever it puts it.

import { describe, expect, it } from 'vitest';
import { AppError } from '../../src/errors.ts';
import { type NotifyRequest, parseNotifyRequest } from '../../src/notifications/notify-request.ts';

const now = Date.parse('2026-01-01T00:00:00Z');
const parse = (body: unknown): NotifyRequest => parseNotifyRequest(body, now, 3_600_000);

function faultsOf(body: unknown): AppError['faults'] {
  try {
    parse(body);
  } catch (error) {
    if (error instanceof AppError) return error.faults;
    throw error;
  }
  return [{ path: '(taken)', message: '' }];
}

const full = { to: { subject: 's' }, message: { text: 't' }, result: { a: 1 }, metadata: { b: 'c' } };

/** Where something could be put: a body with `fields` there, and the path of that place. */
const levels: readonly [string, (fields: object) => unknown, string][] = [
  ['the body', (fields) => ({ ...full, ...fields }), ''],
  ['the body of a card', (fields) => ({ to: full.to, card: { type: 'AdaptiveCard' }, ...fields }), ''],
  ['the short form', (fields) => ({ subject: 's', text: 't', ...fields }), ''],
  ['to a subject', (fields) => ({ ...full, to: { subject: 's', ...fields } }), 'to.'],
  ['to a user', (fields) => ({ ...full, to: { userId: 'u', ...fields } }), 'to.'],
  ['to a conversation', (fields) => ({ ...full, to: { conversationId: 'c', ...fields } }), 'to.'],
  ['to all', (fields) => ({ ...full, to: { all: true, ...fields } }), 'to.'],
  ['message', (fields) => ({ ...full, message: { text: 't', ...fields } }), 'message.'],
];

const names = [
  'serviceUrl',
  'serviceURL',
  'audience',
  'botId',
  'bot',
  'appId',
  'channelId',
  'channelData',
  'conversation',
  'conversationReference',
  'reference',
  'recipient',
  'from',
  'tenantId',
  'claims',
  'callerAppId',
  'sender',
  'id',
  'status',
  'attempts',
  'acceptedAt',
  'userKey',
  'attachments',
  'toString',
  'constructor',
  'hasOwnProperty',
  '',
  'a.b',
];

describe.each(levels)('a field that does not exist, at %s', (_, bodyWith, path) => {
  it.each(names)('%j is refused by its path', (name) => {
    const fault = { path: path + name, message: 'is not a field of a notification' };
    expect(faultsOf(bodyWith({ [name]: 'https://attacker.example' }))).toContainEqual(fault);
    expect(faultsOf(bodyWith({ [name]: { subject: 's' } }))).toContainEqual(fault);
    expect(faultsOf(bodyWith({ [name]: null }))).toContainEqual(fault);
  });

  it('many are named together, of which twenty are repeated', () => {
    const two = faultsOf(bodyWith({ botId: 1, audience: 2 }));
    expect(two.map((fault) => fault.path)).toEqual([`${path}botId`, `${path}audience`]);
    const fields = Object.fromEntries(Array.from({ length: 400 }, (__, index) => [`x${index}`, 1]));
    expect(faultsOf(bodyWith(fields))).toHaveLength(20);
  });

  it('a name of 60 KB is cut', () => {
    const [fault] = faultsOf(bodyWith({ ['x'.repeat(60_000)]: 1 }));
    expect(fault?.path).toBe(`${`${path}${'x'.repeat(200)}`.slice(0, 200)}…`);
  });
});

describe('result and metadata hold what the sender calls it, and it stays there', () => {
  it.each(names.filter((name) => name !== ''))('%j', (name) => {
    const { to, content, result, metadata } = parse({ ...full, result: { [name]: 'x' }, metadata: { [name]: 'y' } });
    expect({ to, content }).toEqual({ to: full.to, content: { message: { text: 't', textFormat: 'markdown' } } });
    expect(result).toEqual({ [name]: 'x' });
    expect(metadata).toEqual({ [name]: 'y' });
  });

  it.each([
    ['an object', { a: {} }, 'result.a'],
    ['a list', { a: [] }, 'result.a'],
    ['null', { a: null }, 'result.a'],
    ['a name of 65 characters', { ['x'.repeat(65)]: 1 }, `result.${'x'.repeat(65)}`],
    ['an empty name', { '': 1 }, 'result.'],
    ['a name with a control character', { 'a\u0000': 1 }, 'result.a\u0000'],
    ['a number beyond 2^53', { a: 2 ** 53 }, 'result.a'],
    ['half of a character', { a: '\ud800' }, 'result.a'],
  ])('but no %s', (_, result, path) => {
    expect(faultsOf({ ...full, result }).map((fault) => fault.path)).toContain(path);
  });
});

describe('the recipient', () => {
  it.each<[unknown, string, string]>([
    [{}, 'to', 'must have exactly one of subject, conversationId, userId, all'],
    [{ subject: 's', userId: 'u' }, 'to', 'must have exactly one of subject, conversationId, userId, all'],
    [{ subject: 's', all: true }, 'to', 'must have exactly one of subject, conversationId, userId, all'],
    [undefined, 'to', 'must have exactly one of subject, conversationId, userId, all'],
    [null, 'to', 'must have exactly one of subject, conversationId, userId, all'],
    ['s', 'to', 'must have exactly one of subject, conversationId, userId, all'],
    [[{ subject: 's' }], 'to', 'must have exactly one of subject, conversationId, userId, all'],
    [{ all: false }, 'to.all', 'must be true'],
    [{ all: 'true' }, 'to.all', 'must be true'],
    [{ subject: '' }, 'to.subject', 'must not be empty'],
    [{ subject: 's\u0000' }, 'to.subject', 'must not have control characters'],
    [{ subject: 's\ud800' }, 'to.subject', 'must be well-formed Unicode'],
    [{ userId: '\udfff' }, 'to.userId', 'must be well-formed Unicode'],
    [{ conversationId: 'x'.repeat(65) }, 'to.conversationId', 'must have at most 64 characters'],
  ])('%j is refused: %s %s', (to, path, message) => {
    expect(faultsOf({ ...full, to })).toEqual([{ path, message }]);
  });
});
