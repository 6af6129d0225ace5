// T19 of reliability-security.md: vectors that others published, and what is signed is taken.
import { createHmac } from 'node:crypto';
import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { assert, property, string, uint8Array } from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  checkGithub,
  checkStandard,
  delivery,
  githubHeaders,
  githubSecret,
  hmacSha256,
  messageId,
  officialSecret,
  signGithub,
  signStandard,
  standardHeaders,
  withSvixNames,
} from './signing.ts';

const rfc4231: Readonly<Record<number, { key: Buffer; text: Buffer; mac: string }>> = {
  1: {
    key: Buffer.alloc(20, 0x0b),
    text: Buffer.from('Hi There'),
    mac: 'b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7',
  },
  2: {
    key: Buffer.from('Jefe'),
    text: Buffer.from('what do ya want for nothing?'),
    mac: '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843',
  },
  6: {
    key: Buffer.alloc(131, 0xaa),
    text: Buffer.from('Test Using Larger Than Block-Size Key - Hash Key First'),
    mac: '60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54',
  },
  7: {
    key: Buffer.alloc(131, 0xaa),
    text: Buffer.from(
      'This is a test using a larger than block-size key and a larger than block-size data. ' +
        'The key needs to be hashed before being used by the HMAC algorithm.',
    ),
    mac: '9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2',
  },
};

describe('known signatures', () => {
  it('of Standard Webhooks: the one in the tests of all its libraries', () => {
    const signature = 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=';
    expect(signStandard(officialSecret)).toBe(signature);
    expect(checkStandard({ headers: { ...standardHeaders([]), 'webhook-signature': [signature] } })).toBe(messageId);
  });

  it('of GitHub: the one in "Validating webhook deliveries"', () => {
    const signature = 'sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17';
    const rawBody = Buffer.from('Hello, World!');
    expect(signGithub(githubSecret, rawBody)).toBe(signature);
    const headers = { 'x-github-delivery': [delivery], 'x-hub-signature-256': [signature] };
    expect(checkGithub({ headers, rawBody })).toBe(delivery);
  });

  it.each([1, 2, 6, 7])('of HMAC-SHA-256: RFC 4231, test case %i', (number) => {
    const known = rfc4231[number];
    expect(known && hmacSha256(known.key, known.text).toString('hex')).toBe(known?.mac);
  });

  it('HMAC by its definition and by node:crypto are the same for any key and text', () => {
    assert(
      property(uint8Array({ maxLength: 200 }), uint8Array({ maxLength: 200 }), (key, text) => {
        expect(hmacSha256(key, text).equals(createHmac('sha256', key).update(text).digest())).toBe(true);
      }),
      { seed: 19 },
    );
  });
});

describe('what was signed is taken', () => {
  it.each([
    ['nothing at all', Buffer.alloc(0)],
    ['bytes that are no UTF-8', Buffer.from([0xff, 0xfe, 0x00, 0xc0])],
    ['64 KiB', Buffer.alloc(65_536, 'x')],
    ['a byte order mark', Buffer.from('\ufeff{}')],
    ['umlauts and emoji', Buffer.from('{"a":"äöü \u{1f600}"}')],
  ])('in both schemes: %s', (_name, rawBody) => {
    expect(checkStandard({ rawBody, headers: standardHeaders([officialSecret], { body: rawBody }) })).toBe(messageId);
    expect(checkGithub({ rawBody, headers: githubHeaders(githubSecret, rawBody) })).toBe(delivery);
  });

  it('with the names of Svix', () => {
    expect(checkStandard({ headers: withSvixNames(standardHeaders([officialSecret])) })).toBe(messageId);
  });

  it('with a secret that is written without whsec_', () => {
    expect(checkStandard({ secrets: [officialSecret.replace('whsec_', '')] })).toBe(messageId);
  });

  it('for any body and id', () => {
    const anyId = string({ minLength: 1, maxLength: 255 }).map((text) => text.replaceAll(/[^a-z0-9_-]/gi, 'x'));
    assert(
      property(uint8Array({ maxLength: 500 }), anyId, (body, id) => {
        const message = { id, body };
        expect(checkStandard({ rawBody: body, headers: standardHeaders([officialSecret], message) })).toBe(id);
        expect(checkGithub({ rawBody: body, headers: githubHeaders(githubSecret, body, id) })).toBe(id);
      }),
      { seed: 19 },
    );
  });

  it('with the headers as node:http gives them', () => {
    const message = new IncomingMessage(new Socket());
    for (const [name, values] of Object.entries(standardHeaders([officialSecret]))) {
      message.headersDistinct[name] = [...(values ?? [])];
    }
    expect(checkStandard({ headers: message.headersDistinct })).toBe(messageId);
  });
});
