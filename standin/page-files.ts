// The static files of the chat page, under a policy that lets no other script run.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { findPackageRoot } from './package-root.ts';
import type { Answer } from './server.ts';

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

const types: Readonly<Record<string, string>> = {
  'page.css': 'text/css; charset=utf-8',
  'page.js': 'text/javascript; charset=utf-8',
};

/** The file of this name, the page itself for the empty name. */
export async function readPageFile(name: string): Promise<Answer> {
  const file = name === '' ? 'index.html' : name;
  return {
    status: 200,
    headers: {
      'Content-Type': types[file] ?? 'text/html; charset=utf-8',
      'Content-Security-Policy': policy,
      'X-Content-Type-Options': 'nosniff',
      'Referrer-Policy': 'no-referrer',
    },
    body: await readFile(join(findPackageRoot(), 'standin', 'page', file)),
  };
}
