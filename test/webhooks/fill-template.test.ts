import { describe, expect, it } from 'vitest';
import { parseNotifyRequest } from '../../src/notifications/notify-request.ts';
import { fillTemplate } from '../../src/webhooks/fill-template.ts';
import { faultsOf, fill, fillText, missing, templateOf } from './templates.ts';

describe('a template', () => {
  it('makes a notify request of a push', () => {
    const body = fill({
      subject: 'repo/{{repository.full_name}}',
      text: '{{sender.login}} pushed to {{ref}}',
      result: { branch: '{{ref}}' },
      metadata: { event: '{{header:X-GitHub-Event}}' },
    });
    expect(body).toEqual({
      subject: 'repo/octo/hello',
      text: 'octocat pushed to refs/heads/main',
      result: { branch: 'refs/heads/main' },
      metadata: { event: 'push' },
    });
    expect(parseNotifyRequest(body, 0, 1_000).to).toEqual({ subject: 'repo/octo/hello' });
  });

  it('keeps what has no placeholder as it is', () => {
    const template = { to: { all: true }, keepOpen: false, a: [1, 2.5, null, 'x', []], b: {}, c: '', d: '} }} |' };
    expect(fill(template)).toEqual(template);
  });

  it('may be an Adaptive Card', () => {
    const card = { type: 'AdaptiveCard', version: '1.5', body: [{ type: 'TextBlock', text: '{{commits.1.message}}' }] };
    expect(fill({ to: { subject: 's' }, card })).toMatchObject({ card: { body: [{ text: 'Second' }] } });
  });

  it('is filled anew each time', () => {
    const template = templateOf({ text: '{{ref}}' });
    const first = fillTemplate(template, { body: { ref: 'a' }, headers: {} });
    expect(fillTemplate(template, { body: { ref: 'b' }, headers: {} })).toEqual({ text: 'b' });
    expect(first).toEqual({ text: 'a' });
  });
});

describe('a placeholder', () => {
  it.each([
    ['{{ref}}', 'refs/heads/main'],
    ['{{ ref }}', 'refs/heads/main'],
    ['a{{ref}}b{{sender.login}}c', 'arefs/heads/mainboctocatc'],
    ['{{ref}}{{ref}}', 'refs/heads/mainrefs/heads/main'],
    ['{{commits.0.id}} {{commits.1.id}}', 'c1 c2'],
    ['{{size}}', '2'],
    ['{{forced}}', 'false'],
    ['{{ref}}}', 'refs/heads/main}'],
    ['{{a.b|none}}', 'none'],
    ['{{ a.b | none at all }}', 'none at all'],
    ['{{a|}}', ''],
    ['{{a|x|y}}', 'x|y'],
    ['{{repository.description|no description}}', 'no description'],
    ['{{ref|none}}', 'refs/heads/main'],
    ['{{forced|none}}', 'false'],
    ['{{commits.2.id|none}}', 'none'],
    ['{{ref.name|none}}', 'none'],
    ['{{header:X-GitHub-Event}}', 'push'],
    ['{{header:x-github-event}}', 'push'],
    ['{{header:ce-type}} {{header:aeg-event-type}}', 't Notification'],
    ['{{header:X-Other|none}}', 'none'],
    ['{{header:X-Twice|none}}', 'none'],
  ])('%s becomes %j', (text, filled) => {
    expect(fillText(text)).toBe(filled);
  });

  it.each([
    [{ n: 0 }, '0'],
    [{ n: -1.5 }, '-1.5'],
    [{ n: 1e21 }, '1e+21'],
    [{ n: true }, 'true'],
    [{ n: '' }, ''],
    [{ n: 'line\nbreak' }, 'line\nbreak'],
  ])('the value in %j is inserted as %j', (body, filled) => {
    expect(fillText('{{n}}', body)).toBe(filled);
  });

  it('reads a list at the top, and names in other scripts', () => {
    expect(
      fillText('{{0.größe}} {{0.@type}} {{0.$id}} {{0.a-b_c}}', [{ größe: 1, '@type': 2, $id: 3, 'a-b_c': 4 }]),
    ).toBe('1 2 3 4');
  });

  it.each([
    ['{{a.b}}', missing('a.b')],
    ['{{sender.name}}', missing('sender.name')],
    ['{{repository.description}}', missing('repository.description')],
    ['{{commits.2.id}}', missing('commits.2.id')],
    ['{{commits.-1.id}}', missing('commits.-1.id')],
    ['{{commits.01.id}}', missing('commits.01.id')],
    ['{{commits.length}}', missing('commits.length')],
    ['{{ref.0}}', missing('ref.0')],
    ['{{ref.length}}', missing('ref.length')],
    ['{{header:X-Other}}', missing('header:X-Other')],
    ['{{header:X-Twice}}', missing('header:X-Twice')],
    ['{{sender}}', 'text: needs sender to be a text, a number or true or false'],
    ['{{commits}}', 'text: needs commits to be a text, a number or true or false'],
    ['{{commits|none}}', 'text: needs commits to be a text, a number or true or false'],
  ])('%s is a fault: %s', (text, fault) => {
    expect(faultsOf({ text })).toEqual([fault]);
  });

  it('has its fault at its place, each of them', () => {
    const template = { subject: '{{a}}', text: '{{ref}} {{b}}', card: { body: [{ text: 'x' }, { text: '{{c.d}}' }] } };
    expect(faultsOf(template)).toEqual([
      'subject: needs a, which the webhook does not have',
      'text: needs b, which the webhook does not have',
      'card.body.1.text: needs c.d, which the webhook does not have',
    ]);
  });

  it.each([[undefined], [null], ['text'], [7], [true], [[]]])('finds nothing in the body %j', (body) => {
    expect(faultsOf({ text: '{{length}}' }, body)).toEqual([missing('length')]);
  });

  it('does not write Infinity', () => {
    expect(faultsOf({ text: '{{n}}' }, JSON.parse('{"n": 1e999}'))).toHaveLength(1);
  });

  it('is not quoted with a value in an error', () => {
    const template = templateOf({ text: '{{a}} {{b}}' });
    expect(() => fillTemplate(template, { body: { a: 'canary-7319' }, headers: {} })).toThrow(
      /^The webhook does not fit its template: text: needs b, which the webhook does not have\.$/,
    );
  });
});

describe('long values', () => {
  it('are cut at 1000 characters, visibly', () => {
    expect(fillText('{{n}}', { n: 'x'.repeat(1_000) })).toBe('x'.repeat(1_000));
    expect(fillText('{{n}}', { n: 'x'.repeat(1_001) })).toBe(`${'x'.repeat(999)}…`);
  });

  it('are not cut within an emoji', () => {
    expect(fillText('{{n}}', { n: `${'x'.repeat(998)}\u{1f600}${'x'.repeat(9)}` })).toBe(`${'x'.repeat(998)}…`);
  });

  it('of a header are cut too', () => {
    const input = { body: {}, headers: { 'x-a': ['y'.repeat(5_000)] } };
    expect(fillTemplate(templateOf({ text: '{{header:X-A}}' }), input)['text']).toHaveLength(1_000);
  });

  it('never become another subject by the cut: notify refuses them', () => {
    const body = fill({ subject: '{{n}}', text: 'x' }, { n: 'x'.repeat(1_001) });
    expect(() => parseNotifyRequest(body, 0, 1_000)).toThrow(/subject: must have at most 256 characters/);
  });
});
