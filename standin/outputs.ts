// What Copilot Studio binds of the values that a topic gives to an action, and of those that come back: what the manifest
// declares, of its type. Simple types and JSON strings only
// (learn.microsoft.com/microsoft-copilot-studio/advanced-use-skills).

import { resolveSchema, type SkillManifest } from '../src/manifest/skill-manifest.ts';
import { findAction } from './manifest.ts';

export type BoundOutputs = { readonly outputs?: Record<string, unknown>; readonly dropped?: string[] };

/** Binds `value` to the outputs of the action; what is dropped comes back in words. Without a manifest any simple value binds. */
export function bindOutputs(manifest: SkillManifest | undefined, action: string, value: unknown): BoundOutputs {
  if (value === undefined || value === null) return {};
  if (!isObject(value)) return { dropped: ['value: must be an object'] };
  const { bound, dropped } = bind(manifest, action, 'resultValue', value);
  return { outputs: bound, ...(dropped.length > 0 ? { dropped } : {}) };
}

/** What the skill gets of these inputs, and in words what it does not get: a topic offers a maker the declared ones alone. */
export function bindInputs(manifest: SkillManifest | undefined, action: string, value: Record<string, unknown>): Bound {
  return bind(manifest, action, 'value', value);
}

type Bound = { readonly bound: Record<string, unknown>; readonly dropped: string[] };

function bind(
  manifest: SkillManifest | undefined,
  action: string,
  side: 'value' | 'resultValue',
  value: Record<string, unknown>,
): Bound {
  const activity = findAction(manifest, action);
  const declared = resolveSchema(manifest, activity?.[side]).properties;
  const bound: Record<string, unknown> = {};
  const dropped: string[] = [];
  for (const [name, given] of Object.entries(value)) {
    const schema = declared?.[name];
    const fault =
      activity !== undefined && schema === undefined
        ? 'not declared in the manifest'
        : findTypeFault(given, resolveSchema(manifest, schema).type);
    if (fault === undefined) bound[name] = given;
    else dropped.push(`${name}: ${fault}`);
  }
  return { bound, dropped };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function findTypeFault(output: unknown, type: string | undefined): string | undefined {
  if (Array.isArray(output)) return 'arrays are not supported';
  if (output === null) return 'is null';
  if (type === undefined) return isObject(output) ? 'objects must be JSON strings' : undefined;
  if (type === 'object') return typeof output === 'string' || isObject(output) ? undefined : `declared ${type}`;
  const actual = Number.isInteger(output) && type === 'integer' ? 'integer' : typeof output;
  return actual === type ? undefined : `declared ${type}, is ${actual}`;
}
