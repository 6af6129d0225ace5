// Reads the template of a webhook: JSON with placeholders in its texts. Everything that can be wrong with it is found
// here, while it is configured.

/** A template that was read; only `parseTemplate` makes one. */
export type Template = { readonly kind: 'object'; readonly entries: readonly (readonly [string, TemplateNode])[] };

export type TemplateNode =
  | Template
  | { readonly kind: 'list'; readonly items: readonly TemplateNode[] }
  | { readonly kind: 'text'; readonly parts: readonly (string | Placeholder)[] }
  | { readonly kind: 'constant'; readonly value: number | boolean | null };

/** `name` is what stands in the template, such as `commits.0.id` or `header:X-GitHub-Event`. */
export type Placeholder = { readonly name: string; readonly fallback: string | undefined } & (
  | { readonly from: 'body'; readonly path: readonly string[] }
  /** In lower case. */
  | { readonly from: 'header'; readonly header: string }
);

type ParsedTemplate = { readonly template: Template } | { readonly fault: string };

const longestTemplate = 16 * 1024;
const mostPlaceholders = 50;
const mostSegments = 16;
const deepest = 16;
const longestFallback = 200;
const segmentPattern = /^[\p{L}\p{N}_$@-]{1,100}$/u;
/** The headers in which sources tell what happened, and none that could hold a credential. */
const headerPattern = /^(?:x|ce|aeg)-[a-z0-9-]{1,60}$/;
const credentialPattern = /auth|cookie|key|pass|secret|signature|token/;
const prototypeNames = new Set(['__proto__', 'constructor', 'prototype']);

/** What has to be changed, in words. */
export class TemplateFault extends Error {}

/**
 * Reads a template, such as `{"subject": "repo/{{repository.full_name}}", "text": "{{sender.login|Somebody}} pushed"}`.
 * A placeholder names a value of the body by a dotted path, in which a number is the place in a list from 0, or one
 * header as `{{header:X-GitHub-Event}}`; after `|` comes what to write where there is no value. A fault says what has
 * to be changed.
 */
export function parseTemplate(text: string): ParsedTemplate {
  if (text.length > longestTemplate) return { fault: `the template may have at most ${longestTemplate} characters` };
  try {
    const template = parseNode(JSON.parse(text), { path: '', depth: 1, placeholders: { count: 0 } });
    if (template.kind === 'object') return { template };
    return { fault: 'the template must be a JSON object' };
  } catch (error) {
    if (error instanceof TemplateFault) return { fault: error.message };
    if (error instanceof SyntaxError) return { fault: 'the template is not valid JSON' };
    throw error;
  }
}

type Place = { readonly path: string; readonly depth: number; readonly placeholders: { count: number } };

function parseNode(value: unknown, place: Place): TemplateNode {
  const below = (key: string): Place => ({ ...place, path: joinPath(place.path, key), depth: place.depth + 1 });
  if (typeof value === 'string') return { kind: 'text', parts: parseText(value, place) };
  if (typeof value !== 'object' || value === null) return { kind: 'constant', value: value as number | boolean | null };
  if (place.depth > deepest) throw new TemplateFault(`the template is nested deeper than ${deepest} levels`);
  if (Array.isArray(value)) {
    return { kind: 'list', items: value.map((item, index) => parseNode(item, below(String(index)))) };
  }
  const entries = Object.entries(value).map(([key, entry]) => {
    if (key.includes('{{')) throw new TemplateFault(`${below(key).path}: a name must not have a placeholder`);
    if (prototypeNames.has(key)) throw new TemplateFault(`${below(key).path}: this name is not allowed`);
    return [key, parseNode(entry, below(key))] as const;
  });
  return { kind: 'object', entries };
}

function parseText(text: string, { path, placeholders }: Place): (string | Placeholder)[] {
  const [start = '', ...rest] = text.split('{{');
  const parts: (string | Placeholder)[] = [start];
  for (const piece of rest) {
    const end = piece.indexOf('}}');
    if (end < 0) throw new TemplateFault(`${path}: a placeholder that begins with {{ must end with }}`);
    placeholders.count += 1;
    if (placeholders.count > mostPlaceholders) {
      throw new TemplateFault(`the template may have at most ${mostPlaceholders} placeholders`);
    }
    parts.push(parsePlaceholder(piece.slice(0, end), path), piece.slice(end + 2));
  }
  return parts.filter((part) => part !== '');
}

/** Reads what stands between the braces; `place` is where, for the words of a fault. Throws TemplateFault. */
export function parsePlaceholder(text: string, place: string): Placeholder {
  const bar = text.indexOf('|');
  const name = (bar < 0 ? text : text.slice(0, bar)).trim();
  const fallback = bar < 0 ? undefined : text.slice(bar + 1).trim();
  if (fallback !== undefined && fallback.length > longestFallback) {
    throw new TemplateFault(`${place}: the default of ${name} may have at most ${longestFallback} characters`);
  }
  if (name.startsWith('header:')) {
    const header = name.slice('header:'.length).toLowerCase();
    if (!headerPattern.test(header) || credentialPattern.test(header)) {
      throw new TemplateFault(
        `${place}: {{${name}}} must name a header that begins with X-, ce- or aeg-, no credential`,
      );
    }
    return { from: 'header', name, header, fallback };
  }
  const path = name.split('.');
  if (path.length > mostSegments || !path.every((segment) => segmentPattern.test(segment))) {
    throw new TemplateFault(`${place}: {{${name}}} must be a dotted path such as {{repository.full_name}}`);
  }
  if (path.some((segment) => prototypeNames.has(segment))) {
    throw new TemplateFault(`${place}: {{${name}}} has a name that is not allowed`);
  }
  return { from: 'body', name, path, fallback };
}

/** The path of an entry, as faults name it. */
export function joinPath(path: string, key: string): string {
  return path === '' || key === '' ? path + key : `${path}.${key}`;
}
