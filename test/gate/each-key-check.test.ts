// Each check of the issuer's keys alone: what must not become a key, and what must not cost a fetch.

import { beforeAll, describe, expect, it } from 'vitest';
import { createSigningKey, describePublicKey, type SigningKey } from '../../standin/tokens.ts';
import { refused, verdictOf } from './gate-bench.ts';
import { type BadAnswer, startIssuer } from './issuer.ts';

let next: SigningKey;
beforeAll(async () => {
  next = await createSigningKey();
});

const keySet = async (): Promise<string> => JSON.stringify({ keys: [await describePublicKey(next)] });

describe('a key in the set of the issuer, by which no token gets in', () => {
  it.each([
    ['for encryption', { use: 'enc' }],
    ['for another operation', { use: undefined, key_ops: ['encrypt', 'wrapKey'] }],
  ])('%s', async (_, change) => {
    const issuer = await startIssuer();
    await issuer.publish([issuer.key], [{ ...(await describePublicKey(next)), ...change }]);
    expect(await verdictOf(issuer.gate, issuer.bearer(next))).toEqual(refused[401]);
    expect(await verdictOf(issuer.gate, issuer.bearer())).toBe('accepted');
  });

  it('but one that says it verifies is good', async () => {
    const issuer = await startIssuer();
    await issuer.publish([], [{ ...(await describePublicKey(next)), key_ops: ['verify'] }]);
    expect(await verdictOf(issuer.gate, issuer.bearer(next))).toBe('accepted');
  });
});

describe('a set that would be good but for its answer: the keys that are known stay', () => {
  it.each<[string, (text: string) => BadAnswer]>([
    ['500', (text) => (res) => res.writeHead(500).end(text)],
    ['a redirect', (text) => (res) => res.writeHead(302, { location: '/' }).end(text)],
    ['201', (text) => (res) => res.writeHead(201).end(text)],
    ['over 1 MB', (text) => (res) => res.end(text.padEnd(1_000_001))],
    ['no key', () => (res) => res.end('{"keys":[]}')],
  ])('%s', async (_, answer) => {
    const issuer = await startIssuer();
    expect(await verdictOf(issuer.gate, issuer.bearer())).toBe('accepted');
    issuer.break('keys', answer(await keySet()));
    issuer.advance(30_000);
    expect(await verdictOf(issuer.gate, issuer.bearer(next))).toEqual(refused[401]);
    expect(await verdictOf(issuer.gate, issuer.bearer())).toBe('accepted');
    expect(issuer.fetches.keys).toBe(2);
  });

  it('as large as it may be is taken', async () => {
    const issuer = await startIssuer();
    const text = await keySet();
    issuer.break('keys', (res) => res.end(text.padEnd(1_000_000)));
    expect(await verdictOf(issuer.gate, issuer.bearer(next))).toBe('accepted');
  });
});

describe('key ids that nobody knows', () => {
  it('cost one fetch in half a minute, to the millisecond', async () => {
    const issuer = await startIssuer();
    await verdictOf(issuer.gate, issuer.bearer());
    for (let count = 0; count < 20; count += 1) await verdictOf(issuer.gate, issuer.bearerUnder(`invented-${count}`));
    issuer.advance(29_999);
    await verdictOf(issuer.gate, issuer.bearerUnder('invented'));
    expect(issuer.fetches.keys).toBe(1);
    issuer.advance(1);
    await verdictOf(issuer.gate, issuer.bearerUnder('invented'));
    expect(issuer.fetches.keys).toBe(2);
  });
});
