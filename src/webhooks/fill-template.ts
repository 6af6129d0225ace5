// Makes the body of a notify request from a webhook and the template configured for it.

import { AppError, type FieldFault } from '../errors.ts';
import { joinPath, type Placeholder, type Template, type TemplateNode } from './parse-template.ts';
import { hasHeader, readHeaders, type WebhookHeaders } from './webhook-headers.ts';

/** `body` is parsed JSON. */
export type TemplateInput = { readonly body: unknown; readonly headers: WebhookHeaders };

/**
 * Longer values are cut. It is far more than a subject or an id may have (notifications/notify-request.ts): a name that
 * was cut is refused there and can never be taken for another one.
 */
const longestValue = 1_000;

/**
 * Fills a template. Only texts, numbers and booleans are inserted, always as text: what is sent can change no type, add
 * no field and bring no placeholder of its own. null counts as not there. Throws AppError `invalid_notification` (422)
 * with a fault for each place that cannot be filled.
 */
export function fillTemplate(template: Template, input: TemplateInput): Record<string, unknown> {
  const faults: FieldFault[] = [];
  const filled = fillWith(template, (placeholder, path) => {
    const filling = fillPlaceholder(placeholder, input);
    if (typeof filling === 'string') return filling;
    faults.push({ path, message: filling.fault });
    return '';
  });
  if (faults.length === 0) return filled;
  const words = faults.map((fault) => `${fault.path}: ${fault.message}`).join('; ');
  throw new AppError('invalid_notification', `The webhook does not fit its template: ${words}.`, { faults });
}

type Fill = (placeholder: Placeholder, path: string) => string;

/** As fillTemplate, with what `fill` says for each placeholder. `path` is where in the template it stands. */
export function fillWith(template: Template, fill: Fill, path = ''): Record<string, unknown> {
  return Object.fromEntries(template.entries.map(([key, node]) => [key, fillNode(node, fill, joinPath(path, key))]));
}

function fillNode(node: TemplateNode, fill: Fill, path: string): unknown {
  switch (node.kind) {
    case 'constant':
      return node.value;
    case 'text':
      return node.parts.map((part) => (typeof part === 'string' ? part : fill(part, path))).join('');
    case 'list':
      return node.items.map((item, index) => fillNode(item, fill, joinPath(path, String(index))));
    case 'object':
      return fillWith(node, fill, path);
  }
}

function fillPlaceholder(placeholder: Placeholder, input: TemplateInput): string | { readonly fault: string } {
  const { name, fallback } = placeholder;
  const found = lookUp(placeholder, input);
  if (found === undefined || found === null) {
    return fallback ?? { fault: `needs ${name}, which the webhook does not have` };
  }
  if (typeof found === 'string') return cut(mend(found));
  // JSON has no Infinity, but 1e999 is read as one.
  if (typeof found === 'boolean' || (typeof found === 'number' && Number.isFinite(found))) return String(found);
  return { fault: `needs ${name} to be a text, a number or true or false` };
}

/** The value that a placeholder names, before its default and whatever its type; undefined where there is none. */
export function lookUp(placeholder: Placeholder, { body, headers }: TemplateInput): unknown {
  return placeholder.from === 'header' ? findHeader(placeholder.header, headers) : findValue(placeholder.path, body);
}

/** Undefined as well when it was sent twice: which of the two was meant is not known. */
function findHeader(header: string, headers: WebhookHeaders): string | undefined {
  if (!hasHeader(headers, header)) return undefined;
  const read = readHeaders(headers, { value: header });
  return read.ok ? read.values.value : undefined;
}

// Own properties only, and of a list only its entries: neither a prototype nor `length` is part of what was sent.
function findValue(path: readonly string[], body: unknown): unknown {
  let value = body;
  for (const segment of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, segment)) return undefined;
    if (Array.isArray(value) && !/^\d+$/.test(segment)) return undefined;
    value = (value as Record<string, unknown>)[segment];
  }
  return value;
}

/** Sources cut texts, and with them an emoji in two: for half of one no event is to be refused. */
function mend(text: string): string {
  return text.replaceAll(/\p{Cs}/gu, '\ufffd');
}

function cut(text: string): string {
  if (text.length <= longestValue) return text;
  // Half of a surrogate pair is no character.
  return `${text.slice(0, longestValue - 1).replace(/[\ud800-\udbff]$/, '')}…`;
}
