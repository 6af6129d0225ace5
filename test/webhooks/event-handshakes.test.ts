import { describe, expect, it } from 'vitest';
import { answerHandshake } from '../../src/webhooks/cloud-events.ts';
import type { WebhookHeaders } from '../../src/webhooks/webhook-headers.ts';

const origin = { 'webhook-request-origin': ['eventemitter.example.com'] };

/** The headers of the answer, or why there is no consent. */
function headersOf(headers: WebhookHeaders, perMinute?: number): unknown {
  const answer = answerHandshake(headers, perMinute);
  return answer.ok ? answer.headers : answer.reason;
}

describe('the handshake', () => {
  it.each([
    ['no rate asked, none set', undefined, undefined, '*'],
    ['no rate asked, 60 set', undefined, 60, '60'],
    ['120 asked, none set', '120', undefined, '120'],
    ['120 asked, 60 set', '120', 60, '60'],
    ['30 asked, 60 set', '30', 60, '30'],
  ])('gives consent: %s', (_name, asked, perMinute, rate) => {
    const headers = asked === undefined ? origin : { ...origin, 'webhook-request-rate': [asked] };
    expect(headersOf(headers, perMinute)).toEqual({
      Allow: 'POST, OPTIONS',
      'WebHook-Allowed-Origin': 'eventemitter.example.com',
      'WebHook-Allowed-Rate': rate,
    });
  });

  it.each(['eventgrid.azure.net', 'localhost', 'EXAMPLE.com', 'a-b.example', '10.0.0.1', 'xn--bcher-kva.example'])(
    'repeats the origin %s',
    (name) => {
      expect(headersOf({ 'webhook-request-origin': [name] })).toMatchObject({ 'WebHook-Allowed-Origin': name });
    },
  );

  it.each([
    '*',
    'a b',
    'https://example.com',
    'example.com:443',
    '-a.example',
    'a..b',
    'a.example.',
    'ä.example',
    'a.example\r\nSet-Cookie: x',
    'a.example\n',
    '<script>',
    'a.example, b.example',
    `${'a'.repeat(64)}.example`,
    'a.'.repeat(127) + 'aa',
  ])('does not repeat %j', (name) => {
    expect(headersOf({ 'webhook-request-origin': [name] })).toBe('webhook-request-origin is not a DNS name');
  });

  it.each(['0', '-1', '1.5', '*', '12x', ' ', '1e3', '1'.repeat(10)])('takes no rate %j', (rate) => {
    expect(headersOf({ ...origin, 'webhook-request-rate': [rate] })).toBe('webhook-request-rate is malformed');
  });

  it('is refused without an origin, with two of them, with two rates', () => {
    expect(headersOf({})).toBe('webhook-request-origin is missing');
    expect(headersOf({ 'webhook-request-origin': ['a.example', 'b.example'] })).toBe(
      'webhook-request-origin was sent more than once',
    );
    expect(headersOf({ ...origin, 'webhook-request-rate': ['1', '2'] })).toBe(
      'webhook-request-rate was sent more than once',
    );
  });

  it('takes no notice of a callback', () => {
    const headers = { ...origin, 'webhook-request-callback': ['http://169.254.169.254/'] };
    expect(headersOf(headers)).toEqual(headersOf(origin));
  });
});
