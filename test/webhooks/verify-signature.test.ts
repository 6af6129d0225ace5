// T19 of reliability-security.md: age, replay, rotation, secrets. Vectors, headers and flipped bits are next door.
import { describe, expect, it } from 'vitest';
import { findSecretFault } from '../../src/webhooks/verify-signature.ts';
import {
  checkGithub,
  checkStandard,
  delivery,
  githubHeaders,
  githubSecret,
  messageId,
  officialSecret,
  otherGithubSecret,
  otherSecret,
  payload,
  sentAt,
  signStandard,
  standardHeaders,
  wrong,
} from './signing.ts';

const unusable = 'refused: a secret is missing or cannot be used';
const base64Of = (length: number) => Buffer.alloc(length, 5).toString('base64');

describe('the age of a message', () => {
  it.each([
    [-300_000, messageId],
    [-1_000, messageId],
    [0, messageId],
    [300_000, messageId],
    [300_999, messageId],
    [301_000, 'refused: webhook-timestamp is too old'],
    [86_400_000, 'refused: webhook-timestamp is too old'],
    [-300_001, 'refused: webhook-timestamp is in the future'],
    [-301_000, 'refused: webhook-timestamp is in the future'],
    [-86_400_000, 'refused: webhook-timestamp is in the future'],
  ])('%i ms after it was signed: %s', (ms, outcome) => {
    expect(checkStandard({ now: sentAt * 1_000 + ms })).toBe(outcome);
  });

  it.each([-301, 301])('a timestamp moved by %i s afterwards is not what was signed', (seconds) => {
    const headers = { ...standardHeaders([officialSecret]), 'webhook-timestamp': [String(sentAt + seconds)] };
    expect(checkStandard({ headers, now: (sentAt + seconds) * 1_000 })).toBe(wrong);
  });

  it.each([
    '0',
    '01614265330',
    '-1614265330',
    '+1614265330',
    '1614265330.0',
    '1614265330 ',
    '1614265330x',
    '1.6e9',
    '0x6037b8f2',
    'hello',
    'NaN',
    'Infinity',
    '1614265330, 1614265330',
    '١٦١٤٢٦٥٣٣٠',
    '9'.repeat(13),
    '2021-02-25T15:02:10Z',
  ])('a timestamp may not be %j, even signed', (timestamp) => {
    expect(checkStandard({ headers: standardHeaders([officialSecret], { timestamp }) })).toBe(
      'refused: webhook-timestamp is malformed',
    );
  });
});

describe('a replay', () => {
  it('has the same id each time, by which it is known', () => {
    expect([checkStandard(), checkStandard(), checkStandard()]).toEqual([messageId, messageId, messageId]);
    expect([checkGithub(), checkGithub()]).toEqual([delivery, delivery]);
  });

  it('with a new id is not what was signed', () => {
    expect(checkStandard({ headers: { ...standardHeaders([officialSecret]), 'webhook-id': ['msg_new'] } })).toBe(wrong);
  });

  it('with the border between id and time moved is refused, though the signed text is the same', () => {
    const text = Buffer.from(`${sentAt}.x`);
    const signature = signStandard(officialSecret, { id: 'a', timestamp: sentAt, body: text });
    const headers = {
      'webhook-id': [`a.${sentAt}`],
      'webhook-timestamp': [String(sentAt)],
      'webhook-signature': [signature],
    };
    expect(checkStandard({ headers, rawBody: Buffer.from('x') })).toBe('refused: webhook-id is malformed');
  });

  it('of a body in the other scheme is refused', () => {
    expect(checkGithub({ headers: standardHeaders([officialSecret]) })).toBe('refused: x-github-delivery is missing');
    expect(checkStandard({ headers: githubHeaders(githubSecret, payload) })).toBe('refused: svix-id is missing');
  });
});

describe('the rotation of secrets', () => {
  it.each([
    ['old and new are known, old signs', [officialSecret, otherSecret], [officialSecret], messageId],
    ['old and new are known, new signs', [officialSecret, otherSecret], [otherSecret], messageId],
    ['only old is known, both sign', [officialSecret], [officialSecret, otherSecret], messageId],
    ['only new is known, both sign', [otherSecret], [officialSecret, otherSecret], messageId],
    ['both are known, both sign', [otherSecret, officialSecret], [officialSecret, otherSecret], messageId],
    ['only new is known, old signs', [otherSecret], [officialSecret], wrong],
    ['only old is known, new signs', [officialSecret], [otherSecret], wrong],
  ])('Standard Webhooks: %s', (_name, secrets, signers, outcome) => {
    expect(checkStandard({ secrets, headers: standardHeaders(signers) })).toBe(outcome);
  });

  it.each([
    ['old and new are known, old signs', [githubSecret, otherGithubSecret], githubSecret, delivery],
    ['old and new are known, new signs', [githubSecret, otherGithubSecret], otherGithubSecret, delivery],
    ['only new is known, old signs', [otherGithubSecret], githubSecret, wrong],
  ])('GitHub: %s', (_name, secrets, signer, outcome) => {
    expect(checkGithub({ secrets, headers: githubHeaders(signer, payload) })).toBe(outcome);
  });
});

describe('secrets', () => {
  it.each([
    ['none', []],
    ['an empty one', ['']],
    ['the prefix alone', ['whsec_']],
    ['an empty one besides a good one', [officialSecret, '']],
    ['23 bytes', [`whsec_${base64Of(23)}`]],
    ['no base64', ['whsec_this is not base64, not at all']],
    ['the alphabet for URLs', [`whsec_${'_-'.repeat(16)}`]],
    ['no padding', [`whsec_${base64Of(25).replaceAll('=', '')}`]],
    ['a line feed at its end', [`${officialSecret}\n`]],
    ['a blank before', [` ${officialSecret}`]],
    ['a public key', [`whpk_${base64Of(32)}`]],
    ['a private key', [`whsk_${base64Of(32)}`]],
    ['the prefix twice', [`whsec_${officialSecret}`]],
  ])('of Standard Webhooks that refuse everything: %s', (_name, secrets) => {
    expect(checkStandard({ secrets })).toBe(unusable);
    expect(secrets.every((secret) => findSecretFault('standard', secret) === undefined)).toBe(secrets.length === 0);
  });

  it.each([
    ['none', []],
    ['an empty one', ['']],
    ['an empty one besides a good one', [githubSecret, '']],
    ['23 bytes', ['x'.repeat(23)]],
  ])('of GitHub that refuse everything: %s', (_name, secrets) => {
    expect(checkGithub({ secrets, headers: githubHeaders(secrets.at(-1) ?? '', payload) })).toBe(unusable);
  });

  it.each([
    ['standard', officialSecret, undefined],
    ['standard', base64Of(64), undefined],
    ['standard', `whsec_${base64Of(23)}`, 'must be whsec_ and the base64 of at least 24 bytes'],
    ['github', githubSecret, undefined],
    ['github', 'ü'.repeat(12), undefined],
    ['github', 'short', 'must have at least 24 bytes'],
  ] as const)('%s: %j has the fault %s', (scheme, secret, fault) => {
    expect(findSecretFault(scheme, secret)).toBe(fault);
  });

  it('of one scheme are another key in the other one', () => {
    const rawBody = payload;
    expect(checkGithub({ secrets: [officialSecret], headers: githubHeaders(githubSecret, rawBody) })).toBe(wrong);
  });
});
