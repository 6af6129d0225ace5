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

const types: Readonly<Record<string, string>> = {
  html: 'text/html; charset=utf-8',
  css: 'text/css; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
};

const files = new Set([
  'index.html',
  'page.css',
  'chat.css',
  'rail.css',
  'page.js',
  'action-form.js',
  'chat.js',
  'chat-view.js',
  'wire-view.js',
  'switch-view.js',
  'skill-view.js',
  'send.js',
  'dom.js',
]);

/** The file of this name, the page itself for the empty name. */
export async function readPageFile(name: string): Promise<Answer> {
  const file = name === '' ? 'index.html' : name;
  const type = types[file.slice(file.lastIndexOf('.') + 1)];
  if (type === undefined || !files.has(file)) return answerError(404, 'NotFound', 'There is nothing at this address.');
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
