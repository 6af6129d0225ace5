// Reads and fills templates in one go, with a push event of GitHub unless a test brings its own body.
import { AppError } from '../../src/errors.ts';
import { fillTemplate } from '../../src/webhooks/fill-template.ts';
import { parseTemplate, type Template } from '../../src/webhooks/parse-template.ts';

/** The part of GitHub's push event that the tests need. */
const push = {
  ref: 'refs/heads/main',
  forced: false,
  size: 2,
  repository: { full_name: 'octo/hello', description: null },
  sender: { login: 'octocat' },
  commits: [
    { id: 'c1', message: 'First' },
    { id: 'c2', message: 'Second' },
  ],
};
const headers = {
  'x-github-event': ['push'],
  'x-twice': ['a', 'b'],
  'ce-type': ['t'],
  'aeg-event-type': ['Notification'],
};

export function templateOf(template: unknown): Template {
  const parsed = parseTemplate(JSON.stringify(template));
  if ('fault' in parsed) throw new Error(parsed.fault);
  return parsed.template;
}

/** What is wrong with the text of a template. */
export function faultOf(text: string): string {
  const parsed = parseTemplate(text);
  return 'fault' in parsed ? parsed.fault : '(taken)';
}

export function fill(template: unknown, body: unknown = push): Record<string, unknown> {
  return fillTemplate(templateOf(template), { body, headers });
}

export function fillText(text: string, body: unknown = push): unknown {
  return fill({ text }, body)['text'];
}

/** The faults as `path: message`. */
export function faultsOf(template: unknown, body: unknown = push): string[] {
  try {
    fill(template, body);
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'invalid_notification') throw error;
    return error.faults.map((fault) => `${fault.path}: ${fault.message}`);
  }
  return [];
}

export function missing(name: string): string {
  return `text: needs ${name}, which the webhook does not have`;
}
