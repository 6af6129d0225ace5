// T3: what becomes of good tokens, and of floods of bad ones, when the issuer's keys change or cannot be had (A10).

import { randomUUID } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { describe, expect, it } from 'vitest';
import { createSigningKey } from '../../standin/tokens.ts';
import { encode } from './forge.ts';
import { refused, verdictOf } from './gate-bench.ts';
import { type BadAnswer, hour, type Issuer, startIssuer } from './issuer.ts';

const next = await createSigningKey();
const unavailable = { status: 503, code: 'unavailable' };

/** An issuer whose key the gate has fetched already. */
async function startKnownIssuer(): Promise<Issuer> {
  const issuer = await startIssuer();
  expect(await verdictOf(issuer.gate, issuer.bearer())).toBe('accepted');
  expect(issuer.fetches).toEqual({ metadata: 1, keys: 1 });
  return issuer;
}

const status =
  (code: number, headers: Record<string, string> = {}): BadAnswer =>
  (res) =>
    res.writeHead(code, headers).end('{}');
const body =
  (text: string): BadAnswer =>
  (res) =>
    res.end(text);
const hang: BadAnswer = () => {};
const drip: BadAnswer = (res) => {
  const timer = setInterval(() => res.write(' '), 100);
  res.once('close', () => clearInterval(timer));
};
const endless: BadAnswer = (res) => {
  const more = (): void => {
    while (res.write('x'.repeat(65_536)));
  };
  res.on('drain', more);
  more();
};
const reset: BadAnswer = (res) => void res.socket?.resetAndDestroy();
const cut: BadAnswer = (res) => {
  res.writeHead(200, { 'content-length': '1000' });
  res.write('{', () => res.destroy());
};

describe('an outage of the issuer', () => {
  it.each([0, 1, 23, 25, 72])('of %i h, nobody listening: known callers still get in', async (hours) => {
    const issuer = await startKnownIssuer();
    await issuer.stop();
    issuer.advance(hours * hour);
    expect(await verdictOf(issuer.gate, issuer.bearer())).toBe('accepted');
  });

  it.each([
    [0, 1],
    [1, 1],
    [23, 1],
    [25, 2],
    [72, 2],
  ])('answered with 500 for %i h: %i fetch(es) for 100 callers at once', async (hours, fetches) => {
    const issuer = await startKnownIssuer();
    issuer.break('metadata', status(500));
    issuer.advance(hours * hour);
    const verdicts = await Promise.all(Array.from({ length: 100 }, () => verdictOf(issuer.gate, issuer.bearer())));
    expect(new Set(verdicts)).toEqual(new Set(['accepted']));
    expect(issuer.fetches.metadata).toBe(fetches);
  });

  it('of 25 h that ends: the keys are fresh again half a minute later', async () => {
    const issuer = await startKnownIssuer();
    issuer.break('keys', status(500));
    issuer.advance(25 * hour);
    await verdictOf(issuer.gate, issuer.bearer());
    issuer.mend();
    issuer.advance(30_000);
    await verdictOf(issuer.gate, issuer.bearer());
    expect(issuer.fetches).toEqual({ metadata: 3, keys: 3 });
    issuer.advance(23 * hour);
    expect(await verdictOf(issuer.gate, issuer.bearer())).toBe('accepted');
    expect(issuer.fetches).toEqual({ metadata: 3, keys: 3 });
  });
});

const badAnswers: readonly [string, BadAnswer][] = [
  ['500', status(500)],
  ['500 with an empty set', (res) => res.writeHead(500).end('{"keys":[]}')],
  ['503 with Retry-After', status(503, { 'retry-after': '3600' })],
  ['404', status(404)],
  ['204', (res: ServerResponse) => res.writeHead(204).end()],
  ['a redirect', status(302, { location: '/elsewhere' })],
  ['nothing', body('')],
  ['HTML', body('<html><body>Sign in</body></html>')],
  ['JSON cut short', body('{"keys":[')],
  ['JSON of another shape', body('{"error":"x"}')],
  ['null', body('null')],
  ['2 MB', body(JSON.stringify({ jwks_uri: 'http://127.0.0.1:1/', keys: [], pad: 'x'.repeat(2_000_000) }))],
  ['an endless body', endless],
  ['a reset', reset],
  ['a body cut short', cut],
];

describe.each(['metadata', 'keys'] as const)('the %s document', (document) => {
  it.each(badAnswers)('is %s: the old keys stay, and new ones are taken once it is mended', async (_, answer) => {
    const issuer = await startKnownIssuer();
    issuer.break(document, answer);
    issuer.advance(25 * hour);
    expect(await verdictOf(issuer.gate, issuer.bearer())).toBe('accepted');
    await issuer.publish([next]);
    issuer.mend();
    issuer.advance(30_000);
    expect(await verdictOf(issuer.gate, issuer.bearer(next))).toBe('accepted');
  });

  it.each(badAnswers)('is %s from the start: 503, and let in half a minute after it is mended', async (_, answer) => {
    const issuer = await startIssuer();
    issuer.break(document, answer);
    await expect(issuer.gate.verifyCaller(issuer.bearer())).rejects.toMatchObject({
      ...unavailable,
      headers: { 'Retry-After': '30' },
    });
    issuer.mend();
    expect(await verdictOf(issuer.gate, issuer.bearer())).toMatchObject(unavailable);
    issuer.advance(30_000);
    expect(await verdictOf(issuer.gate, issuer.bearer())).toBe('accepted');
  });
});

describe.concurrent('an issuer that takes the call and does not answer', () => {
  it.each([
    ['metadata', 'hangs', hang],
    ['keys', 'hangs', hang],
    ['metadata', 'drips', drip],
    ['keys', 'drips', drip],
  ] as const)('%s %s: old keys let 50 callers in after 5 s, with one fetch', async (document, _, answer) => {
    const issuer = await startKnownIssuer();
    issuer.break(document, answer);
    issuer.advance(25 * hour);
    const startedAt = performance.now();
    const verdicts = await Promise.all(Array.from({ length: 50 }, () => verdictOf(issuer.gate, issuer.bearer())));
    expect(performance.now() - startedAt).toBeLessThan(8_000);
    expect(new Set(verdicts)).toEqual(new Set(['accepted']));
    expect(issuer.fetches[document]).toBe(2);
    // Nobody waits again before the next try is due.
    const secondAt = performance.now();
    expect(await verdictOf(issuer.gate, issuer.bearer())).toBe('accepted');
    expect(performance.now() - secondAt).toBeLessThan(1_000);
  });

  it('from the start: 503 after 5 s', async () => {
    const issuer = await startIssuer();
    issuer.break('metadata', hang);
    const startedAt = performance.now();
    expect(await verdictOf(issuer.gate, issuer.bearer())).toMatchObject(unavailable);
    expect(performance.now() - startedAt).toBeLessThan(8_000);
  });
});

describe('a flood of 10,000 invented key ids', () => {
  it('at once: no fetch, all 401, the good caller unharmed', async () => {
    const issuer = await startKnownIssuer();
    const before = process.cpuUsage();
    expect(await flood(issuer)).toEqual([refused[401]]);
    const { user, system } = process.cpuUsage(before);
    expect(issuer.fetches).toEqual({ metadata: 1, keys: 1 });
    expect(await verdictOf(issuer.gate, issuer.bearer())).toBe('accepted');
    console.log(
      `T3 flood: 10,000 unknown key ids, ${issuer.fetches.keys - 1} fetches, ` +
        `${((user + system) / 1_000 / 10_000).toFixed(3)} ms CPU per token`,
    );
  });

  it('over 100 s: at most one fetch in 30 s', async () => {
    const issuer = await startKnownIssuer();
    expect(await flood(issuer, 10)).toEqual([refused[401]]);
    console.log(`T3 flood: 10,000 unknown key ids over 100 s, ${issuer.fetches.keys - 1} fetches`);
    expect(issuer.fetches.keys - 1).toBe(3);
  });

  it('over 100 s while the issuer is down: at most one try in 30 s, the good caller unharmed', async () => {
    const issuer = await startKnownIssuer();
    issuer.break('keys', status(500));
    expect(await flood(issuer, 10)).toEqual([refused[401]]);
    expect(issuer.fetches.keys - 1).toBe(3);
    expect(await verdictOf(issuer.gate, issuer.bearer())).toBe('accepted');
  });

  it('before any key is known and the issuer down: one try, all 503', async () => {
    const issuer = await startIssuer();
    issuer.break('metadata', status(500));
    expect(await flood(issuer)).toEqual([expect.objectContaining(unavailable)]);
    expect(issuer.fetches.metadata).toBe(1);
  });

  it('before any key is known: one fetch, all 401', async () => {
    const issuer = await startIssuer();
    expect(await flood(issuer)).toEqual([refused[401]]);
    expect(issuer.fetches).toEqual({ metadata: 1, keys: 1 });
  });
});

describe('a token that no key could save costs no fetch', () => {
  it.each([
    ['unsigned', { alg: 'none', kid: 'x' }],
    ['HS256', { alg: 'HS256', kid: 'x' }],
    ['RS512', { alg: 'RS512', kid: 'x' }],
    ['PS256', { alg: 'PS256', kid: 'x' }],
    ['no key id', { alg: 'RS256' }],
  ])('%s', async (_, header) => {
    const issuer = await startIssuer();
    expect(await verdictOf(issuer.gate, unsignedUnder(header))).toEqual(refused[401]);
    expect(issuer.fetches).toEqual({ metadata: 0, keys: 0 });
  });
});

/** Algorithm and key id decide before a signature is looked at, so any three bytes will do for one. */
function unsignedUnder(header: { alg: string; kid?: string }): string {
  return `Bearer ${encode(header)}.e30.AAAA`;
}

/** Sends them a hundred at a time; all the different verdicts on them. */
async function flood(issuer: Issuer, everyMs = 0): Promise<unknown[]> {
  const seen = new Map<string, unknown>();
  for (let batch = 0; batch < 100; batch += 1) {
    const headers = Array.from({ length: 100 }, () => unsignedUnder({ alg: 'RS256', kid: randomUUID() }));
    const verdicts = await Promise.all(headers.map((header) => verdictOf(issuer.gate, header)));
    for (const verdict of verdicts) seen.set(JSON.stringify(verdict), verdict);
    issuer.advance(everyMs * 100);
  }
  return [...seen.values()];
}
