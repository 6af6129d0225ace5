// Makes the body of a notify request from a webhook and the template configured for it.

import { AppError, type FieldFault } from '../errors.ts';
import type { Placeholder, Template, TemplateNode } from './parse-template.ts';
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
  const filled = fillObject(template, { input, faults, path: '' });
  if (faults.length === 0) return filled;
  const words = faults.map((fault) => `${fault.path}: ${fault.message}`).join('; ');
  throw new AppError('invalid_notification', `The webhook does not fit its template: ${words}.`, { faults });
}

type Place = { readonly input: TemplateInput; readonly faults: FieldFault[]; readonly path: string };

function fillObject(template: Template, place: Place): Record<string, unknown> {
  return Object.fromEntries(template.entries.map(([key, node]) => [key, fillNode(node, below(place, key))]));
}

function fillNode(node: TemplateNode, place: Place): unknown {
  switch (node.kind) {
    case 'constant':
      return node.value;
    case 'text':
      return node.parts.map((part) => (typeof part === 'string' ? part : fillPlaceholder(part, place))).join('');
    case 'list':
      return node.items.map((item, index) => fillNode(item, below(place, String(index))));
    case 'object':
      return fillObject(node, place);
  }
}

function fillPlaceholder(placeholder: Placeholder, { input, faults, path }: Place): string {
  const found =
    placeholder.from === 'header'
      ? findHeader(placeholder.header, input.headers)
      : findValue(placeholder.path, input.body);
  if (found === undefined || found === null) {
    if (placeholder.fallback !== undefined) return placeholder.fallback;
    faults.push({ path, message: `needs ${placeholder.name}, which the webhook does not have` });
    return '';
  }
  if (typeof found === 'string') return cut(found);
  // JSON has no Infinity, but 1e999 is read as one.
  if (typeof found === 'boolean' || (typeof found === 'number' && Number.isFinite(found))) return String(found);
  faults.push({ path, message: `needs ${placeholder.name} to be a text, a number or true or false` });
  return '';
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

function cut(text: string): string {
  if (text.length <= longestValue) return text;
  // Half of a surrogate pair is no character.
  return `${text.slice(0, longestValue - 1).replace(/[\ud800-\udbff]$/, '')}…`;
}

function below(place: Place, key: string): Place {
  return { ...place, path: place.path === '' ? key : `${place.path}.${key}` };
}
