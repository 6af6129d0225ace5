// What has to be refused before restify touches a request, because restify 12 would end the process over it.

import type { IncomingMessage } from 'node:http';
import type { Request } from 'restify';
import type { Problem } from './respond.ts';

/** The reason to refuse a request, or undefined. Synchronous: an asynchronous handler would come too late. */
export function findRefusal(req: IncomingMessage): Problem | undefined {
  if (!hasUsableUrl(req as Request)) {
    return { status: 400, code: 'malformed_request', detail: 'The Host header or the URL is not valid.' };
  }
  // With gzip restify's body reader throws on junk outside of any handler (restify/node-restify#1975), and counts
  // compressed bytes against the limit.
  const encoding = req.headers['content-encoding'];
  if (encoding !== undefined && encoding.trim().toLowerCase() !== 'identity') {
    return { status: 415, code: 'unsupported_media_type', detail: 'Send the body without Content-Encoding.' };
  }
  return undefined;
}

// getUrl() is a synchronous throw in the router for an unparsable Host (restify/node-restify#2011).
function hasUsableUrl(req: Request): boolean {
  try {
    decodeURIComponent(req.getUrl().pathname ?? '');
    return true;
  } catch {
    return false;
  }
}
