// T19 of reliability-security.md: the headers that hold a signature, an id and a time.
import { describe, expect, it } from 'vitest';
import type { WebhookHeaders } from '../../src/webhooks/webhook-headers.ts';
import {
  checkGithub,
  checkStandard,
  githubHeaders,
  githubSecret,
  messageId,
  officialSecret,
  otherSecret,
  payload,
  signGithub,
  signStandard,
  standardHeaders,
  withSvixNames,
  wrong,
} from './signing.ts';

/** Well-formed, of nobody; it stands in the tests of the official libraries. */
const nobodys = 'v1,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc=';

describe('signatures in one header', () => {
  const right = signStandard(officialSecret);
  const bare = right.slice('v1,'.length);
  const noVersion = 'refused: webhook-signature has no signature of version v1';
  it.each([
    ['the right one among wrong ones', `${nobodys} v2,${bare} ${right} ${nobodys}`, messageId],
    [
      'an asymmetric one besides',
      `v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZ ${right}`,
      messageId,
    ],
    ['two blanks between', `${nobodys}  ${right}`, messageId],
    ['20 of them', [...Array<string>(19).fill(nobodys), right].join(' '), messageId],
    ['21 of them', Array<string>(21).fill(right).join(' '), 'refused: webhook-signature has too many signatures'],
    ['only wrong ones', `${nobodys} ${nobodys}`, wrong],
    ['another version', `v2,${bare}`, noVersion],
    ['the asymmetric version', `v1a,${bare}`, noVersion],
    ['a capital V', `V1,${bare}`, noVersion],
    ['no version', bare, noVersion],
    ['an equals sign for the comma', `v1=${bare}`, noVersion],
    ['the prefix of GitHub', `sha256=${bare}`, noVersion],
    ['a blank', ' ', noVersion],
    ['the version alone', 'v1,', wrong],
    ['the first part', right.slice(0, 8), wrong],
    ['one character too few', right.slice(0, -1), wrong],
    ['one character too many', `${right}=`, wrong],
    ['a tab at its end', `${right}\t`, wrong],
    ['a comma at its end', `${right},`, wrong],
    ['a blank inside', `${right.slice(0, 20)} ${right.slice(20)}`, wrong],
    ['the alphabet for URLs', right.replaceAll('+', '-').replaceAll('/', '_'), wrong],
    ['another text for the same bytes', right.replace('OE=', 'OF='), wrong],
    ['the same in hex', `v1,${Buffer.from(bare, 'base64').toString('hex')}`, wrong],
    ['a character that becomes the right one when cut to a byte', right.replace('g', '\u0167'), wrong],
  ])('Standard Webhooks: %s', (_name, signature, outcome) => {
    expect(checkStandard({ headers: { ...standardHeaders([]), 'webhook-signature': [signature] } })).toBe(outcome);
  });

  const hex = signGithub(githubSecret, payload).slice('sha256='.length);
  const noKind = 'refused: x-hub-signature-256 has no signature of the kind sha256';
  it.each([
    ['no prefix', hex, noKind],
    ['the prefix of SHA-1', `sha1=${hex}`, noKind],
    ['the prefix of SHA-512', `sha512=${hex}`, noKind],
    ['capitals in the prefix', `SHA256=${hex}`, noKind],
    ['a blank before', ` sha256=${hex}`, noKind],
    ['the prefix of Standard Webhooks', `v1,${hex}`, noKind],
    ['the prefix alone', 'sha256=', wrong],
    ['the prefix twice', `sha256=sha256=${hex}`, wrong],
    ['capitals', `sha256=${hex.toUpperCase()}`, wrong],
    ['one digit too few', `sha256=${hex.slice(0, -1)}`, wrong],
    ['one digit too many', `sha256=${hex}0`, wrong],
    ['base64', `sha256=${Buffer.from(hex, 'hex').toString('base64')}`, wrong],
    ['two in one', `sha256=${hex}, sha256=${hex}`, wrong],
    ['zeros', `sha256=${'0'.repeat(64)}`, wrong],
  ])('GitHub: %s', (_name, signature, outcome) => {
    expect(
      checkGithub({ headers: { ...githubHeaders(githubSecret, payload), 'x-hub-signature-256': [signature] } }),
    ).toBe(outcome);
  });
});

describe('headers', () => {
  const good = standardHeaders([officialSecret]);
  it.each(['webhook-id', 'webhook-timestamp', 'webhook-signature'])(
    '%s missing, empty, twice, twice the same',
    (name) => {
      const value = good[name]?.[0] ?? '';
      expect(checkStandard({ headers: { ...good, [name]: undefined } })).toBe(`refused: ${name} is missing`);
      expect(checkStandard({ headers: { ...good, [name]: [] } })).toBe(`refused: ${name} is missing`);
      expect(checkStandard({ headers: { ...good, [name]: [''] } })).toBe(`refused: ${name} is missing`);
      const twice = `refused: ${name} was sent more than once`;
      expect(checkStandard({ headers: { ...good, [name]: [value, 'x'] } })).toBe(twice);
      expect(checkStandard({ headers: { ...good, [name]: ['x', value] } })).toBe(twice);
      expect(checkStandard({ headers: { ...good, [name]: [value, value] } })).toBe(twice);
    },
  );

  const hub = githubHeaders(githubSecret, payload);
  it.each(['x-github-delivery', 'x-hub-signature-256'] as const)('%s missing, empty, twice, twice the same', (name) => {
    const value = hub[name][0] ?? '';
    expect(checkGithub({ headers: { ...hub, [name]: undefined } })).toBe(`refused: ${name} is missing`);
    expect(checkGithub({ headers: { ...hub, [name]: [''] } })).toBe(`refused: ${name} is missing`);
    const twice = `refused: ${name} was sent more than once`;
    expect(checkGithub({ headers: { ...hub, [name]: [value, 'x'] } })).toBe(twice);
    expect(checkGithub({ headers: { ...hub, [name]: [value, value] } })).toBe(twice);
  });

  it.each(['a.b', 'a b', 'a,b', 'a, a', 'ä', 'a\tb', 'a\r\nb', '"a"', 'a\\b', ' ', 'x'.repeat(256)])(
    'an id may not be %j, even signed',
    (id) => {
      expect(checkStandard({ headers: standardHeaders([officialSecret], { id }) })).toBe(
        'refused: webhook-id is malformed',
      );
      expect(checkGithub({ headers: githubHeaders(githubSecret, payload, id) })).toBe(
        'refused: x-github-delivery is malformed',
      );
    },
  );

  it.each(['id', 'timestamp', 'signature'])('the two families are not mixed: %s has the other name', (part) => {
    const { [`webhook-${part}`]: moved, ...rest } = good;
    expect(checkStandard({ headers: { ...rest, [`svix-${part}`]: moved } })).toBe(
      `refused: webhook-${part} is missing`,
    );
  });

  it('in both families count in the first one', () => {
    const stale = withSvixNames(standardHeaders([otherSecret], { id: 'other' }));
    expect(checkStandard({ headers: { ...stale, ...good } })).toBe(messageId);
    const forged = { ...withSvixNames(good), ...good, 'webhook-id': ['other'] };
    expect(checkStandard({ headers: forged })).toBe(wrong);
  });

  it('that only a prototype has are not there', () => {
    expect(checkStandard({ headers: Object.create(good) as WebhookHeaders })).toBe('refused: svix-id is missing');
    expect(checkGithub({ headers: Object.create(hub) as WebhookHeaders })).toBe(
      'refused: x-github-delivery is missing',
    );
  });

  it('are not quoted in a reason', () => {
    const canary = 'canary-7319';
    for (const name of Object.keys(good)) {
      for (const values of [[`${canary} .`], [canary, canary]]) {
        expect(checkStandard({ headers: { ...good, [name]: values } })).not.toContain(canary);
      }
    }
  });
});
