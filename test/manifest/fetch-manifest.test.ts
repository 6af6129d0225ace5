// How a manifest is fetched, from a real server: anonymously, within the time and the size of the import.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { fetchManifest, type FetchOptions } from '../../src/manifest/fetch-manifest.ts';
import { lintSource } from '../../src/manifest/lint-manifest.ts';

let server: Server;
let origin: string;
let answer: (req: IncomingMessage, res: ServerResponse) => void;
let requests: IncomingMessage[];

beforeAll(async () => {
  server = createServer((req, res) => {
    requests.push(req);
    answer(req, res);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
beforeEach(() => {
  requests = [];
});
afterAll(
  () =>
    new Promise((resolve) => {
      server.close(resolve);
      server.closeAllConnections();
    }),
);

async function fetchNow(options: FetchOptions = {}) {
  const { bytes, url, findings } = await fetchManifest(`${origin}/m.json`, { httpOnLoopback: true, ...options });
  return { bytes, url, findings, codes: findings.map(({ code }) => code), words: findings[0]?.message };
}

const redirectTo =
  (location?: string): typeof answer =>
  (_req, res) =>
    void res.writeHead(302, location === undefined ? {} : { Location: location }).end();

describe('a manifest is fetched', () => {
  it('with a plain GET that carries no credential', async () => {
    answer = (_req, res) => res.end('{"name":"x"}');
    const { bytes, findings } = await fetchNow();
    expect(Buffer.from(bytes ?? []).toString()).toBe('{"name":"x"}');
    expect(findings).toEqual([]);
    expect(requests[0]).toMatchObject({ method: 'GET', url: '/m.json' });
    for (const header of ['authorization', 'cookie']) expect(requests[0]?.headers).not.toHaveProperty(header);
  });

  it('through a redirect, with a warning that names where it leads', async () => {
    answer = (req, res) =>
      req.url?.startsWith('/new.json') ? void res.end('{}') : redirectTo('/new.json?sig=secret')(req, res);
    const { bytes, codes, findings, url } = await fetchNow();
    expect(bytes).toBeDefined();
    expect(codes).toEqual(['MANIFEST_REDIRECTED']);
    expect(findings[0]).toMatchObject({ level: 'warning', fix: `Give the address it leads to: ${origin}/new.json` });
    expect(url?.pathname).toBe('/new.json');
  });

  it('of exactly 500 KB, also packed', async () => {
    answer = (_req, res) =>
      res.writeHead(200, { 'Content-Encoding': 'gzip' }).end(gzipSync(Buffer.alloc(500_000, ' ')));
    expect((await fetchNow()).bytes).toHaveLength(500_000);
  });
});

describe('no manifest', () => {
  it.each([
    [401, 'The manifest URL answered 401. A manifest must be readable without a token.'],
    [403, 'The manifest URL answered 403. A manifest must be readable without a token.'],
    [404, 'The manifest URL answered 404.'],
    [500, 'The manifest URL answered 500.'],
    [304, 'The manifest URL answered 304.'],
  ])('is an answer %i', async (status, words) => {
    answer = (_req, res) => res.writeHead(status).end();
    const result = await fetchNow();
    expect(result).toMatchObject({ bytes: undefined, codes: ['MANIFEST_FETCH_FAILED'], words });
  });

  it.each([
    ['without a place', undefined, 'MANIFEST_FETCH_FAILED'],
    ['in a circle', '/m.json', 'MANIFEST_FETCH_FAILED'],
    ['to a host without https', 'http://skill.example.com/m.json', 'URL_NOT_HTTPS'],
    ['to another scheme', 'file:///etc/passwd', 'URL_NOT_HTTPS'],
    ['to an address with a password', 'https://user:pass@skill.example.com/m.json', 'MANIFEST_FETCH_FAILED'],
  ])('is a redirect %s', async (_name, location, code) => {
    answer = redirectTo(location);
    expect(await fetchNow()).toMatchObject({ bytes: undefined, codes: [code] });
    expect(requests.length).toBeLessThanOrEqual(6);
  });

  it('is one of more than 500 KB, and no more than that is read of it', async () => {
    let written = 0;
    answer = (_req, res) => {
      const more = (): void => {
        while (!res.destroyed && res.write(Buffer.alloc(64 * 1024, ' '))) written += 64 * 1024;
        if (!res.destroyed) res.once('drain', more);
      };
      more();
    };
    expect(await fetchNow()).toMatchObject({ bytes: undefined, codes: ['MANIFEST_TOO_LARGE'] });
    expect(written).toBeLessThan(8_000_000);
    answer = (_req, res) => res.writeHead(200, { 'Content-Encoding': 'gzip' }).end(gzipSync(Buffer.alloc(50_000_000)));
    expect(await fetchNow()).toMatchObject({ bytes: undefined, codes: ['MANIFEST_TOO_LARGE'] });
  });

  it.each([
    ['does not answer', () => undefined],
    ['stops in the middle', (_req: IncomingMessage, res: ServerResponse) => void res.write('{')],
  ])('comes from a server that %s', async (_name, stall) => {
    answer = stall;
    const result = await fetchNow({ withinMs: 50 });
    expect(result).toMatchObject({ bytes: undefined, codes: ['MANIFEST_FETCH_FAILED'] });
    expect(result.words).toContain('in time');
  });

  it('comes from a server that resets, or is not there: what the system says is said', async () => {
    answer = (req) => req.socket.resetAndDestroy();
    expect(await fetchNow()).toMatchObject({ codes: ['MANIFEST_FETCH_FAILED'] });
    const { findings } = await fetchManifest('http://127.0.0.1:1/m.json', { httpOnLoopback: true });
    expect(findings).toMatchObject([
      { code: 'MANIFEST_FETCH_FAILED', message: expect.stringMatching(/fetched: .*(bad port|ECONNREFUSED)/) as string },
    ]);
  });
});

describe('an address that is linted', () => {
  it.each([
    ['https://', 'URL_MALFORMED'],
    ['https://user:hunter2@skill.example.com/m.json', 'URL_MALFORMED'],
    ['http://skill.example.com/m.json', 'URL_NOT_HTTPS'],
    ['http://127.0.0.1/m.json', 'URL_NOT_HTTPS'],
    ['ftp://skill.example.com/m.json', 'URL_NOT_HTTPS'],
    ['file:///etc/passwd', 'URL_NOT_HTTPS'],
  ])('%s is refused before anything is sent: %s', async (url, code) => {
    const result = await lintSource(url);
    expect(result).toMatchObject({ ok: false, findings: [{ level: 'error', code, path: '' }] });
    expect(JSON.stringify(result)).not.toContain('hunter2');
  });

  it.each(['/nowhere/m.json', '.', 'C:\\m.json'])('%s is a file, and cannot be read', async (path) => {
    expect(await lintSource(path)).toMatchObject({ ok: false, findings: [{ code: 'MANIFEST_FETCH_FAILED' }] });
  });
});
