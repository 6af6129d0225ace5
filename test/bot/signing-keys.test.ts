import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { inspect } from 'node:util';
import { exportJWK, generateKeyPair } from 'jose';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createSigningKeys } from '../../src/bot/signing-keys.ts';
import { http } from '../helpers/http.ts';

type Behaviour = { keyIds: string[]; status: number; fetches: number; body?: string };

async function startIssuer(keyIds: string[]): Promise<{ url: string; behaviour: Behaviour }> {
  const behaviour: Behaviour = { keyIds, status: 200, fetches: 0 };
  const { publicKey } = await generateKeyPair('RS256');
  const jwk = await exportJWK(publicKey);
  const server = createServer((req, res) => {
    const origin = `http://${req.headers.host}`;
    if (req.url?.startsWith('/metadata')) {
      behaviour.fetches += 1;
      res.writeHead(behaviour.status).end(behaviour.body ?? JSON.stringify({ jwks_uri: `${origin}/keys` }));
    } else res.end(JSON.stringify({ keys: behaviour.keyIds.map((kid) => ({ ...jwk, kid })) }));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/metadata`, behaviour };
}

async function start(keyIds: string[]) {
  const issuer = await startIssuer(keyIds);
  let time = 1_000_000;
  const keys = createSigningKeys({ http, openIdMetadataUrl: issuer.url, now: () => time });
  const advance = (ms: number) => {
    time += ms;
  };
  return { ...issuer, keys, advance };
}

const hour = 3_600_000;

describe('signing keys', () => {
  it('are fetched once for any number of waiting requests', async () => {
    const { keys, behaviour } = await start(['a']);
    const found = await Promise.all(Array.from({ length: 50 }, () => keys.find('a')));
    expect(found.every((key) => key !== undefined)).toBe(true);
    expect(behaviour.fetches).toBe(1);
  });

  it('are fetched at most once in 30 s, whatever key ids strangers invent', async () => {
    const { keys, behaviour, advance } = await start(['a']);
    await keys.find('a');
    for (let index = 0; index < 1_000; index += 1) expect(await keys.find(`invented-${index}`)).toBeUndefined();
    expect(behaviour.fetches).toBe(1);
    advance(30_000);
    expect(await keys.find('invented')).toBeUndefined();
    expect(behaviour.fetches).toBe(2);
  });

  it('that are new are usable half a minute after they were published', async () => {
    const { keys, behaviour, advance } = await start(['old']);
    await keys.find('old');
    behaviour.keyIds = ['new'];
    advance(30_000);
    expect(await keys.find('new')).toBeDefined();
    expect(await keys.find('old')).toBeUndefined();
  });

  it('that are new are usable also after the clock was set back', async () => {
    const { keys, behaviour, advance } = await start(['old']);
    await keys.find('old');
    behaviour.keyIds = ['new'];
    advance(-hour);
    expect(await keys.find('new')).toBeDefined();
    expect(behaviour.fetches).toBe(2);
    expect(await keys.find('invented')).toBeUndefined();
    expect(behaviour.fetches).toBe(2);
  });

  it.each([
    ['answers 500', (issuer: Behaviour) => (issuer.status = 500)],
    ['answers HTML', (issuer: Behaviour) => (issuer.body = '<html></html>')],
    ['redirects', (issuer: Behaviour) => (issuer.status = 302)],
    ['answers too much', (issuer: Behaviour) => (issuer.body = 'x'.repeat(2_000_000))],
  ])('stay usable for days while the issuer %s', async (_, break_) => {
    const { keys, behaviour, advance } = await start(['a']);
    await keys.find('a');
    break_(behaviour);
    advance(25 * hour);
    expect(await keys.find('a')).toBeDefined();
    expect(behaviour.fetches).toBe(2);
  });

  it('that could never be fetched are a 503 that names the setting, and are asked for again later', async () => {
    const { url, keys, behaviour, advance } = await start(['a']);
    behaviour.status = 500;
    await expect(keys.find('a')).rejects.toMatchObject({
      code: 'unavailable',
      message: 'The signing keys (OPENID_METADATA_URL) could not be read.',
      cause: { message: `${url} answered 500` },
    });
    behaviour.status = 200;
    await expect(keys.find('a')).rejects.toMatchObject({ code: 'unavailable' });
    advance(30_000);
    expect(await keys.find('a')).toBeDefined();
  });

  it.each([
    ['answers 500', (issuer: Behaviour) => (issuer.status = 500)],
    ['answers too much', (issuer: Behaviour) => (issuer.body = 'x'.repeat(2_000_000))],
  ])('behind an address with a key in its query, which nobody is told when it %s', async (_, break_) => {
    const { url, behaviour } = await startIssuer(['a']);
    break_(behaviour);
    const keys = createSigningKeys({ http, openIdMetadataUrl: `${url}?code=canary`, now: () => 1_000_000 });
    const error: unknown = await keys.find('a').catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'unavailable', cause: { message: expect.stringContaining(url) } });
    expect(inspect(error, { depth: null })).not.toContain('canary');
  });
});
