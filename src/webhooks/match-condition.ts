// Which events of a source are notified of: sources send more kinds than one template fits.

import { lookUp, type TemplateInput } from './fill-template.ts';
import { parsePlaceholder, type Placeholder, TemplateFault } from './parse-template.ts';

type Scalar = string | number | boolean;

/**
 * As it is configured: names as in a template's placeholders, each with the value or the values that it may have, such as
 * `{"header:X-GitHub-Event": "pull_request", "action": ["opened", "reopened"]}`.
 */
export type ConditionRequest = Readonly<Record<string, Scalar | readonly Scalar[]>>;

/** A condition that was read; only `parseCondition` makes one. */
export type Condition = readonly { readonly placeholder: Placeholder; readonly values: ReadonlySet<string> }[];

type ParsedCondition = { readonly condition: Condition } | { readonly path: string; readonly fault: string };

/** Reads a condition. A fault says what has to be changed. */
export function parseCondition(request: ConditionRequest): ParsedCondition {
  let path = '';
  try {
    const condition = Object.entries(request).map(([name, allowed]) => {
      path = name;
      const values = Array.isArray(allowed) ? (allowed as readonly Scalar[]) : [allowed as Scalar];
      return { placeholder: parsePlaceholder(name, name), values: new Set(values.map(String)) };
    });
    return { condition };
  } catch (error) {
    if (error instanceof TemplateFault) return { path, fault: error.message };
    throw error;
  }
}

/** Whether every part of the condition holds. What is not there, or is no single value, matches nothing. */
export function matches(condition: Condition, input: TemplateInput): boolean {
  return condition.every(({ placeholder, values }) => {
    const found = lookUp(placeholder, input) ?? placeholder.fallback;
    return isScalar(found) && values.has(String(found));
  });
}

function isScalar(value: unknown): value is Scalar {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
}
