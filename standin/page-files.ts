// The static files of the chat page, under a policy that lets no other script run.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { findPackageRoot } from './package-root.ts';
import { answerError, type Answer } from './server.ts';

const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self' data:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

const files: Readonly<Record<string, string>> = {
  'index.html': 'text/html; charset=utf-8',
  'page.css': 'text/css; charset=utf-8',
  'page.js': 'text/javascript; charset=utf-8',
  'chat-view.js': 'text/javascript; charset=utf-8',
  'wire-view.js': 'text/javascript; charset=utf-8',
  'dom.js': 'text/javascript; charset=utf-8',
};

/** The file of this name, the page itself for the empty name. */
export async function readPageFile(name: string): Promise<Answer> {
  const file = name === '' ? 'index.html' : name;
  const type = Object.hasOwn(files, file) ? files[file] : undefined;
  if (type === undefined) return answerError(404, 'NotFound', 'There is nothing at this address.');
  return {
    status: 200,
    headers: {
      'Content-Type': type,
      'Content-Security-Policy': policy,
      'X-Content-Type-Options': 'nosniff',
      'Referrer-Policy': 'no-referrer',
    },
    body: await readFile(join(findPackageRoot(), 'standin', 'page', file)),
  };
}
