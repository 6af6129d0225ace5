// What has to be refused before anything else touches a request: what restify 12 would end the process over, and what
// two programs in a row could understand in two ways.

import type { IncomingMessage } from 'node:http';
import type { Request } from 'restify';
import type { Problem } from './respond.ts';

/** Ends of the names, without dashes and in lower case, under which other services take a credential in the URL. */
const credentialName = /(?:key|token|secret|password|sig|signature|authorization|^code|^auth|^bearer)$/;

/** Node drops those beyond 1,000 in silence, and 16 KB have room for more: what a check asks for could be among them. */
const mostHeaders = 200;

/** The reason to refuse a request, or undefined. Synchronous: an asynchronous handler would come too late. */
export function findRefusal(req: IncomingMessage): Problem | undefined {
  if (req.httpVersionMajor !== 1) return malformed('Send the request as HTTP/1.1.');
  if (req.rawHeaders.length > mostHeaders * 2) return malformed(`A request may have at most ${mostHeaders} headers.`);
  const url = hasUsableHost(req) ? parseUrl(req as Request) : undefined;
  if (url === undefined) return malformed('The Host header or the URL is not valid.');
  if (url.pathname.startsWith('/api/') && hasCredential(url)) {
    return malformed(
      'Send the credential in a header (Authorization or X-API-Key), never in the URL, which proxies log.',
    );
  }
  // With gzip restify's body reader throws on junk outside of any handler (restify/node-restify#1975), and counts
  // compressed bytes against the limit.
  if (!isOnly('identity', req.headers['content-encoding']))
    return unsupported('Send the body without Content-Encoding.');
  // The parser undoes the chunks alone and hands on what a proxy may have undone.
  if (!isOnly('chunked', req.headers['transfer-encoding'])) {
    return unsupported('Send the body with no Transfer-Encoding but chunked.');
  }
  return undefined;
}

// restify puts Host and URL together and parses that: with a slash in the Host, another path is routed than a proxy saw.
function hasUsableHost(req: IncomingMessage): boolean {
  const hosts = req.headersDistinct['host'] ?? [];
  return hosts.length <= 1 && hosts.every((host) => /^[^\s/\\?#@]*$/.test(host));
}

// getUrl() is a synchronous throw in the router for an unparsable Host (restify/node-restify#2011).
function parseUrl(req: Request): URL | undefined {
  try {
    const url = req.getUrl() as unknown as URL;
    decodeURIComponent(url.pathname);
    return url.username === '' && url.password === '' ? url : undefined;
  } catch {
    return undefined;
  }
}

// Whatever an own parser of the sender may take for the start of a parameter: a semicolon, or the fragment.
function hasCredential({ search, hash }: URL): boolean {
  if (search === '' && hash === '') return false;
  const parameters = new URLSearchParams(`${search.slice(1)}&${hash.slice(1)}`.replaceAll(';', '&'));
  return [...parameters.keys()].some((name) => credentialName.test(name.replaceAll(/[-_.]/g, '').toLowerCase()));
}

function isOnly(coding: string, header: string | undefined): boolean {
  return header === undefined || header.trim().toLowerCase() === coding;
}

function malformed(detail: string): Problem {
  return { status: 400, code: 'malformed_request', detail };
}

function unsupported(detail: string): Problem {
  return { status: 415, code: 'unsupported_media_type', detail };
}
